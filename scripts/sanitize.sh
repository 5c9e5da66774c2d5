#!/usr/bin/env bash
# Runs the tests of Compute and Runtime, where pointers and threads are, under a sanitizer:
#
#   scripts/sanitize.sh address|thread [FILTER]
#
# With --build for FILTER they are only built, and with `address` the program that reads damaged files as well.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  address) scratch=.build-asan targets=ComputeTests,RuntimeTests,fuzz ;;
  thread) scratch=.build-tsan targets=ComputeTests,RuntimeTests ;;
  *)
    echo "usage: scripts/sanitize.sh address|thread [FILTER|--build]" >&2
    exit 2
    ;;
esac

# Leaks are not looked for: the Swift runtime keeps what it has made. Its own backtraces would hang on a crash. Resident
# memory is that of a sanitizer's shadows, so that tests of its growth are left out.
export HYBRIDIZE_TESTS=$targets SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1
swift build -c release --build-tests --sanitize="$1" --scratch-path "$scratch"
[ "${2:-}" != --build ] || exit 0
swift test -c release --disable-testable-imports --skip-build --sanitize="$1" --scratch-path "$scratch" \
  --filter "${2:-ComputeTests|RuntimeTests}" --skip 'LongDecodingTests|lazyMemory'
