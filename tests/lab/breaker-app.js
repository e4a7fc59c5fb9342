// A service with a real opossum breaker in front of a real upstream, for the end-to-end tests. Knows nothing of reclose.
//
//   node breaker-app.js [--port 0] [--name payments] [--token T] [--log FILE] [--reset-timeout-ms 3000]
//                       [--traffic-ms 100] [--exit-with-stdin]
//
// The first line on stdout tells the ports: {"event":"listening","app":PORT,"upstream":PORT}. Both listen on 127.0.0.1.
//
//   GET  /call        one call through the breaker: 200, 502 (the upstream failed) or 503 (the breaker refused)
//   GET  /health      the upstream asked directly, past the breaker: its status
//   GET  /state       {"state":"closed|open|half_open","opened_at","retry_after","last_reset":{"decision","at"}|null}
//   GET  /metrics     opossum-prometheus, breaker_state (0 closed, 1 open, 2 half-open), upstream_responses_total
//   POST /admin/circuit-breaker/reset    bearer token; Idempotency-Key names the decision; the same key acts once
//   GET  /resets      {"received","done","refused","decisions":[…]}: the count that a test believes
//   POST /mode?status=429[&retry_after=5][&for_ms=5000]    what the upstream answers from now on; status=hang never does
//
// --traffic-ms calls through the breaker all the time (0: only /call does). --log appends JSON lines.
// --exit-with-stdin ends the process when its standard input closes, so that it cannot outlive a test that was killed.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { createRequire } = require('node:module');
const { parseArgs } = require('node:util');

const installed = createRequire(path.resolve(__dirname, '../../target/npm/lab/package.json'));
const CircuitBreaker = installed('opossum');
const PrometheusMetrics = installed('opossum-prometheus');
const { Counter, Gauge, register } = installed('prom-client');

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    name: { type: 'string', default: 'payments' },
    token: { type: 'string', default: '' },
    log: { type: 'string' },
    'reset-timeout-ms': { type: 'string', default: '3000' },
    'traffic-ms': { type: 'string', default: '0' },
    'exit-with-stdin': { type: 'boolean', default: false },
  },
});
const CALL_TIMEOUT_MS = 500;

const log = (level, msg, more = {}) => {
  if (!options.log) return;
  const line = { ts: new Date().toISOString(), level, service: options.name, msg, ...more };
  fs.appendFileSync(options.log, JSON.stringify(line) + '\n');
};

// --- the upstream: a server of its own, so that status and headers travel over a real connection ---

const upstream = { status: 200, retryAfter: null, until: null };

function upstreamStatus() {
  if (upstream.until !== null && Date.now() >= upstream.until) {
    Object.assign(upstream, { status: 200, retryAfter: null, until: null });
  }
  return upstream.status;
}

const upstreamServer = http.createServer((request, response) => {
  request.resume();
  const status = upstreamStatus();
  if (status === 'hang') return;
  const headers = { 'content-type': 'application/json' };
  if (upstream.retryAfter !== null) headers['retry-after'] = upstream.retryAfter;
  response.writeHead(status, headers);
  response.end(JSON.stringify({ ok: status === 200, message: http.STATUS_CODES[status] }));
});

function askUpstream(where) {
  return new Promise((resolve, reject) => {
    const { port } = upstreamServer.address();
    const request = http.get({ host: '127.0.0.1', port, path: where, agent: false, timeout: CALL_TIMEOUT_MS }, response => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, retryAfter: response.headers['retry-after'] ?? null }));
    });
    request.on('timeout', () => request.destroy(new Error('upstream timed out')));
    request.on('error', reject);
  });
}

// --- the breaker ---

