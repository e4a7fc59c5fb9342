#!/usr/bin/env bash
# Runs every test, and says at the end what ran. Nothing is skipped: what cannot run has failed.
# An argument narrows the Rust tests by a filter of cargo-nextest; the other checks then stay out, and that is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly only="${1:-all()}"

ran=()
step() {
    local title="$1" started=$SECONDS
    shift
    printf '\n==> %s\n' "$title"
    "$@"
    ran+=("$(printf '%5d s  %s' "$((SECONDS - started))" "$title")")
}

# nextest runs no examples of documentation; cargo does. Most modules have none.
doc_examples() {
    if grep -rqE '^ *//[/!] ```' src; then
        cargo test --locked --features test-hooks --doc
    else
        echo 'no examples in the documentation of the code'
    fi
}

if [ "$only" = 'all()' ]; then
    step 'examples in the documentation (cargo test --doc)' doc_examples
    step 'deploy/: configurations (amtool, promtool, systemd, nginx)' deploy/check.sh
fi
# Only what this run sends is judged at its end.
rm -rf target/slack-bodies
step "tests (cargo nextest, filter: $only)" \
    cargo nextest run --locked --features test-hooks -E "$only"
if [ "$only" = 'all()' ]; then
    step 'rules/: their own tests, and what they would not notice (reclose test --mutate)' \
        cargo run --locked --features test-hooks -- test rules/ --require-coverage 100 --mutate
    step 'docs/quickstart.md, as it stands' tests/lab/quickstart.sh
    # Last, because it judges the bodies that the tests have sent.
    step 'messages to Slack, by slack_sdk and @slack/types' tests/slack/validate.sh
fi

printf '\nWhat ran:\n'
printf '%s\n' "${ran[@]}"
if [ "$only" != 'all()' ]; then
    echo 'Only a part: configurations, documentation examples, quickstart and Slack bodies were not checked.'
fi
