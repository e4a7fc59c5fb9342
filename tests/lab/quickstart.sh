#!/usr/bin/env bash
# Does what docs/quickstart.md says: runs its ```sh blocks in order, in one shell, and judges by the service's own count.
# Ports are taken from the system in place of those on the page; every process started is ended by its own id.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly page=docs/quickstart.md
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

free_ports() {
    node -e '
        const open = [...Array(4)].map(() => require("net").createServer().listen(0, "127.0.0.1"));
        setTimeout(() => { console.log(open.map(s => s.address().port).join(" ")); open.forEach(s => s.close()); }, 50);'
}
read -r service prometheus alertmanager reclose < <(free_ports)

{
    echo 'set -euo pipefail'
    echo 'trap "kill \$(jobs -p) 2>/dev/null || true" EXIT'
    sed -n '/^```sh$/,/^```$/p' "$page" | sed '/^```/d' |
        sed -e "s/19190/$service/g" -e "s/19090/$prometheus/g" -e "s/19093/$alertmanager/g" -e "s/17325/$reclose/g"
} >"$scratch/quickstart"

# What it shows is part of the proof, so it is kept.
failed=0
timeout 300 bash "$scratch/quickstart" >"$scratch/out" 2>&1 || failed=$?
cat "$scratch/out"
if [ "$failed" -ne 0 ]; then
    echo "the page failed with $failed; the logs in target/quickstart:" >&2
    tail -n 15 target/quickstart/reclose.out target/quickstart/*.log >&2 || true
    exit 1
fi

# Twice asked, twice the same: one reset done, and none refused.
counted="$(grep -c '"received":1,"done":1,"refused":0' "$scratch/out" || true)"
[ "$counted" -eq 2 ] || { echo "the service did not count exactly one reset, at both looks" >&2 && exit 1; }
echo '1 passed, 0 failed'
