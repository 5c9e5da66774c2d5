#!/usr/bin/env bash
# Times original and hybrid in one process. MODEL is a directory with a model, the fixture unless given:
#   Benchmarks/run.sh [MODEL [KEEP]]
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:-fixtures/recall-llama-6m}
keep=${2:-0,6}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
.build/release/hybridize convert "$model" "$scratch/hybrid" --keep "$keep" --quiet
.build/release/hybridize bench "$model" "$scratch/hybrid" --depth 0,2048,8192 --repetitions 5 --quiet
