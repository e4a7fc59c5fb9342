#!/usr/bin/env bash
# Judges every body that the fake Slack accepted during the tests: by slack_sdk's models, and by @slack/types under tsc.
# Planted faults come first: a judge that accepts one of them judges nothing.
# `validate.sh DIRECTORY` judges the bodies there; without it those of the test run, which are then removed.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly python=target/venv/bin/python
readonly npm=target/npm/slack
readonly work=target/npm/slack/judge

die() {
    printf 'validate: %s\n' "$*" >&2
    exit 1
}
[ -x "$python" ] && [ -x "$npm/node_modules/.bin/tsc" ] ||
    die 'slack_sdk or tsc is missing: run tests/lab/install.sh'

shopt -s nullglob
files=("${1:-target/slack-bodies}"/*.jsonl)
[ "${#files[@]}" -gt 0 ] || die 'no test has sent a body to the fake Slack'

rm -rf "$work"
mkdir -p "$work"
# Next to node_modules, where tsc looks for @slack/types.
cp tests/slack/bodies.ts tests/slack/tsconfig.json "$work/"
tsc() { "$npm/node_modules/.bin/tsc" --project "$work"; }

"$python" tests/slack/validate.py --planted tests/slack/planted.jsonl
planted="$("$python" tests/slack/validate.py --typescript-planted "$work/planted.ts" tests/slack/planted.jsonl)"
tsc >"$work/planted.log" 2>&1 || {
    cat "$work/planted.log" >&2
    die 'tsc accepts a planted fault'
}
echo "$planted refused by tsc"
rm "$work/planted.ts"

"$python" tests/slack/validate.py "${files[@]}"
bodies="$("$python" tests/slack/validate.py --typescript "$work/sent.ts" "${files[@]}")"
tsc >"$work/sent.log" 2>&1 || {
    head -c 4000 "$work/sent.log" >&2
    die 'tsc refuses what was sent'
}
echo "$bodies validated by tsc"
[ "$#" -gt 0 ] || rm -f "${files[@]}"
