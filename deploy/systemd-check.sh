#!/usr/bin/env bash
# Boots a Debian with systemd in a container of its own, installs the unit as its first lines say, and looks whether the
# server runs under all of its hardening. Needs root. Nothing of this machine's own systemd is touched.
#
#   deploy/systemd-check.sh [BINARY]       default target/release/reclose, else target/debug/reclose
set -euo pipefail
cd "$(dirname "$0")/.."
readonly place="$PWD/target/systemd"

binary="${1:-}"
[ -n "$binary" ] || for binary in target/release/reclose target/debug/reclose; do [ -x "$binary" ] && break; done
[ -x "$binary" ] || { echo "no binary: build one first (cargo build --release)" >&2 && exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "a container needs root: sudo deploy/systemd-check.sh" >&2 && exit 1; }
tests/lab/install.sh systemd
mkdir -p "$place"

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
if ! [ -f "$place/debian.tar" ]; then
    echo '==> a Debian 12 root with systemd, by debootstrap (kept in target/systemd)'
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,curl bookworm "$root" >"$place/debootstrap.log" 2>&1 ||
        { tail -n 20 "$place/debootstrap.log" >&2 && exit 1; }
    tar -C "$root" -c . >"$place/debian.tar.part"
    mv "$place/debian.tar.part" "$place/debian.tar"
else
    tar -C "$root" -xf "$place/debian.tar"
fi
# It is the root of other users too: mktemp made it for us alone.
chmod 0755 "$root"

install -D -m 0755 "$binary" "$root/usr/local/bin/reclose"
install -D -m 0644 deploy/systemd/reclose.sysusers "$root/etc/sysusers.d/reclose.conf"
install -D -m 0644 deploy/systemd/reclose.service "$root/etc/systemd/system/reclose.service"
install -d -m 0755 "$root/etc/reclose/rules"
install -d -m 0700 "$root/etc/reclose/secrets"
install -m 0644 deploy/reclose.yaml "$root/etc/reclose/reclose.yaml"
install -m 0644 rules/*.yaml "$root/etc/reclose/rules/"
printf 'systemd-check-token-0123456789abcdef' | install -m 0600 /dev/stdin "$root/etc/reclose/secrets/alertmanager"

# Runs inside, prints one line for each finding, then switches the container off.
install -m 0755 /dev/stdin "$root/usr/local/bin/look" <<'LOOK'
#!/bin/bash
exec >/look.out 2>&1
url=http://127.0.0.1:7325
for _ in $(seq 100); do
    [ "$(curl -s -o /dev/null -w '%{http_code}' $url/health/live)" = 200 ] && break
    sleep 0.1
done
pid="$(systemctl show --property MainPID --value reclose)"
echo "live=$(curl -s -o /dev/null -w '%{http_code}' $url/health/live)"
echo "user=$(stat -c %U "/proc/$pid")"
grep -E '^(CapEff|NoNewPrivs|Seccomp):' "/proc/$pid/status" | sed 's/:\s*/=/'
echo "data=$(stat -c '%U %a' /var/lib/reclose)"
echo "files=$(ls /var/lib/reclose | wc -l)"
echo "webhook=$(curl -s -o /dev/null -w '%{http_code}' -H "authorization: Bearer $(cat /etc/reclose/secrets/alertmanager)" \
    -H 'content-type: application/json' -d '{"version":"4","groupKey":"{}:{}","status":"firing","receiver":"reclose","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am","truncatedAlerts":0,"alerts":[{"status":"firing","labels":{"alertname":"UnitCheck"},"annotations":{},"startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"c6eadffa33fcdf37"}]}' $url/webhooks/alertmanager)"
echo "starts=$(systemctl show --property NRestarts --value reclose)"
systemctl stop reclose
echo "stopped=$(systemctl show --property Result --value reclose) $(systemctl show --property ExecMainStatus --value reclose)"
journalctl --no-pager --unit reclose --output cat 2>/dev/null | tail -n 15 | sed 's/^/log: /'
LOOK
cat >"$root/etc/systemd/system/look.service" <<'UNIT'
[Unit]
After=reclose.service
[Service]
Type=oneshot
ExecStart=/usr/local/bin/look
ExecStopPost=/bin/systemctl poweroff --force
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s /etc/systemd/system/{reclose,look}.service "$root/etc/systemd/system/multi-user.target.wants/"

echo '==> booted, with the unit as shipped'
timeout 120 systemd-nspawn --directory="$root" --boot --register=no --keep-unit --private-network --console=pipe \
    </dev/null >"$place/boot.log" 2>&1 || true
[ -f "$root/look.out" ] || { tail -n 20 "$place/boot.log" >&2 && echo 'FAILED  it did not boot' >&2 && exit 1; }

failed=0
found() {
    if grep -qxE "$2" "$root/look.out"; then
        echo "ok      $1"
    else
        failed=1
        echo "FAILED  $1: wanted $2"
    fi
}
found '/health/live answers 200' 'live=200'
found 'it runs as its own user' 'user=reclose'
found 'no capabilities' 'CapEff=0000000000000000'
found 'no new privileges' 'NoNewPrivs=1'
found 'system calls are filtered' 'Seccomp=2'
found 'its data directory is its own alone' 'data=reclose 700'
found 'it wrote its data' 'files=[1-9][0-9]*'
found 'a webhook is stored' 'webhook=200'
found 'it was started once' 'starts=0'
found 'it ends by itself after SIGTERM' 'stopped=success 0'
[ "$failed" -eq 0 ] || cat "$root/look.out" >&2
exit "$failed"
