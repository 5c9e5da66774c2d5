#!/usr/bin/env bash
# Times original and hybrid in one process, and on request transformers in the same run.
#
#   Benchmarks/run.sh [MODEL [KEEP]]      MODEL is a directory with a model, the fixture unless given
#   PEER=python Benchmarks/run.sh ...     also times transformers; python needs `pip install torch transformers`
#
# Each figure is measured ROUNDS times (2), ours and the peer's in turn, as machines get slower and faster.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:-fixtures/recall-llama-6m}
keep=${2:-0,6}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
hybridize=.build/release/hybridize

echo "## inspect, a 2 GiB file"
python3 Benchmarks/header_speed.py "$hybridize"

echo "## prefill of 512 and decode of 128 tokens"
for _ in $(seq "${ROUNDS:-2}"); do
  [ -z "${PEER:-}" ] || "$PEER" Benchmarks/peer.py "$model" 2> >(grep -v "Loading weights" >&2)
  "$hybridize" bench "$model" --quiet
done

echo "## original and hybrid, keep $keep"
"$hybridize" convert "$model" "$scratch/hybrid" --keep "$keep" --quiet
"$hybridize" bench "$model" "$scratch/hybrid" --depth "${DEPTHS:-0,2048,8192}" --generate 64 --repetitions 3 --quiet
