#!/usr/bin/env bash
# Runs every kernel of each instruction set against the portable one, on random operands: those of this machine, and
# NEON in an emulator where this is no ARM machine. Installs what that takes on Debian and Ubuntu, and says what it
# left out.
set -euo pipefail
cd "$(dirname "$0")/.."

clang=$(command -v clang || echo "$(dirname "$(readlink -f "$(command -v swift)")")/clang")
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT

compile() { # FOLDER FLAGS...: every level and the comparison
  local folder=$built/$1 source jobs=() extra
  shift
  mkdir "$folder"
  for source in Sources/CKernels/*.c Tests/Cross/levels.c; do
    extra=()
    # The portable level rounds after each product, also where the compiler could fuse.
    [[ $source != */level_portable.c ]] || extra=(-ffp-contract=off)
    "$clang" -O2 -Wall -Wextra -ISources/CKernels/include "$@" "${extra[@]}" -c "$source" \
      -o "$folder/$(basename "$source").o" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job"; done
}

compare() { # COMMAND... LEVEL: first whether it can fail, then whether it does
  "$@" spoil && "$@"
}

compile native
"$clang" "$built"/native/*.o -o "$built/levels" -lm -lpthread
for level in avx2-halves avx2 avx512 neon; do
  status=0
  "$built/levels" "$level" > /dev/null 2>&1 || status=$?
  if [ "$status" -eq 2 ]; then
    echo "levels: $level is not of this machine"
  else
    echo "levels: $level"
    compare "$built/levels" "$level"
  fi
done

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || exit 0

packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo -n)
  echo "levels: installing ${missing[*]}"
  if ! { "${run[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq \
    --no-install-recommends "${missing[@]}"; } > "$built/log" 2>&1; then
    echo "levels: neon was not run, as these packages cannot be installed: ${missing[*]}"
    exit 0
  fi
fi
compile arm --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include
aarch64-linux-gnu-gcc -static "$built"/arm/*.o -o "$built/levels-arm" -lm -lpthread
echo "levels: neon, in an emulator"
compare qemu-aarch64 "$built/levels-arm" neon
