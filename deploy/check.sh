#!/usr/bin/env bash
# Checks what deploy/ holds, each by the program that will read it. Touches nothing outside a temporary folder;
# nginx runs for a moment on a loopback port and is ended by its own id.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

# `systemd-analyze security`: 0 is closed, 10 is open. Below 2.0 is called "OK"; a directive that is lost raises it.
readonly exposure_limit=15 # tenths: 1.5

scratch="$(mktemp -d)"
nginx_pid=
clean_up() {
    [ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean_up EXIT

passed=0
failed=0
check() {
    local title="$1" log="$scratch/log"
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $title"
    else
        failed=$((failed + 1))
        echo "FAILED  $title"
        sed 's/^/        /' "$log"
    fi
}

# --- Alertmanager and Prometheus --------------------------------------------------------------------------------

# Who is told, by the shipped routes?
routed() {
    local wanted="$1" got
    shift
    got="$(amtool config routes test --config.file deploy/alertmanager.yml "$@" 2>/dev/null)"
    [ "$got" = "$wanted" ] || { echo "labels $*: goes to \`$got\`, not to \`$wanted\`" && return 1; }
}

check 'alertmanager.yml: amtool check-config' amtool check-config deploy/alertmanager.yml
check 'alertmanager.yml: breakers go to reclose and to people' routed reclose,people alertname=PMSCircuitBreakerOpen reclose=true
check 'alertmanager.yml: the heartbeat goes to reclose alone' routed reclose alertname=Watchdog
check 'alertmanager.yml: the rest goes to people' routed people alertname=DiskFull
# An alert on a metric that was renamed is silent for ever.
metrics_exist() {
    local name
    for name in $(grep -oE 'reclose_[a-z_]+' deploy/prometheus-rules.yml | sort -u); do
        name="${name#reclose_}"
        grep -q "\"${name%_total}\"" src/telemetry/metrics.rs || { echo "reclose has no metric $name" && return 1; }
    done
}
check 'prometheus-rules.yml: our metrics exist' metrics_exist
check 'prometheus-rules.yml: promtool check rules' promtool check rules deploy/prometheus-rules.yml
check 'prometheus-rules.yml: promtool test rules' promtool test rules deploy/prometheus-rules_test.yml
# An alert that no test makes fire is one that may never fire.
alerts_tried() {
    local name
    for name in $(sed -n 's/^ *- alert: *//p' deploy/prometheus-rules.yml); do
        grep -q "alertname: $name\$" deploy/prometheus-rules_test.yml || { echo "nothing makes $name fire" && return 1; }
    done
}
check 'prometheus-rules.yml: a test for each alert' alerts_tried
check 'prometheus-libraries.yml: promtool check rules' promtool check rules deploy/prometheus-libraries.yml
check 'prometheus-libraries.yml: promtool test rules' promtool test rules deploy/prometheus-libraries_test.yml
check 'tests/lab/prometheus.yml: promtool check config' promtool check config tests/lab/prometheus.yml
check 'tests/lab/rules.yml: promtool test rules' promtool test rules tests/lab/rules_test.yml
check 'tests/lab/alertmanager.yml: amtool check-config' amtool check-config tests/lab/alertmanager.yml

# --- systemd ----------------------------------------------------------------------------------------------------

# The unit as it is, but for the path of the binary, which need not be installed here.
unit="$scratch/reclose.service"
printf '#!/bin/sh\n' >"$scratch/reclose" && chmod +x "$scratch/reclose"
sed "s|/usr/local/bin/reclose|$scratch/reclose|" deploy/systemd/reclose.service >"$unit"

# Verify prints what it finds, and does not always fail for it: clean means silent. Units of the machine are not ours.
unit_is_clean() {
    local said
    said="$(systemd-analyze verify --recursive-errors=no "$unit" 2>&1)" || { echo "$said" && return 1; }
    [ -z "$said" ] || { echo "$said" && return 1; }
}
check 'reclose.service: systemd-analyze verify' unit_is_clean
check "reclose.service: exposure below $((exposure_limit / 10)).$((exposure_limit % 10)) (systemd-analyze security)" \
    systemd-analyze security --no-pager --offline=true --threshold="$exposure_limit" "$unit"
check 'reclose.sysusers: systemd-sysusers --dry-run' systemd-sysusers --dry-run "$PWD/deploy/systemd/reclose.sysusers"

# --- nginx ------------------------------------------------------------------------------------------------------

# An authority, the server's certificate, and one for Alertmanager.
certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$1/ca.key" -out "$1/clients-ca.pem"
    local name
    for name in server alertmanager other; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -addext 'subjectAltName=DNS:reclose.internal' \
            -keyout "$1/$name.key" -out "$1/$name.csr"
        openssl x509 -req -days 2 -in "$1/$name.csr" -CA "$1/clients-ca.pem" -CAkey "$1/ca.key" -CAcreateserial \
            -copy_extensions copy -out "$1/$name.pem"
    done
}

# The file as it is, but for paths and ports: here there is nothing behind it, so who is let through gets a 502.
nginx_configuration() {
    cat <<CONF
daemon off; pid $scratch/nginx.pid; error_log $scratch/nginx.log; worker_processes 1;
events {}
http {
    access_log off;
    client_body_temp_path $scratch/b; proxy_temp_path $scratch/p; fastcgi_temp_path $scratch/f;
    uwsgi_temp_path $scratch/u; scgi_temp_path $scratch/s;
$(sed -e "s|/etc/reclose/tls|$scratch|" -e "s|listen 7326|listen 127.0.0.1:$1|" -e "s|127.0.0.1:7325|127.0.0.1:$2|" deploy/nginx-mtls.conf)
}
CONF
}

free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }

answer() {
    curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 --noproxy '*' \
        --cacert "$scratch/clients-ca.pem" --resolve "reclose.internal:$port:127.0.0.1" "$@" || true
}

answers() {
    local wanted="$1" got
    shift
    got="$(answer "$@")"
    [ "$got" = "$wanted" ] || { echo "answered $got, not $wanted" && return 1; }
}

with_certificate=(--cert "$scratch/alertmanager.pem" --key "$scratch/alertmanager.key")
check 'nginx-mtls.conf: certificates for the trial' certificates "$scratch"
port="$(free_port)"
nginx_configuration "$port" "$(free_port)" >"$scratch/nginx.conf"
check 'nginx-mtls.conf: nginx -t' nginx -t -c "$scratch/nginx.conf" -e "$scratch/nginx.log"
nginx -c "$scratch/nginx.conf" -e "$scratch/nginx.log" &
nginx_pid=$!
for _ in $(seq 100); do
    [ "$(answer "https://reclose.internal:$port/")" != 000 ] && break
    sleep 0.05
done
url="https://reclose.internal:$port"
check 'nginx-mtls.conf: no certificate, no way in' answers 400 "$url/webhooks/alertmanager"
check 'nginx-mtls.conf: with a certificate, through to reclose' answers 502 "${with_certificate[@]}" "$url/webhooks/alertmanager"
check 'nginx-mtls.conf: not with the certificate of another client' answers 403 \
    --cert "$scratch/other.pem" --key "$scratch/other.key" "$url/webhooks/alertmanager"
check 'nginx-mtls.conf: only the webhooks' answers 404 "${with_certificate[@]}" "$url/metrics"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