class UpstreamError extends Error {
  constructor({ status, retryAfter }) {
    super(`upstream answered ${status} ${http.STATUS_CODES[status]}`);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

async function charge() {
  const answer = await askUpstream('/charge');
  responses.inc({ name: options.name, status: String(answer.status) });
  if (answer.status !== 200) throw new UpstreamError(answer);
  return 'charged';
}

const breaker = new CircuitBreaker(charge, {
  name: options.name,
  timeout: CALL_TIMEOUT_MS + 100,
  errorThresholdPercentage: 50,
  volumeThreshold: 3,
  resetTimeout: Number(options['reset-timeout-ms']),
  rollingCountTimeout: 4000,
});

const STATE_NUMBERS = { closed: 0, open: 1, half_open: 2 };
const state = () => (breaker.halfOpen ? 'half_open' : breaker.opened ? 'open' : 'closed');
let openedAt = null;
let retryAfter = null;

new PrometheusMetrics({ circuits: [breaker], registry: register });
const responses = new Counter({
  name: 'upstream_responses_total',
  help: 'Answers of the upstream, by status',
  labelNames: ['name', 'status'],
});
// A counter that is born at 1 hides its first increase: these are born at 0.
for (const status of ['200', '401', '429', '503']) responses.inc({ name: options.name, status }, 0);
const stateGauge = new Gauge({ name: 'breaker_state', help: '0 closed, 1 open, 2 half-open', labelNames: ['name'] });

breaker.on('failure', error => {
  if (error.retryAfter) retryAfter = error.retryAfter;
  const more = { breaker: options.name };
  if (error.status) more.status = error.status;
  if (error.retryAfter) more.retry_after = error.retryAfter;
  log('error', error.retryAfter ? `${error.message}, Retry-After: ${error.retryAfter}` : error.message, more);
});
breaker.on('reject', () => log('warn', `breaker ${options.name} is OPEN`, { breaker: options.name }));
breaker.on('open', () => {
  openedAt ??= new Date().toISOString();
  log('warn', `breaker ${options.name} opened`, { breaker: options.name });
});
breaker.on('halfOpen', () => log('info', `breaker ${options.name} half-open`, { breaker: options.name }));
breaker.on('close', () => {
  openedAt = null;
  retryAfter = null;
  log('info', `breaker ${options.name} closed`, { breaker: options.name });
});

// --- the reset, which a test counts ---

const resets = { received: 0, done: 0, refused: 0, decisions: [] };
let lastReset = null;

function reset(request, response) {
  resets.received += 1;
  if (!options.token || request.headers.authorization !== `Bearer ${options.token}`) {
    resets.refused += 1;
    return json(response, 401, { error: 'a valid bearer token is needed' });
  }
  const decision = request.headers['idempotency-key'] ?? null;
  const repeated = decision !== null && resets.decisions.includes(decision);
  if (!repeated) {
    resets.done += 1;
    resets.decisions.push(decision);
    lastReset = { decision, at: new Date().toISOString() };
    log('info', `breaker ${options.name} reset by hand`, { breaker: options.name, decision });
    breaker.close();
  }
  json(response, 200, { state: state(), repeated, last_reset: lastReset });
}

// --- the doors ---

function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function call(response) {
  try {
    json(response, 200, { result: await breaker.fire() });
  } catch (error) {
    json(response, error.code === 'EOPENBREAKER' ? 503 : 502, { error: error.message, code: error.code ?? null });
  }
}

async function health(response) {
  try {
    const answer = await askUpstream('/health');
    const headers = answer.retryAfter === null ? {} : { 'retry-after': answer.retryAfter };
    json(response, answer.status, { upstream: answer.status }, headers);
  } catch (error) {
    json(response, 504, { error: error.message });
  }
}

async function metrics(response) {
  stateGauge.set({ name: options.name }, STATE_NUMBERS[state()]);
  const text = await register.metrics();
  response.writeHead(200, { 'content-type': register.contentType });
  response.end(text);
}

function setMode(url, response) {
  const status = url.searchParams.get('status');
  if (status !== 'hang' && !(Number(status) >= 200 && Number(status) <= 599)) {
    return json(response, 400, { error: 'status=200…599 or status=hang' });
  }
  const forMs = url.searchParams.get('for_ms');
  upstream.status = status === 'hang' ? status : Number(status);
  upstream.retryAfter = url.searchParams.get('retry_after');
  upstream.until = forMs === null ? null : Date.now() + Number(forMs);
  json(response, 200, { mode: upstream.status, retry_after: upstream.retryAfter });
}

const app = http.createServer((request, response) => {
  request.resume();
  const url = new URL(request.url, 'http://app');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /call': return call(response);
    case 'GET /health': return health(response);
    case 'GET /state': return json(response, 200, { state: state(), opened_at: openedAt, retry_after: retryAfter, last_reset: lastReset });
    case 'GET /resets': return json(response, 200, resets);
    case 'POST /admin/circuit-breaker/reset': return reset(request, response);
    case 'POST /mode': return setMode(url, response);
    case 'GET /metrics': return metrics(response);
    default: return json(response, 404, { error: 'no such door' });
  }
});

upstreamServer.listen(0, '127.0.0.1', () => {
  app.listen(Number(options.port), '127.0.0.1', () => {
    console.log(JSON.stringify({ event: 'listening', app: app.address().port, upstream: upstreamServer.address().port }));
    const everyMs = Number(options['traffic-ms']);
    if (everyMs > 0) setInterval(() => breaker.fire().catch(() => {}), everyMs);
  });
});
process.on('SIGTERM', () => process.exit(0));
if (options['exit-with-stdin']) process.stdin.on('end', () => process.exit(0)).resume();
