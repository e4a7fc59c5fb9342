"""A real breaker of pybreaker with an exporter as its pack reads it. Knows nothing of reclose.

    python libraries.py      the first line on stdout tells the port: {"port": PORT}; it ends with its standard input

    POST /upstream?ok=false  what the breaker calls from now on fails
    POST /call?times=5       calls through it, one after the other
    GET  /metrics            prometheus_client, a gauge with one series for each state
"""
import http.server
import json
import os
import sys
import threading
from urllib.parse import parse_qs, urlsplit

import prometheus_client
import pybreaker

STATES = ("closed", "open", "half-open")
registry = prometheus_client.CollectorRegistry()
gauge = prometheus_client.Gauge("pybreaker_state", "The state of the circuit breaker", ["name", "state"], registry=registry)


def show(breaker, current):
    for state in STATES:
        gauge.labels(breaker.name, state).set(state == current)


class Exporter(pybreaker.CircuitBreakerListener):
    def state_change(self, cb, old_state, new_state):
        # Not `cb.current_state`: while listeners are told, it is still the old one.
        show(cb, new_state.name)


breaker = pybreaker.CircuitBreaker(fail_max=3, reset_timeout=1, name="pybreaker", listeners=[Exporter()])
show(breaker, breaker.current_state)
upstream = {"ok": True}


def call():
    if not upstream["ok"]:
        raise ConnectionError("503 Service Unavailable")


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, body=b""):
        self.send_response(200)
        self.send_header("content-type", prometheus_client.CONTENT_TYPE_LATEST)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(prometheus_client.generate_latest(registry))

    def do_POST(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/upstream":
            upstream["ok"] = query["ok"] == "true"
        for _ in range(int(query.get("times", 0))):
            try:
                breaker.call(call)
            except (ConnectionError, pybreaker.CircuitBreakerError):
                pass
        self.answer()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port}), flush=True)
sys.stdin.read()
os._exit(0)
