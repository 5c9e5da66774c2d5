"""One table of what several programs printed.

    python3 Benchmarks/table.py OURS.json... PEERS.jsonl...

Reads objects of `hybridize bench --json` and lines of the peers, see `peers.py`. Samples of the same engine, type and
test are put together, whatever the round. A ratio is ours over the peer's: hybrid over hybrid, original over the rest.
"""
import json
import statistics
import sys


def rows(path):
    """Engine, type, test and samples of every result in a file."""
    text = open(path, encoding="utf-8").read()
    try:
        results = json.loads(text)["results"]
    except (json.JSONDecodeError, KeyError):
        for line in text.splitlines():
            row = json.loads(line)
            yield row["engine"], row["type"], row["test"], row["samples_ts"]
        return
    for row in results:
        yield f"hybridize {row['build_commit']}", row["model_type"], row["test"], row["samples_ts"]


def is_hybrid(engine, kind):
    return "hybrid " in f"{engine.removeprefix('hybridize ')} {kind} "


def weight_type(kind):
    """F32, BF16, Q8_0 of what an engine says about its type."""
    weights = kind.upper().split(",")[0]
    for name in ("Q8_0", "Q4_0", "BF16", "F16", "F32"):
        if name in weights:
            return name
    return "F32"


def match(ours, test, hybrid, kind):
    """Our median for the same type, or for whatever type there is."""
    own = ours.get((test, hybrid, kind))
    others = [value for (name, is_one, _), value in ours.items() if (name, is_one) == (test, hybrid)]
    return own or (others[0] if others else None)


def main(paths):
    samples = {}
    for path in paths:
        for engine, kind, test, values in rows(path):
            samples.setdefault((engine, kind, test), []).extend(values)
    ours = {}
    for (engine, kind, test), values in samples.items():
        if engine.startswith("hybridize "):
            ours[test, is_hybrid(engine, kind), weight_type(kind)] = statistics.median(values)
    tests = list(dict.fromkeys(test for _, _, test in samples))
    print("| test | engine | type | t/s, median | samples | ours / theirs |")
    print("| ---- | ------ | ---- | ----------: | ------: | ------------: |")
    for test in tests:
        for (engine, kind, name), values in samples.items():
            if name != test:
                continue
            middle = statistics.median(values)
            own = match(ours, test, is_hybrid(engine, kind), weight_type(kind))
            ratio = f"{own / middle:.2f}" if own and not engine.startswith("hybridize ") else ""
            print(f"| {test} | {engine} | {kind} | {middle:.2f} ({min(values):.2f} to {max(values):.2f}) "
                  f"| {len(values)} | {ratio} |")


main(sys.argv[1:])
