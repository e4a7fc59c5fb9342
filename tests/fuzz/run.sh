#!/usr/bin/env bash
# Fuzzes each target for so many seconds: `tests/fuzz/run.sh 60 rules packs`. Without names: all of them.
# Begins with the committed corpus and keeps what it finds in target/fuzz/corpus; a finding ends it, and lies in target/fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(rules packs webhook lines)

# The instrumentation is a compiler flag that a stable compiler takes only so.
export RUSTC_BOOTSTRAP=1
# There is no `unsafe` here for a sanitizer to watch; without one it runs several times as fast.
readonly build=(--fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none)

for target in "${targets[@]}"; do
    own="target/fuzz/corpus/$target" found="target/fuzz/found/$target"
    mkdir -p "$own" "$found"
    options=(-max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -artifact_prefix="$found/" -print_final_stats=1)
    case "$target" in
    rules | packs) options+=(-dict=tests/fuzz/rules.dict -max_len=8192) ;;
    webhook) options+=(-dict=tests/fuzz/webhook.dict -max_len=8192) ;;
    lines) options+=(-max_len=4096) ;;
    esac
    cargo fuzz run "${build[@]}" "$target" "$own" "tests/fuzz/corpus/$target" -- "${options[@]}"
done
