#!/usr/bin/env bash
# Coverage-guided fuzzing of the readers with libFuzzer and address sanitizer, for as long as wanted:
#
#   scripts/libfuzzer.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
export HYBRIDIZE_LIBFUZZER=1
swift build -c release --sanitize=address --scratch-path .build-libfuzzer --product libfuzzer
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
find fixtures/safetensors fixtures/hdf5 fixtures/texts fixtures/chat-templates/templates -type f -size -64k -exec cp {} "$corpus" \;
# The Swift runtime's own backtraces would hang on the first crash.
SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 \
  .build-libfuzzer/release/libfuzzer -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=1024 "$corpus"
