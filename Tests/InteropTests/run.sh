#!/usr/bin/env bash
# Compares with the reference Python packages: files written here are read there and the other way round. The packages
# come from PyPI into a scratch environment.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=${INTEROP_ENVIRONMENT:-.build/interop}
if [ ! -x "$environment/bin/python" ]; then
  python3 -m venv "$environment"
fi
"$environment/bin/pip" install -q safetensors==0.8.0 tokenizers numpy zstandard
"$environment/bin/python" Tests/InteropTests/interop.py
