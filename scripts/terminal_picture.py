#!/usr/bin/env python3
"""Draws text as a picture of a terminal, an SVG on standard output:

    .build/release/hybridize demo --quiet | scripts/terminal_picture.py 'make demo' > docs/images/demo.svg
"""
import sys
from xml.sax.saxutils import escape

SIZE, LINE, MARGIN, BAR = 13, 18, 18, 34
WIDTH = SIZE * 0.6024  # of a character in the usual monospaced fonts

command = sys.argv[1]
lines = ["$ " + command] + sys.stdin.read().rstrip("\n").split("\n")
columns = max(len(line) for line in lines)
width, height = round(columns * WIDTH + 2 * MARGIN), len(lines) * LINE + BAR + MARGIN


def colour(index, line):
    following = lines[index + 1] if index + 1 < len(lines) else ""
    if index == 0 or set(following) == {"─"} or set(line) == {"─"}:
        return "#7ee0a8"
    return "#d7dde6"


print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">')
print(f'<title>{escape(command)}</title>')
print(f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>')
for index, fill in enumerate(["#ff5f57", "#febc2e", "#28c840"]):
    print(f'<circle cx="{MARGIN + 6 + 20 * index}" cy="18" r="6" fill="{fill}"/>')
print(f'<g font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{SIZE}">')
for index, line in enumerate(lines):
    # A fixed length keeps columns in line whatever font the reader has.
    length = f' textLength="{len(line) * WIDTH:.1f}"' if line else ""
    print(f'<text xml:space="preserve" x="{MARGIN}" y="{BAR + (index + 1) * LINE - 4}" fill="{colour(index, line)}"'
          f'{length}>{escape(line)}</text>')
print("</g></svg>")
