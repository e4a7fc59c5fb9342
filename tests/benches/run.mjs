// The figures of reclose, from a release build, beside Alertmanager on the same cores in turn.
//
//   node tests/benches/run.mjs [--rounds 5] [--seconds 5] [--only acks|memory|slack|start|rules] [--binary target/release/reclose]
//
// Alertmanager keeps alerts in memory only; reclose has them synced to disk before it answers. Every server listens on a free
// port of 127.0.0.1, lives in a temporary folder, and is ended by its own id. Figures go to standard output as Markdown.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    binary: { type: 'string', default: path.resolve(here, '../../target/release/reclose') },
  },
});
const ROUNDS = Number(options.rounds);
const TOKEN = 'bench-alertmanager-token-0123456789';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'reclose-bench-'));
const running = new Set();

const sleep = ms => new Promise(done => setTimeout(done, ms));
const sorted = numbers => [...numbers].sort((a, b) => a - b);
const quantile = (numbers, q) => sorted(numbers)[Math.min(numbers.length - 1, Math.ceil(q * numbers.length) - 1)];
const median = numbers => quantile(numbers, 0.5);
const print = line => console.log(line);

// --- servers ---

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise(done => server.once('listening', done));
  const { port } = server.address();
  await new Promise(done => server.close(done));
  return port;
}

