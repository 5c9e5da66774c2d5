#!/usr/bin/env python3
"""KL and recall of the small model of the fixtures after alignment and match of several lengths, with the layers that are
selected and with as many at even distances. Writes a table in Markdown.

    python3 Benchmarks/quality_study.py PROGRAM FOLDER ALIGN+MATCH...

FOLDER keeps students and results; what is there is not done again, so that an interrupted study goes on. ALIGN+MATCH are
tokens, for instance 400000+600000.
"""
import statistics
import sys

from selection_study import Study, braces, table

SELECTED, EVEN = (0, 6), (0, 4)
SEEDS = {SELECTED: [0, 1, 2], EVEN: [0]}


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    study = Study(sys.argv[1], sys.argv[2])
    rows = []
    for budget in sys.argv[3:]:
        align, match = map(int, budget.split("+"))
        for layers, seeds in SEEDS.items():
            kls, recalls = zip(*(study.matched(layers, seed, align, match) for seed in seeds))
            rows.append([
                f"{align / 1e6:g}M + {match / 1e6:g}M", braces(layers), ", ".join(f"{kl:.4f}" for kl in kls),
                f"{statistics.mean(kls):.4f}", ", ".join(f"{recall:.3f}" for recall in recalls),
            ])
            print(rows[-1], file=sys.stderr, flush=True)
    table(["align + match", "keep", "KL, by seed", "mean", "recall of 32 pairs"], rows)


if __name__ == "__main__":
    main()
