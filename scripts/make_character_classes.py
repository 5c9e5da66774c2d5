"""Writes Sources/Runtime/Text/CharacterRuns.swift: which code points are letters, numbers and white space, as the
regular expressions of the package `tokenizers` see them. Needs `pip install tokenizers`."""
import pathlib

from tokenizers import Regex, pre_tokenizers

scalars = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
text = "".join(scalars)


def matched(splitter):
    """Positions that the splitter removes."""
    kept = set()
    for _, (start, end) in splitter.pre_tokenize_str(text):
        kept.update(range(start, end))
    return {ord(scalars[i]) for i in range(len(scalars)) if i not in kept}


letters, numbers, spaces = (matched(pre_tokenizers.Split(Regex(p), "removed")) for p in (r"\p{L}", r"\p{N}", r"\s"))
# Digits uses another Unicode table than the regular expressions; it must agree for one table to serve both.
pieces = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str(text)
digits = {ord(piece) for piece, _ in pieces if len(piece) == 1 and ord(piece) in numbers}
assert digits == numbers, "Digits and \\p{N} differ"

runs, previous = [], 0
for c in range(0x110000):
    kind = 1 if c in letters else 2 if c in numbers else 3 if c in spaces else 0
    if kind != previous:
        runs.append((c, kind))
        previous = kind

# A run is its first code point times four plus its class; the first code points grow, so differences are short.
values, last = [], 0
for start, kind in runs:
    values.append((start - last) * 4 + kind)
    last = start
lines, line = [], "   "
for value in values:
    item = f" {value},"
    if len(line) + len(item) > 118:
        lines.append(line)
        line = "   "
    line += item
lines.append(line)
path = pathlib.Path(__file__).parent.parent / "Sources/Runtime/Text/CharacterRuns.swift"
path.write_text("""// Written by scripts/make_character_classes.py.
// swift-format-ignore-file

extension CharacterClass {
  /// For each run of code points of one class: the distance from the run before, times four, plus the class.
  static let runs: [UInt32] = [
""" + "\n".join(lines) + "\n  ]\n}\n", encoding="utf-8")
print(len(runs), "runs")
