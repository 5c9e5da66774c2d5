#!/usr/bin/env python3
"""Every selector on the small model of the fixtures, several seeds: what it chooses, what that costs, and what the choice is
worth after the same match. Writes tables in Markdown.

    python3 Benchmarks/selection_study.py PROGRAM FOLDER PART...

FOLDER keeps students and results; what is there is not done again, so that an interrupted study goes on.
A PART is
  choices     sets by method, from copied weights and after 0.25M, 1M and 2M tokens of alignment
  trained     the paper's selector (ga-s2), 50,000 tokens a candidate after 0.25M of alignment
  pairs       all 28 pairs, matched on 50,000 tokens after 0.25M of alignment, on the first seed: the yardstick
  selectors   what each method chose on three seeds, what that took, what it is worth after the same match on the same seed,
              and by how much the yardstick's best pair is better
"""
import collections
import itertools
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

MODEL = "fixtures/recall-llama-6m"
TEXT = [
    "--text", "fixtures/text/train.jsonl.zst", "--text", "fixtures/text/recall.jsonl.zst", "--mix", "0.95,0.05",
]
WORDS = ["--words", "fixtures/text/words.json"]
# Shown on every seed; all others on the first three.
KL_GUIDED = ["kl-recall", "gr-s1", "greedy-ga", "greedy-gr", "ga-s1"]
OTHERS_BY_STUDENT = ["exhaustive", "smart", "halo", "gradient-norm"]
BY_TEACHER = [
    "zero-ppl", "zero-mse", "zero-recall", "zero-ar", "zero-multi-hop", "zero-variable-tracking", "zero-cwe", "zero-fwe",
    "attention", "dof", "lamp", "uniform", "terminals",
]
# Each candidate trained. What one of them has measured the next need not.
TRAINED = ["ga-s2", "gr-s2", "avg-s2"]
SEEDS = [0, 1, 2, 3, 4]
FEW_SEEDS = [0, 1, 2]


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

    def student(self, tokens, seed):
        """A student that is all linear, aligned on so many tokens."""
        linear = self.folder / f"linear-{seed}"
        if not linear.exists():
            self.run("convert", MODEL, str(linear), "--keep", "none", "--dtype", "f32", "--seed", str(seed))
        if tokens == 0:
            return linear
        path = self.folder / f"aligned-{tokens}-{seed}"
        self.distill(linear, path, "align", tokens, seed)
        return path

    def distill(self, start, path, stage, tokens, seed):
        """Makes a student unless it is there; goes on with a training that was interrupted."""
        if path.exists():
            return
        resume = ["--resume"] if pathlib.Path(f"{path}.training").exists() else []
        self.run(
            "distill", MODEL, str(start), str(path), "--stage", stage, "--tokens", str(tokens), "--seed", str(seed),
            *TEXT, *self.cache, *resume)

    def choice(self, method, tokens, seed):
        def make():
            trained = ["--tokens", "50000"] if method in TRAINED else []
            shared = TRAINED[0] if method in TRAINED else method
            scores = ["--scores", str(self.folder / f"scores-{shared}-{tokens}-{seed}.jsonl")]
            return self.run(
                "select", MODEL, "--keep", "2", "--method", method, "--student", str(self.student(tokens, seed)),
                "--seed", str(seed), *trained, *scores, *TEXT, *WORDS, *self.cache)
        return self.kept(f"choice-{method}-{tokens}-{seed}", make)["results"]["selections"][0]

    def cost(self, method, tokens, seed):
        """Tokens and seconds of a choice; of avg-s2 those of the two whose ranks it takes."""
        parts = TRAINED[:2] if method == "avg-s2" else [method]
        costs = [self.choice(part, tokens, seed)["cost"] for part in parts]
        return (sum(cost["judged_tokens"] + cost["trained_tokens"] for cost in costs),
                sum(cost["seconds"] for cost in costs))

    def matched(self, layers, seed, align=250_000, match=50_000):
        """KL and recall of a set after so many tokens; by default a short match."""
        name = f"matched-{'-'.join(map(str, layers))}-{align}-{match}-{seed}"
        start, path = self.folder / f"{name}-start", self.folder / name

        def make():
            if not start.exists():
                self.run(
                    "convert", MODEL, str(start), "--keep", ",".join(map(str, layers)), "--dtype", "f32",
                    "--mixers-from", str(self.student(align, seed)))
            self.distill(start, path, "match", match, seed)
            return self.run(
                "eval", str(path), "--teacher", MODEL, "--text", "fixtures/text/heldout.jsonl", "--recall", "32", *WORDS)
        results = self.kept(name, make)["results"]
        # Of 28 pairs the figures are wanted, not the models.
        for old in (start, path):
            shutil.rmtree(old, ignore_errors=True)
        return results["text"]["kl"], results["recall"][0]["recall"]


