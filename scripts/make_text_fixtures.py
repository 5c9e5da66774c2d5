#!/usr/bin/env python3
"""Writes fixtures/texts: the same documents as Python and zstd write them, and a file that is a bomb.

    scripts/make_text_fixtures.py        standard library, and the program zstd
"""
import gzip, json, pathlib, subprocess

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures/texts"
DOCUMENTS = [
    {"text": f"Document {n}: naïve café, 漢字, \U0001d11e, \"quoted\"\\\n\tline two, \u0001 end.", "id": n, "more": {"text": ["no"]}}
    for n in range(40)
]


def write(name, content):
    (FOLDER / name).write_bytes(content)


FOLDER.mkdir(exist_ok=True)
lines = "".join(json.dumps(d) + "\n" for d in DOCUMENTS).encode()
write("documents.jsonl", lines)
write("documents.json", json.dumps(DOCUMENTS, indent=1, ensure_ascii=False).encode())
# Two members that meet within a line, as `cat a.gz b.gz` makes them, one of them with a name and a time.
head = subprocess.run(["gzip", "-9"], input=lines[:1000], stdout=subprocess.PIPE, check=True).stdout
write("documents.jsonl.gz", head + gzip.compress(lines[1000:], 9, mtime=0))
zstd = subprocess.run(["zstd", "-19", "--check"], input=lines, stdout=subprocess.PIPE, check=True).stdout
write("documents.jsonl.zst", zstd)
# 8 MiB in 8 KB: some dozens of it are a file that holds a thousand times its size.
write("zeros.gz", gzip.compress(bytes(8 << 20), 9, mtime=0))
