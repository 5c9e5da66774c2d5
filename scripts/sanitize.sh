#!/usr/bin/env bash
# Runs the tests of Compute and Runtime, where pointers and threads are, under a sanitizer:
#
#   scripts/sanitize.sh address|thread [FILTER]
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  address) scratch=.build-asan ;;
  thread) scratch=.build-tsan ;;
  *)
    echo "usage: scripts/sanitize.sh address|thread [FILTER]" >&2
    exit 2
    ;;
esac

# Leaks are not looked for: the Swift runtime keeps what it has made. Its own backtraces would hang on a crash. Resident
# memory is that of a sanitizer's shadows, so that tests of its growth are left out.
export HYBRIDIZE_TESTS=ComputeTests,RuntimeTests SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1
swift test -c release --disable-testable-imports --sanitize="$1" --scratch-path "$scratch" \
  --filter "${2:-ComputeTests|RuntimeTests}" --skip 'LongDecodingTests|lazyMemory'
