#!/usr/bin/env bash
# Installs what the build needs and is not there: Debian's and Ubuntu's packages by apt, with sudo only if needed.
# Everywhere else it says what is missing.
set -euo pipefail

packages=(libopenblas-dev zlib1g-dev libzstd-dev libhdf5-dev libssl-dev libpcre2-dev libutf8proc-dev pkg-config)

if ! command -v swift > /dev/null; then
  echo "setup: Swift 6.2 or newer is missing; get it from https://www.swift.org/install" >&2
  exit 1
fi

if [ "$(uname)" = Darwin ]; then
  missing=()
  for formula in openblas openssl zlib zstd hdf5 pcre2 utf8proc pkg-config; do
    [ -d "$(brew --prefix "$formula" 2> /dev/null)" ] || missing+=("$formula")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: missing, install with: brew install ${missing[*]}" >&2
    exit 1
  fi
  exit 0
fi

if ! command -v dpkg-query > /dev/null; then
  echo "setup: not Debian or Ubuntu; make sure that these packages' equivalents are there: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

run=()
[ "$(id -u)" -eq 0 ] || run=(sudo)
echo "setup: installing ${missing[*]}"
"${run[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