def braces(layers):
    return "{" + ", ".join(map(str, layers)) + "}"


def described(one):
    sure = "" if one["confidence"] is None else f" {100 * one['confidence']:.0f} %"
    return braces(one["keep"]) + sure + (f", ties {braces(one['ties'])}" if one["ties"] else "")


def table(headings, rows):
    print("\n| " + " | ".join(headings) + " |\n" + "|---" * len(headings) + "|")
    for row in rows:
        print("| " + " | ".join(row + [""] * (len(headings) - len(row))) + " |")


def choices(study):
    for tokens, methods in (
        (0, KL_GUIDED + OTHERS_BY_STUDENT + BY_TEACHER), (250_000, KL_GUIDED + OTHERS_BY_STUDENT + ["flashmorph"]),
        (1_000_000, KL_GUIDED), (2_000_000, ["kl-recall", "gr-s1", "ga-s1"]),
    ):
        seeds = {method: SEEDS if method in KL_GUIDED and tokens < 1_000_000 else FEW_SEEDS for method in methods}
        rows = [[f"`{method}`"] + [described(study.choice(method, tokens, seed)) for seed in seeds[method]]
                for method in methods]
        print(f"\nAfter {tokens:,} tokens of alignment")
        table(["method"] + [f"seed {seed}" for seed in max(seeds.values(), key=len)], rows)
        sys.stdout.flush()


def trained(study):
    rows = []
    for seed in SEEDS:
        one = study.choice("ga-s2", 250_000, seed)
        rows.append([str(seed), described(one), f"{one['cost']['trained_tokens']:,}", f"{one['cost']['seconds']:.0f}"])
    table(["seed", "keeps", "tokens trained on", "seconds"], rows)


def yardstick(study):
    """Of every pair what it came to on the first seed: (KL, recall)."""
    return {pair: study.matched(pair, FEW_SEEDS[0]) for pair in itertools.combinations(range(8), 2)}


def pairs(study):
    results = yardstick(study)
    best = min(kl for kl, _ in results.values())
    table(["pair", "KL", "regret", "recall of 32"], [
        [braces(pair), f"{kl:.4f}", f"{kl - best:.4f}", f"{recall:.3f}"]
        for pair, (kl, recall) in sorted(results.items(), key=lambda item: item[1])])


def selectors(study):
    results = yardstick(study)
    best_pair = min(results, key=results.get)
    best = {seed: study.matched(best_pair, seed)[0] for seed in FEW_SEEDS}
    rows = []
    runs = [(method, 250_000) for method in KL_GUIDED + TRAINED + OTHERS_BY_STUDENT + ["flashmorph"]]
    for method, tokens in runs + [(method, 0) for method in BY_TEACHER]:
        found = [study.choice(method, tokens, seed) for seed in FEW_SEEDS]
        worth = [study.matched(tuple(one["keep"]), seed) for seed, one in zip(FEW_SEEDS, found)]
        costs = [study.cost(method, tokens, seed) for seed in FEW_SEEDS]
        sets = collections.Counter(braces(one["keep"]) for one in found)
        rows.append([
            f"`{method}`", ", ".join(f"{name} {count} of {len(found)}" for name, count in sets.most_common()),
            f"{statistics.median(count for count, _ in costs):,.0f}",
            f"{statistics.median(seconds for _, seconds in costs):.1f}",
            f"{statistics.mean(kl for kl, _ in worth):.4f}", f"{statistics.mean(recall for _, recall in worth):.3f}",
            f"{statistics.mean(kl - best[seed] for seed, (kl, _) in zip(FEW_SEEDS, worth)):.4f}",
        ])
    table(["method", "keeps", "tokens", "seconds", "KL", "recall of 32", "regret"], sorted(rows, key=lambda row: float(row[4])))


PARTS = {part.__name__: part for part in (choices, trained, pairs, selectors)}


def main():
    if len(sys.argv) < 4 or not set(sys.argv[3:]) <= PARTS.keys():
        sys.exit(__doc__)
    study = Study(sys.argv[1], sys.argv[2])
    for part in sys.argv[3:]:
        PARTS[part](study)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
