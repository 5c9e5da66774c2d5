"""Compares `hybridize tokenize` with the packages `tokenizers` and `sentencepiece` on the 2,000 texts of fixtures/tokenizers, for
any tokenizer.json or SentencePiece model: ids without and with special tokens.

    compare_tokenizers.py FILE ... [--program .build/release/hybridize]

Exits with 1 if anything differs. Needs `pip install tokenizers sentencepiece`."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import sentencepiece
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).parent.parent
arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("files", nargs="+")
arguments.add_argument("--program", default=".build/release/hybridize")
given = arguments.parse_args()
texts = [text for text in json.loads((ROOT / "fixtures/tokenizers/texts.json").read_text(encoding="utf-8")) if text]


def ours(file, path, *options):
    call = [given.program, "tokenize", file, "--text", str(path), "--json", "--quiet", *options]
    found = json.loads(subprocess.run(call, check=True, capture_output=True).stdout)
    ids, parts = iter(found["ids"]), []
    for count in found["documents"]:
        parts.append([next(ids) for _ in range(count)])
    assert len(parts) == len(texts), (len(parts), len(texts))
    return parts


wrong = 0
with tempfile.TemporaryDirectory() as scratch:
    path = pathlib.Path(scratch) / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    for file in given.files:
        if file.endswith(".json"):
            peer = Tokenizer.from_file(file)
            peer.no_truncation()
            peer.no_padding()
            plain = [peer.encode(text, add_special_tokens=False).ids for text in texts]
            special = [peer.encode(text).ids for text in texts]
        else:
            peer = sentencepiece.SentencePieceProcessor(file)
            plain = peer.encode(texts)
            special = [[peer.bos_id()] + ids if peer.bos_id() >= 0 else ids for ids in plain]
        differ = [sum(a != b for a, b in zip(ours(file, path, *options), expected))
                  for options, expected in ((["--no-special-tokens"], plain), ([], special))]
        wrong += sum(differ)
        print(f"{file}: of {len(texts)} texts, {differ[0]} differ, {differ[1]} with special tokens", flush=True)
sys.exit(1 if wrong else 0)
