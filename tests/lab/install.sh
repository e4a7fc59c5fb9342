#!/usr/bin/env bash
# Installs what the tests need, and says each thing before it does it.
# Never starts a service, never touches anything outside the package managers and target/.
#
#   tests/lab/install.sh            what `make test` needs
#   tests/lab/install.sh check      that, and cargo-deny for `make deny`
#   tests/lab/install.sh bench      Alertmanager and wrk, for `make bench`
#   tests/lab/install.sh fuzz       cargo-fuzz and a C++ compiler, for `make fuzz`
#   tests/lab/install.sh docker     Docker Engine and debootstrap, for deploy/docker-check.sh
#   tests/lab/install.sh systemd    systemd-nspawn and debootstrap, for deploy/systemd-check.sh
#
# System packages come by apt: as root, or with `sudo -n`. Otherwise this fails with the command to type.
# Python packages go to target/venv, npm packages to target/npm/<folder>/node_modules.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH="$PATH:/usr/sbin:/sbin" # nginx and dockerd live there, where a user's PATH seldom looks
readonly purpose="${1:-test}"

readonly nextest_version="~0.9"
readonly deny_version="~0.20"
readonly fuzz_version="~0.13"

say() { printf 'install: %s\n' "$*"; }
die() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}
missing() { ! command -v "$1" >/dev/null 2>&1; }

# --- what cannot be installed from here -------------------------------------------------------------------------

require_tool_chain() {
    missing cargo && die "no Rust tool chain: install Rust 1.95 or newer (rustup.rs), then run this again"
    missing node && die "no Node.js: install Node 20 or newer with npm, then run this again"
    missing npm && die "no npm: install the npm that belongs to $(node --version), then run this again"
    local major
    major="$(node --version)" major="${major#v}" major="${major%%.*}"
    [ "$major" -ge 20 ] || die "Node $(node --version) is too old for the breakers of the lab: install Node 20 or newer"
}

# --- system packages --------------------------------------------------------------------------------------------

