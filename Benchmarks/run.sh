#!/usr/bin/env bash
# Times original and hybrid in one process, and other engines in turn with them.
#
#   Benchmarks/run.sh [MODEL [KEEP]]      MODEL is a directory with a model, the fixture unless given
#   PEER=python Benchmarks/run.sh ...     also times transformers, its own hybrid and llama.cpp, as far as that python
#                                         has them
#
# KEEP is a list of layers like 0,6. ROUNDS (2) times each, one engine after the other, as machines change their speed.
# PROMPT (512), GENERATE (128), DEPTHS (0,2048,8192), REPETITIONS (3), THREADS (2), TYPES of weights (BF16, also F32, Q8_0,
# Q4_0), CACHE (f32, also bf16) of the comparison with the hybrid, SEQUENCES (1,8) and OUT, where page and plot go, may
# be set; INSPECT=0 leaves the first part out, LONG=1 adds contexts of 32,768 tokens, which takes a quarter of an hour,
# TRAINING=folder adds distillation against the PyTorch program there (Benchmarks/training_speed.py).
set -euo pipefail
cd "$(dirname "$0")/.."
model=${1:-fixtures/recall-llama-6m}
keep=${2:-0,6}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
hybridize=.build/release/hybridize
prompt=${PROMPT:-512} generate=${GENERATE:-128} depths=${DEPTHS:-0,2048,8192}
repetitions=${REPETITIONS:-3} threads=${THREADS:-2}
tests=(--prompt "$prompt" --generate "$generate" --depth "$depths" --repetitions "$repetitions" --threads "$threads")

if [ "${INSPECT:-1}" != 0 ]; then
  echo "## inspect, a 2 GiB file"
  python3 Benchmarks/header_speed.py "$hybridize"
fi

has() { # MODULE PACKAGES: whether the python of the peers has it; says how to get it otherwise
  [ -n "${PEER:-}" ] || return 1
  "$PEER" -c "import $1" 2> /dev/null && return 0
  echo "skipped: $1 is missing; $PEER -m pip install $2" >&2
  return 1
}

transformers='' llama='' hybrid=''
has transformers "torch transformers" && transformers=1
has transformers.models.qwen3_5 "--upgrade torch transformers" && hybrid=1
has llama_cpp "llama-cpp-python gguf numpy" && llama=1
[ -n "${PEER:-}" ] || echo "peers are not timed: set PEER to a python that has torch, transformers, llama-cpp-python"

"$hybridize" convert "$model" "$scratch/hybrid" --keep "$keep" --quiet
prepare() { # TYPE: leaves the model and options that hold it in this type
  ours=("$model") options=()
  case $1 in
    F32 | BF16)
      ours=("$scratch/$1")
      [ -e "$scratch/$1" ] || "$hybridize" convert "$model" "$scratch/$1" --keep all --dtype "${1,,}" --quiet ;;
    *) options=(--quantize "${1,,}") ;;
  esac
}

for round in $(seq "${ROUNDS:-2}"); do
  : > "$scratch/peers-$round.jsonl"
  [ -z "$transformers" ] || "$PEER" Benchmarks/peer.py "$model" "${tests[@]}" \
    2> >(grep -v "Loading weights" >&2) >> "$scratch/peers-$round.jsonl"
  for type in ${TYPES:-BF16}; do
    prepare "$type"
    "$hybridize" bench "${ours[@]}" "${options[@]}" "${tests[@]}" --json --quiet > "$scratch/ours-$type-$round.json"
    [ -z "$llama" ] || "$PEER" Benchmarks/peer_llama.py "$model" "${tests[@]}" --dtype "$type" \
      >> "$scratch/peers-$round.jsonl"
  done
  "$hybridize" bench "$scratch/hybrid" "${tests[@]}" --json --quiet > "$scratch/ours-hybrid-$round.json"
  [ -z "$hybrid" ] || "$PEER" Benchmarks/peer_hybrid.py --shape "$model" --keep "$keep" "${tests[@]}" \
    2> "$scratch/log" >> "$scratch/peers-$round.jsonl" || { cat "$scratch/log" >&2; exit 1; }
done

echo "## tokens a second"
python3 Benchmarks/table.py "$scratch"/ours-*.json "$scratch"/peers-*.jsonl

echo "## several sequences at a time"
"$hybridize" bench "$model" --prompt 0 --generate 64 --depth 128 --sequences "${SEQUENCES:-1,8}" \
  --repetitions "$repetitions" --threads "$threads" --quiet

echo "## original and hybrid, keep $keep"
pages=()
[ -z "${OUT:-}" ] || pages=(--html "$OUT/benchmark.html" --plot "$OUT/benchmark.svg")
"$hybridize" bench "$model" "$scratch/hybrid" "${tests[@]}" --kv-dtype "${CACHE:-f32}" --profile --quiet "${pages[@]}"

if [ "${LONG:-0}" != 0 ]; then
  echo "## long contexts"
  "$hybridize" bench "$model" "$scratch/hybrid" --prompt 0 --generate 32 --depth 2048,8192,32768 --kv-dtype bf16 \
    --repetitions "$repetitions" --threads "$threads" --quiet
  for length in 2048 32768; do
    "$hybridize" bench "$model" "$scratch/hybrid" --prompt "$length" --generate 0 --kv-dtype bf16 --repetitions 1 \
      --threads "$threads" --profile --quiet
  done
fi

if [ -n "${TRAINING:-}" ]; then
  echo "## distillation of the fixture"
  "${PEER:-python3}" Benchmarks/training_speed.py "$hybridize" "$TRAINING" 8 "${ROUNDS:-2}"
fi
