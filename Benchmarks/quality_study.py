#!/usr/bin/env python3
"""KL and recall of the small model of the fixtures after alignment and match of several lengths, with the layers that are
selected and with as many at even distances. Writes a table in Markdown.

    python3 Benchmarks/quality_study.py PROGRAM FOLDER ALIGN+MATCH...

FOLDER keeps students and results; what is there is not done again, so that an interrupted study goes on. ALIGN+MATCH are
tokens, for instance 400000+600000.
"""
import pathlib
import statistics
import sys

from selection_study import MODEL, TEXT, WORDS, Study, braces, table

SELECTED, EVEN = (0, 6), (0, 4)
SEEDS = {SELECTED: [0, 1, 2], EVEN: [0]}


def quality(study, layers, align, match, seed):
    """Results of `eval` after so many tokens."""
    name = f"quality-{'-'.join(map(str, layers))}-{align}-{match}-{seed}"
    start, path = study.folder / f"{name}-start", study.folder / name

    def make():
        if not start.exists():
            study.run(
                "convert", MODEL, str(start), "--keep", ",".join(map(str, layers)), "--dtype", "f32", "--mixers-from",
                str(study.student(align, seed)))
        if not path.exists():
            resume = ["--resume"] if pathlib.Path(f"{path}.training").exists() else []
            study.run(
                "distill", MODEL, str(start), str(path), "--stage", "match", "--tokens", str(match), "--seed", str(seed),
                "--save-every", "60", *resume, *TEXT, *study.cache)
        return study.run(
            "eval", str(path), "--teacher", MODEL, "--text", "fixtures/text/heldout.jsonl", "--recall", "32", *WORDS)
    return study.kept(name, make)["results"]


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    study = Study(sys.argv[1], sys.argv[2])
    rows = []
    for budget in sys.argv[3:]:
        align, match = map(int, budget.split("+"))
        for layers, seeds in SEEDS.items():
            found = [quality(study, layers, align, match, seed) for seed in seeds]
            kls = [one["text"]["kl"] for one in found]
            rows.append([
                f"{align / 1e6:g}M + {match / 1e6:g}M", braces(layers), ", ".join(f"{kl:.4f}" for kl in kls),
                f"{statistics.mean(kls):.4f}", ", ".join(f"{one['recall'][0]['recall']:.3f}" for one in found),
            ])
            print(rows[-1], file=sys.stderr, flush=True)
    table(["align + match", "keep", "KL, by seed", "mean", "recall of 32 pairs"], rows)


if __name__ == "__main__":
    main()
