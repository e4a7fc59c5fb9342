-- Load for wrk: webhooks for reclose, or posts to Alertmanager's API, with the same alerts in both.
--   wrk … -s benches/load.lua URL -- (reclose|alertmanager) ALERTS_PER_REQUEST [TOKEN]
-- Each thread walks through alerts of its own. The last line is for benches/run.mjs.
local INSTANCES = 5000 -- different alerts of a thread: enough that no cache of the last one helps

local threads = 0
function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local function labels(number)
  return '{"alertname":"BenchBreakerOpen","severity":"critical","service":"bench","name":"t' .. id .. '-' .. number .. '"}'
end

local ANNOTATIONS = '{"summary":"a breaker is open","runbook_url":"https://runbooks.example/breaker"}'

local function webhook(first, count)
  local alerts = {}
  for i = 0, count - 1 do
    local number = (first + i) % INSTANCES
    alerts[#alerts + 1] = '{"status":"firing","labels":' .. labels(number) .. ',"annotations":' .. ANNOTATIONS ..
      ',"startsAt":"' .. starts_at .. '","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus:9090/graph",' ..
      '"fingerprint":"' .. string.format("%04x%012x", id, number) .. '"}'
  end
  return '{"version":"4","groupKey":"{}:{alertname=\\"BenchBreakerOpen\\"}","truncatedAlerts":0,"status":"firing",' ..
    '"receiver":"reclose","groupLabels":{"alertname":"BenchBreakerOpen"},"commonLabels":{"alertname":"BenchBreakerOpen"},' ..
    '"commonAnnotations":{},"externalURL":"http://alertmanager:9093","alerts":[' .. table.concat(alerts, ",") .. ']}'
end

local function posted(first, count)
  local alerts = {}
  for i = 0, count - 1 do
    alerts[#alerts + 1] = '{"labels":' .. labels((first + i) % INSTANCES) .. ',"annotations":' .. ANNOTATIONS ..
      ',"startsAt":"' .. starts_at .. '","generatorURL":"http://prometheus:9090/graph"}'
  end
  return '[' .. table.concat(alerts, ",") .. ']'
end

-- Requests are made before the clock starts: building text must not be what is measured.
function init(args)
  starts_at = os.date("!%Y-%m-%dT%H:%M:%SZ")
  local kind, count = args[1], tonumber(args[2])
  local headers = { ["content-type"] = "application/json" }
  if args[3] then headers["authorization"] = "Bearer " .. args[3] end
  local path = kind == "reclose" and "/webhooks/alertmanager" or "/api/v2/alerts"
  local body = kind == "reclose" and webhook or posted
  requests = {}
  for first = 0, INSTANCES - 1, count do
    requests[#requests + 1] = wrk.format("POST", path, headers, body(first, count))
  end
  next_request = 0
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