# Adds the package of every program that is not there to `packages`.
packages=()
need() {
    local program="$1" package
    shift
    if missing "$program"; then
        for package in "$@"; do packages+=("$package"); done
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Process ids of the servers that the packages bring.
server_pids() {
    local file pid line
    for file in /proc/[0-9]*/cmdline; do
        pid="${file#/proc/}" pid="${pid%/cmdline}"
        line="$(tr '\0' ' ' 2>/dev/null <"$file")" || continue
        case "$line" in
        /usr/bin/prometheus* | /usr/bin/victoria-metrics* | /usr/bin/redis-server* | /usr/lib/postgresql/* | "nginx: master"* | /usr/sbin/nginx* | /usr/sbin/haproxy* | /usr/bin/caddy* | /usr/sbin/dockerd* | /usr/bin/containerd*) echo "$pid" ;;
        esac
    done
}

install_packages() {
    [ "${#packages[@]}" -gt 0 ] || return 0
    missing apt-get && die "needs these programs of Debian's packages, and there is no apt-get here: ${packages[*]}"
    if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        die "needs system packages, and this is neither root nor able to use sudo without a password. Type:
    sudo apt-get update && sudo apt-get install --no-install-recommends ${packages[*]}"
    fi
    say "system packages, by apt: ${packages[*]}"
    local log=target/install-apt.log before units_before
    before="$(server_pids)"
    units_before="$(ls /lib/systemd/system)"
    forbid_service_starts
    if ! { as_root apt-get -q update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${packages[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt failed; the whole of its output is in $log"
    fi
    allow_service_starts
    keep_units_off "$units_before"
    stop_new_servers "$before"
}

# Debian asks this file before a package starts its service; 101 means no.
policy_is_ours=no
forbid_service_starts() {
    [ -e /usr/sbin/policy-rc.d ] && return 0
    policy_is_ours=yes
    trap allow_service_starts EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 0755 /usr/sbin/policy-rc.d
}
allow_service_starts() {
    [ "$policy_is_ours" = yes ] || return 0
    as_root rm -f /usr/sbin/policy-rc.d
    policy_is_ours=no
}

# A machine with systemd would start the new units at its next boot.
keep_units_off() {
    [ -d /run/systemd/system ] || return 0
    local unit
    for unit in prometheus victoria-metrics prometheus-alertmanager nginx haproxy caddy redis-server postgresql docker containerd; do
        if [ -e "/lib/systemd/system/$unit.service" ] && ! grep -qx "$unit.service" <<<"$1"; then
            say "service $unit: switched off, the tests start their own"
            as_root systemctl disable --quiet "$unit.service"
        fi
    done
}

# Should a package have started its server all the same, that process is ended, and no other.
stop_new_servers() {
    local pid
    for pid in $(server_pids); do
        if ! grep -qx "$pid" <<<"$1"; then
            say "process $pid ($(cat "/proc/$pid/comm")) was started by a package: ending it"
            as_root kill "$pid" 2>/dev/null || true
        fi
    done
}

# --- Python, npm and cargo --------------------------------------------------------------------------------------

# Does `stamp` hold the checksum of these files? Then what was made from them is still right.
fresh() {
    local stamp="$1"
    shift
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$@" | sha256sum)" ]
}
mark() {
    local stamp="$1"
    shift
    cat "$@" | sha256sum >"$stamp"
}

python_packages() {
    local requirements=(tests/slack/requirements.txt tests/lab/requirements.txt) venv=target/venv
    fresh "$venv/.stamp" "${requirements[@]}" && return 0
    say "Python packages of ${requirements[*]}, into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install "${requirements[@]/#/--requirement=}"
    mark "$venv/.stamp" "${requirements[@]}"
}

npm_packages() {
    local from="$1" to
    to="target/npm/$(basename "$1")"
    [ -f "$from/package.json" ] || return 0
    [ -f "$from/package-lock.json" ] || die "$from/package-lock.json is missing: run \`npm install --package-lock-only\` there"
    fresh "$to/.stamp" "$from/package.json" "$from/package-lock.json" && return 0
    say "npm packages of $from, into $to"
    rm -rf "$to"
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to/"
    # Install scripts may download what no lock file pins: none is needed here.
    npm --prefix "$to" --silent --ignore-scripts --no-audit --no-fund ci
    mark "$to/.stamp" "$from/package.json" "$from/package-lock.json"
}

cargo_tool() {
    local name="$1" version="$2"
    missing "$name" || return 0
    say "$name $version, by cargo install (some minutes)"
    cargo install --quiet --locked --version "$version" "$name"
}

# ----------------------------------------------------------------------------------------------------------------

mkdir -p target
exec 9>target/.install.lock # two runs at once would undo each other
flock 9

case "$purpose" in
test | check)
    require_tool_chain
    need cc gcc libc6-dev
    need prometheus prometheus
    need promtool prometheus
    need victoria-metrics victoria-metrics
    need prometheus-alertmanager prometheus-alertmanager
    need amtool prometheus-alertmanager
    need nginx nginx
    need haproxy haproxy
    need caddy caddy
    need redis-server redis-server
    need redis-cli redis-tools
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || packages+=(postgresql)
    need dockerd docker.io
    need busybox busybox-static
    need systemd-analyze systemd
    need openssl openssl
    need curl curl
    if ! [ -f target/venv/.stamp ] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        packages+=(python3 python3-venv)
    fi
    install_packages
    python_packages
    npm_packages tests/lab
    npm_packages tests/slack
    cargo_tool cargo-nextest "$nextest_version"
    [ "$purpose" = test ] || cargo_tool cargo-deny "$deny_version"
    ;;
bench)
    require_tool_chain
    need prometheus-alertmanager prometheus-alertmanager
    need wrk wrk
    install_packages
    ;;
fuzz)
    require_tool_chain
    need c++ g++
    install_packages
    cargo_tool cargo-fuzz "$fuzz_version"
    ;;
docker)
    need dockerd docker.io
    need docker docker.io
    need debootstrap debootstrap
    need curl curl
    install_packages
    ;;
systemd)
    need systemd-nspawn systemd-container
    need debootstrap debootstrap
    install_packages
    ;;
*)
    die "unknown purpose \`$purpose\`: test, check, bench, fuzz, docker or systemd"
    ;;
esac
