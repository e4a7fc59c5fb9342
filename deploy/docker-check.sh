#!/usr/bin/env bash
# Builds the run-time stage of deploy/Dockerfile on a Debian root made here, with a binary built here, and starts it as
# shipped: read-only, not root, no capabilities. Needs root, and nothing from an image registry.
#
#   deploy/docker-check.sh [BINARY]        default target/release/reclose, else target/debug/reclose
#
# The Docker Engine is one of its own: its socket, data and pid lie in target/docker, and it is ended at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"
readonly place="$PWD/target/docker"

binary="${1:-}"
[ -n "$binary" ] || for binary in target/release/reclose target/debug/reclose; do [ -x "$binary" ] && break; done
[ -x "$binary" ] || { echo "no binary: build one first (cargo build --release)" >&2 && exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "the Docker Engine needs root: sudo deploy/docker-check.sh" >&2 && exit 1; }
tests/lab/install.sh docker
mkdir -p "$place"

# Classic builds: the newer builder is a plug-in that is not everywhere.
export DOCKER_HOST="unix://$place/docker.sock" DOCKER_BUILDKIT=0 DOCKER_CONFIG="$place/config"
scratch="$(mktemp -d)"
engine_pid=
clean_up() {
    if [ -n "$engine_pid" ]; then
        docker rm --force reclose-check >/dev/null 2>&1 || true
        kill "$engine_pid" 2>/dev/null || true
        wait "$engine_pid" 2>/dev/null || true
    fi
    # What a mount point of the engine would keep from being deleted.
    umount "$place"/exec/netns/* 2>/dev/null || true
    rm -rf "$scratch" "$place/data" "$place/exec"
}
trap clean_up EXIT

say() { printf '\n==> %s\n' "$*"; }
fail() {
    echo "FAILED  $*" >&2
    docker logs reclose-check 2>&1 | tail -n 20 >&2 || true
    exit 1
}
ok() { echo "ok      $*"; }

if ! [ -f "$place/debian.tar" ]; then
    say 'a Debian 12 root, by debootstrap (kept in target/docker)'
    debootstrap --variant=minbase bookworm "$scratch/debian" >"$place/debootstrap.log" 2>&1 ||
        { tail -n 20 "$place/debootstrap.log" >&2 && exit 1; }
    tar -C "$scratch/debian" -c . >"$place/debian.tar.part"
    mv "$place/debian.tar.part" "$place/debian.tar"
fi

say 'Docker Engine, with no bridge and no packet filter'
rm -f "$place/docker.sock" "$place/docker.pid"
dockerd -H "$DOCKER_HOST" --data-root "$place/data" --exec-root "$place/exec" -p "$place/docker.pid" \
    --iptables=false --ip6tables=false --bridge=none --ip-forward=false --ip-masq=false -l warn \
    >"$place/dockerd.log" 2>&1 &
engine_pid=$!
for _ in $(seq 100); do
    docker version >/dev/null 2>&1 && break
    kill -0 "$engine_pid" 2>/dev/null || { tail -n 20 "$place/dockerd.log" >&2 && exit 1; }
    sleep 0.1
done
docker version --format '{{.Server.Version}}'

say 'the run-time stage'
# An image named as the build stage, holding what that stage would leave in /out. Docker takes `--from=build` for an image
# when the file has no such stage, so the run-time stage is built as it stands.
install -D -m 0755 "$binary" "$scratch/build/out/root/usr/local/bin/reclose"
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$scratch/build/out/root/etc/ssl/certs/ca-certificates.crt"
install -d -m 0755 "$scratch/build/out/root/etc/reclose/rules"
install -d -m 0700 "$scratch/build/out/data"
tar -C "$scratch/build" -c . | docker import - build:latest >/dev/null
docker import "$place/debian.tar" reclose-check-debian:12 >/dev/null
mkdir "$scratch/context"
{
    grep '^ARG RUNTIME_IMAGE' deploy/Dockerfile
    sed -n '/^# --- run time ---/,$p' deploy/Dockerfile
} >"$scratch/context/Dockerfile"
docker build --network none --build-arg RUNTIME_IMAGE=reclose-check-debian:12 -t reclose-check "$scratch/context" \
    >"$place/build.log" 2>&1 || { cat "$place/build.log" >&2 && exit 1; }

say 'started as shipped: read-only, not root, no capabilities'
install -d -m 0755 "$scratch/etc" "$scratch/etc/rules" "$scratch/secrets"
cat >"$scratch/etc/reclose.yaml" <<'YAML'
alertmanager:
  tokens: [{ file: /run/secrets/alertmanager }]
YAML
install -m 0644 rules/*.yaml "$scratch/etc/rules/"
printf 'container-check-token-0123456789abcdef' >"$scratch/secrets/alertmanager"
chown -R 65532:65532 "$scratch/secrets" && chmod 0400 "$scratch/secrets/alertmanager"
port="$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')"
docker run --detach --name reclose-check --network host --read-only --cap-drop ALL --security-opt no-new-privileges \
    --ulimit nofile=4096:4096 --memory 512m --env "RECLOSE_LISTEN=127.0.0.1:$port" \
    --volume "$scratch/etc:/etc/reclose:ro" --volume "$scratch/secrets:/run/secrets:ro" reclose-check >/dev/null

ask() { curl --silent --noproxy '*' --max-time 5 --output /dev/null --write-out '%{http_code}' "$@" || true; }
base="http://127.0.0.1:$port"
for _ in $(seq 100); do
    [ "$(ask "$base/health/live")" = 200 ] && break
    [ "$(docker inspect --format '{{.State.Running}}' reclose-check)" = true ] || fail 'it ended by itself'
    sleep 0.1
done
[ "$(ask "$base/health/live")" = 200 ] || fail '/health/live does not answer 200 within 10 s'
ok '/health/live answers 200'

pid="$(docker inspect --format '{{.State.Pid}}' reclose-check)"
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }
[ "$(status Uid | cut -f1)" = 65532 ] || fail "it runs as uid $(status Uid | cut -f1)"
ok 'it runs as uid 65532'
[ "$(status CapEff)" = 0000000000000000 ] || fail "it has capabilities: $(status CapEff)"
[ "$(status NoNewPrivs)" = 1 ] || fail 'it could gain privileges'
ok 'no capabilities, no new privileges'
docker exec reclose-check /bin/sh -c 'echo x >/usr/local/x || echo x >/etc/x || echo x >/tmp/x' 2>/dev/null &&
    fail 'its root can be written to'
ok 'its root is read-only'
docker exec reclose-check /bin/sh -c 'test -s /var/lib/reclose/*.db || ls /var/lib/reclose/* >/dev/null' ||
    fail 'its data directory is empty'
ok "its data directory holds: $(docker exec reclose-check ls /var/lib/reclose | tr '\n' ' ')"

body='{"version":"4","groupKey":"{}:{}","status":"firing","receiver":"reclose","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am","truncatedAlerts":0,"alerts":[{"status":"firing","labels":{"alertname":"ContainerCheck"},"annotations":{},"startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"c6eadffa33fcdf37"}]}'
json=(--header 'content-type: application/json' --data "$body" "$base/webhooks/alertmanager")
[ "$(ask "${json[@]}")" = 401 ] || fail "a webhook without the token is answered $(ask "${json[@]}"), not 401"
ok 'a webhook without the token: 401'
code="$(ask --header "authorization: Bearer $(cat "$scratch/secrets/alertmanager")" "${json[@]}")"
[ "$code" = 200 ] || fail "a webhook with the token is answered $code, not 200"
ok 'a webhook with the token: stored, 200'

docker stop --time 30 reclose-check >/dev/null
code="$(docker inspect --format '{{.State.ExitCode}}' reclose-check)"
[ "$code" = 0 ] || fail "it ended with $code after SIGTERM, not 0"
ok 'it ends with 0 after SIGTERM'
docker start reclose-check >/dev/null
for _ in $(seq 100); do [ "$(ask "$base/health/live")" = 200 ] && break || sleep 0.1; done
[ "$(ask "$base/health/live")" = 200 ] || fail 'it does not start again on its data'
ok 'it starts again on its data'
docker images --format '{{.Repository}} {{.Size}}' reclose-check
