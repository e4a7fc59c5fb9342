// Real breakers of opossum and cockatiel with the exporters that their packs read. Knows nothing of reclose.
//
//   node libraries.js        the first line on stdout tells the port: {"port":PORT}; it ends with its standard input
//
//   POST /upstream?ok=false  what both breakers call from now on fails
//   POST /call?times=5       calls through both, one after the other
//   POST /isolate            cockatiel's breaker is switched off by hand
//   GET  /metrics            opossum-prometheus, and a gauge of cockatiel's state
'use strict';
const http = require('node:http');
const path = require('node:path');
const { createRequire } = require('node:module');

const installed = createRequire(path.resolve(__dirname, '../../target/npm/lab/package.json'));
const CircuitBreaker = installed('opossum');
const PrometheusMetrics = installed('opossum-prometheus');
const { Gauge, Registry } = installed('prom-client');
const { circuitBreaker, ConsecutiveBreaker, handleAll } = installed('cockatiel');

const HALF_OPEN_AFTER_MS = 1000;
let ok = true;
const upstream = async () => {
  if (!ok) throw new Error('503 Service Unavailable');
};

const registry = new Registry();
const opossum = new CircuitBreaker(upstream, { name: 'opossum', resetTimeout: HALF_OPEN_AFTER_MS });
new PrometheusMetrics({ circuits: [opossum], registry });

const cockatiel = circuitBreaker(handleAll, {
  halfOpenAfter: HALF_OPEN_AFTER_MS,
  breaker: new ConsecutiveBreaker(3),
});
const state = new Gauge({
  name: 'circuit_breaker_state',
  help: 'State of the circuit breaker',
  labelNames: ['name'],
  registers: [registry],
});

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  let body = '';
  if (url.pathname === '/upstream') {
    ok = url.searchParams.get('ok') === 'true';
  } else if (url.pathname === '/call') {
    for (let n = Number(url.searchParams.get('times')); n > 0; n -= 1) {
      await opossum.fire().catch(() => {});
      await cockatiel.execute(upstream).catch(() => {});
    }
  } else if (url.pathname === '/isolate') {
    cockatiel.isolate();
  } else {
    state.set({ name: 'cockatiel' }, cockatiel.state);
    body = await registry.metrics();
  }
  response.setHeader('content-type', registry.contentType);
  response.end(body);
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on('end', () => process.exit(0));
