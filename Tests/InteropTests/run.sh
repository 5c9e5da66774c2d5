#!/usr/bin/env bash
# Compares with the reference Python packages: files written here are read there and the other way round. The packages
# come from PyPI into a scratch environment.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=${INTEROP_ENVIRONMENT:-.build/interop}
if [ ! -x "$environment/bin/python" ]; then
  python3 -m venv "$environment"
fi
"$environment/bin/pip" install -q safetensors==0.8.0 tokenizers numpy zstandard h5py==3.16.0 hdf5plugin==7.1.0
# KerasHub asks for TensorFlow only to prepare text, which is not needed. What is left still
# takes a GB of disk; INTEROP_KERAS=0 leaves it out.
if [ "${INTEROP_KERAS:-1}" != 0 ]; then
  "$environment/bin/pip" install -q keras==3.15.1 jax sentencepiece regex
  "$environment/bin/pip" install -q --no-deps keras-hub==0.32.0
  export KERAS_BACKEND=jax
fi
"$environment/bin/python" Tests/InteropTests/interop.py
