"""Times `hybridize tokenize` against the package `tokenizers` on one thread, in turn, and compares their ids.

    tokenizer_speed.py PROGRAM TEXT.jsonl TOKENIZER.json ... [--rounds 3] [--bytes 10000000]

The median of the rounds of each, encoding alone: reading the text and printing ids are not counted. The package is called document by
document and by its fast call for batches; the faster counts. Needs `pip install tokenizers`."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("program")
arguments.add_argument("text")
arguments.add_argument("tokenizers", nargs="+")
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--bytes", type=int, default=10_000_000)
given = arguments.parse_args()

lines, documents, size = [], [], 0
with open(given.text, encoding="utf-8") as file:
    for line in file:
        text = json.loads(line)["text"]
        if text:
            lines.append(line)
            documents.append(text)
            size += len(text.encode())
        if size >= given.bytes:
            break


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


with tempfile.TemporaryDirectory() as scratch:
    path = pathlib.Path(scratch) / "text.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    print(f"{len(documents)} documents, {size / 1e6:.1f} MB\n")
    print("| tokenizer | hybridize MB/s | tokenizers MB/s | ratio | ids |")
    print("|---|---|---|---|---|")
    for name in given.tokenizers:
        peer = Tokenizer.from_file(name)
        peer.no_truncation()
        ours, theirs, equal = [], [], True
        for _ in range(given.rounds):
            call = [given.program, "tokenize", name, "--text", str(path), "--threads", "1", "--json", "--quiet",
                    "--no-special-tokens"]
            found = json.loads(subprocess.run(call, check=True, capture_output=True).stdout)
            ours.append(found["bytes"] / found["seconds"] / 1e6)
            single, ids = timed(lambda: [peer.encode(text, add_special_tokens=False).ids for text in documents])
            batch, _ = timed(lambda: peer.encode_batch_fast(documents, add_special_tokens=False))
            theirs.append(size / min(single, batch) / 1e6)
            equal = equal and [token for part in ids for token in part] == found["ids"]
        us, them = statistics.median(ours), statistics.median(theirs)
        kind = pathlib.Path(name).name.split(".tokenizer")[0]
        print(f"| {kind} | {us:.1f} | {them:.2f} | {us / them:.1f} | {'equal' if equal else 'DIFFER'} |", flush=True)
