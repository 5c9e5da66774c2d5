#!/usr/bin/env python3
"""Every selector on the small model of the fixtures, several seeds: what it chooses, what that costs, and what the choice is
worth after the same match. Writes tables in Markdown.

    python3 Benchmarks/selection_study.py PROGRAM FOLDER PART [SEEDS]

FOLDER keeps students and results; what is there is not done again, so that an interrupted study goes on.
PART is
  choices    sets by method, from copied weights and after 0.25M, 0.5M and 1M tokens of alignment
  trained    the paper's selector (ga-s2), 50,000 tokens a candidate after 0.25M of alignment
  pairs      all 28 pairs, matched on 50,000 tokens after 0.25M of alignment: the yardstick
  matched    every set that a method chose, matched on 200,000 tokens after 0.25M of alignment
SEEDS are 0,1,2,3,4 unless given.
"""
import itertools
import json
import pathlib
import subprocess
import sys

MODEL = "fixtures/recall-llama-6m"
TEXT = [
    "--text", "fixtures/text/train.jsonl.zst", "--text", "fixtures/text/recall.jsonl.zst", "--mix", "0.95,0.05",
]
UNTRAINED = [
    "kl-recall", "gr-s1", "ga-s1", "greedy-ga", "greedy-gr", "exhaustive", "smart", "halo", "attention", "dof",
    "flashmorph", "gradient-norm", "lamp", "zero-ppl", "zero-mse", "zero-recall", "zero-ar", "zero-multi-hop", "uniform",
    "terminals",
]
WORDS = ["--words", "fixtures/text/words.json"]


class Study:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cache = ["--cache", str(self.folder)]

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments, "--json", "--quiet"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def kept(self, name, make):
        """The result under a name, made if it is not there."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(make()))
        return json.loads(path.read_text())

    def aligned(self, tokens, seed):
        path = self.folder / f"aligned-{tokens}-{seed}"
        if not path.exists():
            linear = self.folder / f"linear-{seed}"
            if not linear.exists():
                self.run("convert", MODEL, str(linear), "--keep", "none", "--dtype", "f32", "--seed", str(seed))
            if tokens == 0:
                return linear
            resume = ["--resume"] if pathlib.Path(f"{path}.training").exists() else []
            self.run(
                "distill", MODEL, str(linear), str(path), "--stage", "align", "--tokens", str(tokens), "--seed",
                str(seed), *TEXT, *self.cache, *resume)
        return path

    def choices(self, tokens, seed):
        def make():
            return self.run(
                "select", MODEL, "--keep", "2", "--method", ",".join(UNTRAINED), "--student",
                str(self.aligned(tokens, seed)), "--seed", str(seed), *TEXT, *WORDS, *self.cache)
        return self.kept(f"choices-{tokens}-{seed}", make)["results"]["selections"]

    def trained(self, seed):
        def make():
            scores = self.folder / f"trained-{seed}.jsonl"
            return self.run(
                "select", MODEL, "--keep", "2", "--method", "ga-s2", "--tokens", "50000", "--student",
                str(self.aligned(250_000, seed)), "--seed", str(seed), "--scores", str(scores), *TEXT, *WORDS, *self.cache)
        return self.kept(f"trained-{seed}", make)["results"]["selections"][0]

    def matched(self, layers, tokens, seed):
        """KL and recall of a set after a match."""
        name = f"matched-{tokens}-{'-'.join(map(str, layers))}-{seed}"

        def make():
            start, path = self.folder / "start", self.folder / "student"
            subprocess.run(["rm", "-rf", start, path, f"{path}.training"], check=True)
            self.run(
                "convert", MODEL, str(start), "--keep", ",".join(map(str, layers)), "--dtype", "f32", "--mixers-from",
                str(self.aligned(250_000, seed)))
            self.run(
                "distill", MODEL, str(start), str(path), "--stage", "match", "--tokens", str(tokens), "--seed", str(seed),
                *TEXT, *self.cache)
            return self.run(
                "eval", str(path), "--teacher", MODEL, "--text", "fixtures/text/heldout.jsonl", "--recall", "32", *WORDS)
        results = self.kept(name, make)["results"]
        return results["text"]["kl"], results["recall"][0]["recall"]


def text(layers):
    return "{" + ", ".join(map(str, layers)) + "}"


def choices(study, seeds):
    for tokens in (0, 250_000, 500_000, 1_000_000):
        print(f"\nAlignment: {tokens} tokens\n\n| method | " + " | ".join(f"seed {seed}" for seed in seeds) + " |")
        print("|---" * (1 + len(seeds)) + "|")
        found = {seed: {one["method"]: one for one in study.choices(tokens, seed)} for seed in seeds}
        for method in UNTRAINED:
            cells = []
            for seed in seeds:
                one = found[seed][method]
                sure = "" if one["confidence"] is None else f" {100 * one['confidence']:.0f} %"
                ties = f", ties {text(one['ties'])}" if one["ties"] else ""
                cells.append(text(one["keep"]) + sure + ties)
            print(f"| `{method}` | " + " | ".join(cells) + " |")


def trained(study, seeds):
    print("| seed | keeps | confidence | ties | tokens trained on | seconds |\n|---|---|---|---|---|---|")
    for seed in seeds:
        one = study.trained(seed)
        cost = one["cost"]
        print(
            f"| {seed} | {text(one['keep'])} | {100 * one['confidence']:.0f} % | {text(one['ties'])} | "
            f"{cost['trained_tokens']} | {cost['seconds']:.0f} |")


def pairs(study, seeds):
    results = {}
    for pair in itertools.combinations(range(8), 2):
        results[pair] = [study.matched(pair, 50_000, seed) for seed in seeds]
    ranked = sorted(results.items(), key=lambda item: sum(kl for kl, _ in item[1]))
    best = sum(kl for kl, _ in ranked[0][1]) / len(seeds)
    print("| pair | KL | recall of 32 | KL above the best |\n|---|---|---|---|")
    for pair, numbers in ranked:
        kl = sum(kl for kl, _ in numbers) / len(seeds)
        recall = sum(recall for _, recall in numbers) / len(seeds)
        print(f"| {text(pair)} | {kl:.4f} | {recall:.3f} | {kl - best:.4f} |")


def matched(study, seeds):
    print("| set | chosen by | " + " | ".join(f"KL, recall, seed {seed}" for seed in seeds) + " |")
    print("|---" * (2 + len(seeds)) + "|")
    by_set = {}
    for seed in seeds:
        for one in study.choices(250_000, seed):
            by_set.setdefault(tuple(one["keep"]), {}).setdefault(one["method"], []).append(seed)
    for layers, methods in sorted(by_set.items()):
        names = ", ".join(
            f"`{name}`" + ("" if len(where) == len(seeds) else f" ({len(where)} of {len(seeds)})")
            for name, where in methods.items())
        cells = ["{:.4f}, {:.3f}".format(*study.matched(layers, 200_000, seed)) for seed in seeds]
        print(f"| {text(layers)} | {names} | " + " | ".join(cells) + " |")


def main():
    if len(sys.argv) not in (4, 5) or sys.argv[3] not in ("choices", "trained", "pairs", "matched"):
        sys.exit(__doc__)
    seeds = [int(seed) for seed in (sys.argv[4] if len(sys.argv) == 5 else "0,1,2,3,4").split(",")]
    globals()[sys.argv[3]](Study(sys.argv[1], sys.argv[2]), seeds)


if __name__ == "__main__":
    main()