function status(url, { method = 'GET', body, headers } = {}) {
  return new Promise(done => {
    const request = http.request(url, { method, headers, agent: false, timeout: 5000 }, response => {
      response.resume();
      response.on('end', () => done(response.statusCode));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done(0));
    request.end(body);
  });
}

async function start(command, args, ready, env = {}) {
  const log = fs.openSync(path.join(scratch, `${path.basename(command)}.log`), 'a');
  const child = spawn(command, args, { cwd: scratch, stdio: ['ignore', log, log], env: { ...process.env, ...env } });
  running.add(child);
  const ended = new Promise(done => child.once('exit', done));
  const began = process.hrtime.bigint();
  while ((await status(ready)) !== 200) {
    if (child.exitCode !== null || process.hrtime.bigint() - began > 30_000_000_000n) {
      throw new Error(`${command} does not become ready: see\n${fs.readFileSync(path.join(scratch, `${path.basename(command)}.log`), 'utf8').slice(-2000)}`);
    }
    await sleep(2);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    running.delete(child);
  };
  return { pid: child.pid, stop, readyMs: Number(process.hrtime.bigint() - began) / 1e6 };
}

const RULE = (name, alertname, probe) => `version: 1
breaker: ${name}
summary: A breaker of the benchmark
mode: observe
targets: [bench]
target_from: { label: name }
match: [ { alertmanager: { alertname: ${alertname} } } ]
act_after: 1h
state: { http: { get: "${probe}", pointer: /state }, means: { open: open, closed: closed } }
kind: manual
ladder: { otherwise: [ escalate ] }
verify: { hold: 1m, all: [ { state: closed }, alert_resolved ] }
escalate: [ { when: always, to: [ { slack: "@bench" } ] } ]
`;

let serial = 0;
async function reclose({ alertname = 'AnotherAlert', probe = 'http://127.0.0.1:9/state', slack = '' } = {}) {
  const place = path.join(scratch, `reclose-${++serial}`);
  fs.mkdirSync(path.join(place, 'rules'), { recursive: true });
  fs.writeFileSync(path.join(place, 'token'), TOKEN, { mode: 0o600 });
  fs.writeFileSync(path.join(place, 'slack'), 'xoxb-bench', { mode: 0o600 });
  fs.writeFileSync(path.join(place, 'rules/targets.yaml'), 'version: 1\ntargets: { bench: { ceiling: observe } }\n');
  fs.writeFileSync(path.join(place, 'rules/bench.yaml'), RULE('bench', alertname, probe));
  fs.writeFileSync(path.join(place, 'reclose.yaml'), `alertmanager: { tokens: [ { file: ${place}/token } ] }\n` +
    (slack ? `slack: { token: { file: ${place}/slack }, channel: "C0BENCH", api_url: "${slack}" }\n` : ''));
  const port = await freePort();
  const args = ['serve', '--config', `${place}/reclose.yaml`, '--rules', `${place}/rules`, '--data', `${place}/data`, '--listen', `127.0.0.1:${port}`];
  const server = await start(path.resolve(options.binary), args, `http://127.0.0.1:${port}/health/live`, { RUST_LOG: 'error' });
  return { ...server, url: `http://127.0.0.1:${port}`, data: `${place}/data` };
}

async function alertmanager() {
  const place = path.join(scratch, `alertmanager-${++serial}`);
  const port = await freePort();
  const config = path.resolve(here, '../lab/alertmanager.yml');
  const server = await start('prometheus-alertmanager', [`--config.file=${config}`, `--storage.path=${place}`,
    `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address=', '--log.level=error'], `http://127.0.0.1:${port}/-/ready`);
  return { ...server, url: `http://127.0.0.1:${port}` };
}

const kilobytes = (pid, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const mebibytes = pid => (kilobytes(pid, 'VmRSS') / 1024).toFixed(1);

// --- durable alerts acknowledged per second ---

async function load(kind, server, alerts, connections) {
  const args = ['-t1', `-c${connections}`, `-d${options.seconds}s`, '--timeout', '10s', '-s', path.join(here, 'load.lua'), server.url, '--', kind, String(alerts)];
  if (kind === 'reclose') args.push(TOKEN);
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  let text = '';
  child.stdout.on('data', chunk => (text += chunk));
  await new Promise(done => child.once('exit', done));
  running.delete(child);
  const result = JSON.parse(/RESULT (.*)/.exec(text)[1]);
  const good = result.requests - result.refused;
  return { perSecond: (good * alerts) / result.seconds, p50: result.p50_ms, p99: result.p99_ms, bad: result.refused + result.broken };
}

async function acks() {
  print(`\n## Alerts acknowledged per second\n`);
  print(`${ROUNDS} rounds of ${options.seconds} s each, in turn; medians. reclose: synced to disk. Alertmanager: in memory.\n`);
  print('| alerts a request | connections | reclose /s | p50 ms | p99 ms | Alertmanager /s | p50 ms | p99 ms | ratio | not answered 2xx |');
  print('|---|---|---|---|---|---|---|---|---|---|');
  for (const alerts of [1, 100]) {
    for (const connections of [1, 16, 64]) {
      const rounds = { reclose: [], alertmanager: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [kind, make] of Object.entries({ reclose, alertmanager })) {
          const server = await make();
          rounds[kind].push(await load(kind, server, alerts, connections));
          await server.stop();
        }
      }
      const of = (kind, what) => median(rounds[kind].map(one => one[what]));
      const bad = [...rounds.reclose, ...rounds.alertmanager].reduce((sum, one) => sum + one.bad, 0);
      const cells = kind => `${of(kind, 'perSecond').toFixed(0)} | ${of(kind, 'p50').toFixed(2)} | ${of(kind, 'p99').toFixed(2)}`;
      print(`| ${alerts} | ${connections} | ${cells('reclose')} | ${cells('alertmanager')} | ${(of('reclose', 'perSecond') / of('alertmanager', 'perSecond')).toFixed(2)} | ${bad} |`);
    }
  }
}

// --- memory ---

function notification(names, alertname) {
  const alerts = names.map(name => ({
    status: 'firing',
    labels: { alertname, severity: 'critical', name },
    annotations: { summary: 'a breaker is open' },
    startsAt: new Date().toISOString(),
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: '',
    fingerprint: Buffer.from(name.padStart(8, '0').slice(-8)).toString('hex'),
  }));
  return JSON.stringify({ version: '4', groupKey: `{}:{name="${names[0]}"}`, truncatedAlerts: 0, status: 'firing', receiver: 'reclose',
    groupLabels: {}, commonLabels: {}, commonAnnotations: {}, externalURL: 'http://alertmanager:9093', alerts });
}

const send = (server, body) => status(`${server.url}/webhooks/alertmanager`, {
  method: 'POST', body, headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
});

async function memory() {
  const INCIDENTS = 10_000;
  print(`\n## Memory (resident)\n`);
  const server = await reclose({ alertname: 'BenchBreakerOpen' });
  await sleep(2000);
  print(`- at rest: ${mebibytes(server.pid)} MiB`);
  for (let first = 0; first < INCIDENTS; first += 100) {
    const answer = await send(server, notification(Array.from({ length: 100 }, (_, index) => `t${first + index}`), 'BenchBreakerOpen'));
    if (answer !== 200) throw new Error(`a webhook was answered ${answer}`);
  }
  const open = () => {
    const args = ['incidents', '--json', '--data', server.data];
    const said = JSON.parse(execFileSync(path.resolve(options.binary), args, { maxBuffer: 1 << 28 }));
    return said.incidents.length + said.more;
  };
  const began = Date.now();
  while (open() < INCIDENTS) {
    if (Date.now() - began > 300_000) throw new Error(`only ${open()} incidents after five minutes`);
    await sleep(2000);
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  await sleep(10_000);
  print(`- with ${open()} open incidents (open ${seconds} s after the last webhook): ${mebibytes(server.pid)} MiB, at its highest ${(kilobytes(server.pid, 'VmHWM') / 1024).toFixed(1)} MiB`);
  await server.stop();
}

// --- from the webhook to the first post in Slack ---

async function slack() {
  const POSTS = 60;
  print(`\n## From webhook to first Slack post\n`);
  let arrived = () => {};
  const fake = http.createServer((request, response) => {
    let body = '';
    request.on('data', chunk => (body += chunk));
    request.on('end', () => {
      if (request.url.endsWith('/chat.postMessage')) arrived(body);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ok: true, channel: 'C0BENCH', ts: `${Date.now() / 1000}`, messages: [], message: { ts: '1.1', text: '' }, team: 'T', user: 'U', user_id: 'U', team_id: 'T', url: 'https://slack' }));
    });
  });
  const backend = http.createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"state":"open"}');
  });
  for (const one of [fake, backend]) await new Promise(done => one.listen(0, '127.0.0.1', done));
  const server = await reclose({ alertname: 'BenchBreakerOpen', slack: `http://127.0.0.1:${fake.address().port}/api/`, probe: `http://127.0.0.1:${backend.address().port}/state` });
  await sleep(1500);
  const spans = [];
  for (let index = 0; index < POSTS; index += 1) {
    const name = `p${index}x`;
    const posted = new Promise((done, fail) => {
      const late = setTimeout(() => fail(new Error('no post within 10 s')), 10_000);
      arrived = body => { if (body.includes(name)) { clearTimeout(late); done(process.hrtime.bigint()); } };
    });
    const began = process.hrtime.bigint();
    const answer = await send(server, notification([name], 'BenchBreakerOpen'));
    if (answer !== 200) throw new Error(`a webhook was answered ${answer}`);
    spans.push(Number((await posted) - began) / 1e6);
    await sleep(4000); // a channel takes a post each 1.2 s, and an incident here has a root, a page and some lines
  }
  await server.stop();
  fake.close();
  backend.close();
  print(`n = ${POSTS}, one at a time, backends answer at once: p50 ${quantile(spans, 0.5).toFixed(1)} ms, p99 ${quantile(spans, 0.99).toFixed(1)} ms, highest ${Math.max(...spans).toFixed(1)} ms`);
}

