#!/usr/bin/env bash
# Opens a page in headless Chromium as a reader would, light and dark: fails if the browser complains, if a drawing or a
# number is missing, or if the picture is empty.
#
#   scripts/check_page.sh PAGE [FOLDER]     FOLDER keeps the pictures
set -euo pipefail
page=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pictures=${2:-$scratch}

browser=''
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" > /dev/null; then browser=$name && break; fi
done
if [ -z "$browser" ]; then
  echo "check_page: Chromium is missing; apt-get install chromium" >&2
  exit 1
fi

open() { # ARGUMENTS: the page in the browser, its messages in a file
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$scratch/profile" \
    --enable-logging=stderr "$@" "file://$page" 2> "$scratch/messages"
  if grep 'CONSOLE' "$scratch/messages" >&2; then
    echo "check_page: the browser complains" >&2
    exit 1
  fi
}

open --dump-dom > "$scratch/dom"
grep -q '</main>' "$scratch/dom" || { echo "check_page: the page has no end" >&2; exit 1; }
[ "$(grep -o '<svg' "$scratch/dom" | wc -l)" -ge 1 ] || { echo "check_page: no drawing" >&2; exit 1; }
if grep -nE '[>"= ](-?inf|nan|NaN|-?Infinity|undefined)[<", ]' "$scratch/dom"; then
  echo "check_page: something is not a number" >&2
  exit 1
fi
if grep -nE '(src|href)="?(https?:|//)' "$scratch/dom"; then
  echo "check_page: the page asks for something from elsewhere" >&2
  exit 1
fi

for scheme in light dark; do
  # 0 is dark and 1 is light in Blink's setting.
  dark=$([ $scheme = dark ] && echo 0 || echo 1)
  open --blink-settings=preferredColorScheme="$dark" --window-size=1280,2400 \
    --screenshot="$pictures/page-$scheme.png" > /dev/null
  python3 - "$pictures/page-$scheme.png" <<'PYTHON'
import struct, sys, zlib
# The pixels of a picture of one colour are, filtered as PNG does, one colour and zeros: a handful of different bytes.
data, place, packed = open(sys.argv[1], "rb").read(), 8, b""
while place < len(data):
    length, kind = struct.unpack(">I4s", data[place:place + 8])
    if kind == b"IDAT":
        packed += data[place + 8:place + 8 + length]
    place += 12 + length
if len(set(zlib.decompress(packed))) < 16:
    sys.exit(f"check_page: {sys.argv[1]} is empty")
PYTHON
done
cmp -s "$pictures/page-light.png" "$pictures/page-dark.png" && { echo "check_page: no dark version" >&2; exit 1; }
echo "page: drawn in light and dark, no complaints"
