"""Files of Hybridize against the packages of reference: safetensors, tokenizers, zstandard, h5py, KerasHub. Run by run.sh."""
import json
import pathlib
import tempfile

import numpy
import zstandard
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

import interop_hdf5
from support import raw, run

FIXTURE = pathlib.Path("fixtures/recall-llama-6m")


def converted_file_is_read_by_safetensors(folder):
    out = folder / "hybrid"
    run("convert", FIXTURE, out, "--keep", "0,6")
    names = set(raw(out / "model.safetensors"))
    with safe_open(out / "model.safetensors", "numpy") as file:
        assert set(file.keys()) == names
        for name in names:
            file.get_slice(name).get_shape()
    source, target = raw(FIXTURE / "model.safetensors"), raw(out / "model.safetensors")
    for name, entry in source.items():
        if name in target:
            assert target[name] == entry, name


def kept_model_is_written_as_safetensors_writes_it(folder):
    source = folder / "source"
    source.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (source / name).write_bytes((FIXTURE / name).read_bytes())
    values = {name: numpy.frombuffer(data, numpy.uint16).reshape(shape).astype(numpy.uint32) for name, (_, shape, data)
              in raw(FIXTURE / "model.safetensors").items()}
    floats = {name: (bits << 16).view(numpy.float32) for name, bits in values.items()}
    save_file(floats, source / "model.safetensors", metadata={"format": "pt"})
    out = folder / "kept"
    run("convert", source, out, "--keep", "all")
    assert (out / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()


def logits_are_read_by_safetensors(folder):
    out = folder / "logits.safetensors"
    shape = run("logits", FIXTURE, "--ids", "1,2,3", "--out", out)["shape"]
    logits = load_file(out)["logits"]
    assert list(logits.shape) == shape == [3, 4096] and logits.dtype == numpy.float32


def tokens_are_those_of_tokenizers(folder):
    theirs = Tokenizer.from_file(str(FIXTURE / "tokenizer.json"))
    text = folder / "text.txt"
    for line in pathlib.Path("fixtures/text/heldout.jsonl").read_text(encoding="utf-8").splitlines()[:40]:
        content = json.loads(line)["text"]
        text.write_bytes(content.encode())
        assert run("tokenize", FIXTURE, "--text", text)["ids"] == theirs.encode(content).ids


def compressed_model_converts_as_the_plain_one(folder):
    plain = (FIXTURE / "model.safetensors").read_bytes()
    half = len(plain) // 2 + 1
    with_size = zstandard.ZstdCompressor(level=3, write_checksum=True)
    stream = zstandard.ZstdCompressor(level=1).compressobj()
    files = {"one": with_size.compress(plain),
             "two": with_size.compress(plain[:half]) + with_size.compress(plain[half:]),
             "unsaid": stream.compress(plain) + stream.flush()}
    run("convert", FIXTURE, folder / "plain", "--keep", "0,6")
    expected = (folder / "plain/model.safetensors").read_bytes()
    for name, compressed in files.items():
        source, out = folder / name, folder / f"{name}-hybrid"
        source.mkdir()
        for file in ("config.json", "tokenizer.json"):
            (source / file).write_bytes((FIXTURE / file).read_bytes())
        (source / "model.safetensors.zst").write_bytes(compressed)
        run("convert", source, out, "--keep", "0,6")
        assert (out / "model.safetensors").read_bytes() == expected, name


def compressed_file_is_read_by_zstandard(folder):
    run("convert", FIXTURE, folder / "plain", "--keep", "0,6")
    run("convert", FIXTURE, folder / "packed", "--keep", "0,6", "--format", "safetensors.zst", "--level", "3")
    packed = (folder / "packed/model.safetensors.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        assert reader.read() == (folder / "plain/model.safetensors").read_bytes()


checks = [converted_file_is_read_by_safetensors, kept_model_is_written_as_safetensors_writes_it,
          logits_are_read_by_safetensors, compressed_model_converts_as_the_plain_one,
          compressed_file_is_read_by_zstandard, tokens_are_those_of_tokenizers, *interop_hdf5.checks]
for check in checks:
    with tempfile.TemporaryDirectory() as scratch:
        check(pathlib.Path(scratch))
        print("interop:", check.__name__.replace("_", " "))
print(f"interop: {len(checks)} checks hold")