// --- start-up and size ---

async function startUp() {
  const STARTS = 20;
  const spans = [];
  for (let index = 0; index < STARTS; index += 1) {
    const server = await reclose();
    spans.push(server.readyMs);
    await server.stop();
  }
  print(`\n## Start and size\n`);
  print(`- from start to /health/live, empty data directory, n = ${STARTS}: p50 ${median(spans).toFixed(0)} ms, highest ${Math.max(...spans).toFixed(0)} ms`);
  print(`- binary: ${(fs.statSync(options.binary).size / 1048576).toFixed(1)} MiB`);
}

// --- rules ---

async function rules() {
  const RULES = 500;
  const ROUNDS = 21;
  const BOUND_MS = 200;
  const shipped = path.resolve(here, '../../rules');
  const folder = path.join(scratch, 'many-rules');
  fs.mkdirSync(folder);
  fs.copyFileSync(path.join(shipped, 'targets.yaml'), path.join(folder, 'targets.yaml'));
  const templates = fs.readdirSync(shipped)
    .filter(name => name.endsWith('.yaml') && name !== 'targets.yaml' && !/\.(test|steps)\.yaml$/.test(name))
    .map(name => fs.readFileSync(path.join(shipped, name), 'utf8'));
  let bytes = 0;
  for (let index = 0; index < RULES; index += 1) {
    // Each a rule of its own: another name, other alerts.
    const text = templates[index % templates.length]
      .replace(/^breaker: .*$/m, `breaker: rule-${index}`)
      .replace(/alertname: (\w+|\[[^\]]*\])/g, `alertname: Alert${index}`);
    bytes += text.length;
    fs.writeFileSync(path.join(folder, `rule-${index}.yaml`), text);
  }
  const spans = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = process.hrtime.bigint();
    const said = execFileSync(path.resolve(options.binary), ['check', folder]).toString();
    spans.push(Number(process.hrtime.bigint() - began) / 1e6);
    if (!said.includes(`${RULES} rules`)) throw new Error(said);
  }
  print(`\n## Loading rules\n`);
  print(`${RULES} rules (${(bytes / 1024).toFixed(0)} KiB, made of the ${templates.length} shipped), \`reclose check\` from start to end, n = ${ROUNDS}: p50 ${median(spans).toFixed(0)} ms, highest ${Math.max(...spans).toFixed(0)} ms`);
  if (median(spans) >= BOUND_MS) throw new Error(`500 rules take ${median(spans).toFixed(0)} ms: more than ${BOUND_MS} ms`);
}

const parts = { acks, memory, slack, start: startUp, rules };
try {
  print(`# Figures\n\n${os.cpus().length} cores (${os.cpus()[0].model.trim()}), ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB, ${os.release()}; ${new Date().toISOString().slice(0, 10)}`);
  for (const [name, run] of Object.entries(parts)) if (!options.only || options.only === name) await run();
} finally {
  for (const child of running) child.kill('SIGKILL');
  fs.rmSync(scratch, { recursive: true, force: true });
}
