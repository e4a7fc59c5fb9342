// Lines to causes: `reclose classify --summary` beside `rg -f PATTERNS -c` with the same patterns, one thread each, in turn.
// Usage: node tests/benches/classify.mjs [path of reclose] [megabytes]
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const reclose = process.argv[2] ?? 'target/release/reclose';
const megabytes = Number(process.argv[3] ?? 200);
const ROUNDS = 5;
const folder = mkdtempSync(join(tmpdir(), 'reclose-classify-'));

// The same on every machine.
let seed = 7;
const random = (below) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed % below;
};
const pick = (list) => list[random(list.length)];

const rows = readFileSync('tests/golden/lines.jsonl', 'utf8').trim().split('\n').map((row) => JSON.parse(row));
const one = (row) => row.line.replaceAll('\n', ' ');
const failing = rows.filter((row) => row.label !== 'benign').map(one);
const ordinary = [
  () => `2026-11-28T10:${10 + random(50)}:${10 + random(50)}.${100 + random(900)}Z INFO  [http-nio-8080-exec-${random(40)}] c.e.orders.OrderController : order ${random(1e6)} accepted for customer ${random(1e5)}, ${1 + random(9)} items, total ${random(1e5)} cents`,
  () => `10.4.${random(256)}.${random(256)} - - [28/Nov/2026:10:${10 + random(50)}:${10 + random(50)} +0000] "GET /api/v2/orders/${random(1e6)} HTTP/1.1" 200 ${random(9000)} "-" "okhttp/4.12.0" ${random(900)}`,
  () => `{"level":"info","ts":"2026-11-28T10:${10 + random(50)}:00Z","msg":"request done","path":"/v1/items/${random(1e6)}","duration_ms":${random(900)},"bytes":${random(9000)}}`,
  () => `time="2026-11-28T10:${10 + random(50)}:00Z" level=debug msg="cache hit" key=item:${random(1e6)} ttl=${random(900)}s shard=${random(16)}`,
  () => `I1128 10:${10 + random(50)}:00.${100000 + random(9e5)}   ${random(30000)} controller.go:${random(900)}] synced ${random(900)} objects of kind Order in namespace shop-${random(40)}`,
];

const write = (path, percent, wrap) => {
  const file = openSync(path, 'w');
  let written = 0;
  let block = '';
  let count = 0;
  while (written < megabytes * 1e6) {
    const line = random(100) < percent ? pick(failing) : pick(ordinary)();
    block += wrap ? JSON.stringify({ id: String(count), line }) + '\n' : line + '\n';
    count += 1;
    if (block.length > 1 << 20) {
      written += writeSync(file, block);
      block = '';
    }
  }
  writeSync(file, block);
  closeSync(file);
  return count;
};

const timed = (command, args, input) => {
  const before = process.hrtime.bigint();
  const done = spawnSync(command, args, { stdio: [input ?? 'ignore', 'pipe', 'inherit'], maxBuffer: 1 << 30 });
  const secs = Number(process.hrtime.bigint() - before) / 1e9;
  if (done.status === null || done.status > 1) throw new Error(`${command} ended with ${done.status}`);
  return { secs, text: done.stdout };
};
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

try {
  const patterns = join(folder, 'patterns');
  writeFileSync(patterns, execFileSync(reclose, ['classify', '--searched']));
  for (const percent of [1, 20]) {
    const path = join(folder, `lines-${percent}`);
    const count = write(path, percent, false);
    const ours = [];
    const theirs = [];
    let found;
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = timed(reclose, ['classify', '--summary', path, '--json']);
      found = JSON.parse(first.text);
      ours.push(first.secs);
      theirs.push(timed('rg', ['-j1', '--no-config', '-i', '-f', patterns, '-c', path]).secs);
    }
    const [we, they] = [median(ours), median(theirs)];
    console.log(`${percent} % of ${count} lines, ${megabytes} MB, n=${ROUNDS}: reclose ${we.toFixed(2)} s (${(megabytes / we).toFixed(0)} MB/s), ` +
      `rg -f ${they.toFixed(2)} s, ratio ${(they / we).toFixed(2)}; ${count - found.none} lines say something`);
    rmSync(path);
  }
  const path = join(folder, 'lines.jsonl');
  const count = write(path, 1, true);
  const input = openSync(path, 'r');
  const { secs } = timed(reclose, ['classify', '--jsonl'], input);
  console.log(`--jsonl, 1 %: ${count} lines in ${secs.toFixed(2)} s, ${(count / secs).toFixed(0)} lines/s, ${(megabytes / secs).toFixed(0)} MB/s, n=1`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
