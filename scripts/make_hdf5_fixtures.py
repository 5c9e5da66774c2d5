"""Writes fixtures/hdf5 with h5py: one small file for each part of the format that the reader knows.

Needs h5py, hdf5plugin and numpy. The values follow the formula of `values` below, which the Swift tests compute again,
so no expected values are stored.
"""

import json
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

folder = Path(__file__).resolve().parent.parent / "fixtures" / "hdf5"


def values(seed, shape):
    """Multiples of 1/64 between -2 and 2: exact in every floating type here, float16 and bfloat16 included."""
    index = np.arange(int(np.prod(shape)), dtype=np.uint64)
    hashed = (index * np.uint64(2654435761) + np.uint64(seed * 40503)) >> np.uint64(7)
    return ((hashed % np.uint64(256)).astype(np.float64) / 64 - 2).reshape(shape)


def bfloat16(array):
    """The upper halves of float32, which are exact for the values above."""
    return (array.astype("<f4").view("<u4") >> 16).astype("<u2")


def bfloat16_type():
    """The custom 16-bit float that is a bfloat16."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def write_raw(group, name, raw, kind):
    """A dataset with the bytes `raw` under a type that numpy has no name for."""
    space = h5py.h5s.create_simple(raw.shape)
    dataset = h5py.h5d.create(group.id, name.encode(), kind, space)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, raw, kind)
    return h5py.Dataset(dataset)


def write_types(file):
    for seed, name in enumerate(["f2", "f4", "f8"]):
        file[f"little/{name}"] = values(seed, (3, 5)).astype("<" + name)
        file[f"big/{name}"] = values(seed, (3, 5)).astype(">" + name)
    for seed, name in enumerate(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]):
        whole = (values(seed, (7,)) * 64 + (128 if name[0] == "u" else 0)).clip(-128 if name[0] == "i" else 0, 127)
        file[f"little/{name}"] = whole.astype("<" + name)
        file[f"big/{name}"] = whole.astype(">" + name)
    file["bool"] = np.array([True, False, True])
    file["scalar"] = np.float32(1.5)
    file["empty"] = np.zeros((0, 4), "<f4")
    file["null"] = h5py.Empty("<f4")
    raw = bfloat16(values(3, (4, 4)))
    write_raw(file, "bfloat16_float", raw, bfloat16_type())
    file["bfloat16_legacy"] = raw.view("V2")
    file["bfloat16_keras"] = raw.view("V2")
    file["bfloat16_keras"].attrs["dtype"] = "bfloat16"
    kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    kind.set_layout(h5py.h5d.COMPACT)
    data = values(4, (2, 3)).astype("<f4")
    space = h5py.h5s.create_simple(data.shape)
    compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, dcpl=kind)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
    file.create_dataset("never_written", (3,), "<f4", fillvalue=2.5)


def write_attributes(file):
    file.attrs["variable"] = "häßlich"
    file.attrs["variable_list"] = ["one", "", "drei"]
    file.attrs["fixed"] = np.array([b"a", b"bcd", b""], dtype="S3")
    file.attrs["fixed_one"] = np.bytes_(b"backend")
    file.attrs["integer"] = np.int64(-7)
    file.attrs["integers"] = np.array([1, 200, 3], dtype="u1")
    file.attrs["empty_list"] = np.zeros((0,), "<f8")
    file.attrs["float"] = 1.5
    file.attrs["pieces0"] = np.array([b"a", b"b"], dtype="S1")
    file.attrs["pieces1"] = ["c"]
    many = file.create_group("many")
    for number in range(20):
        many.attrs[f"attribute{number}"] = number
    if file.libver[0] != "earliest":
        many.attrs["large"] = "x" * 5000
        many.attrs["huge"] = np.bytes_(b"y" * 70000)


def write_groups(file):
    """A few links, and more than fit a header or a tree node."""
    for number in range(40):
        file[f"wide/group{number:02}/value"] = np.array([number], "<i4")
    file["one/two/three"] = np.array([3], "<i4")
    file["hard"] = file["one/two/three"]
    file["soft"] = h5py.SoftLink("/one/two/three")
    file["one/relative"] = h5py.SoftLink("two/./three")
    file["soft_group"] = h5py.SoftLink("/one")


def write_chunks(file):
    """Each kind of index and filter. Under the old format all of them use trees of version 1."""
    a = values(5, (20, 12)).astype("<f4")
    file.create_dataset("single", data=a, chunks=(20, 12))
    file.create_dataset("single_filtered", data=a, chunks=(20, 12), compression="gzip")
    file.create_dataset("fixed", data=a, chunks=(3, 5))
    file.create_dataset("fixed_filtered", data=a, chunks=(3, 5), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("zstd", data=a, chunks=(8, 12), **hdf5plugin.Zstd(clevel=1))
    file.create_dataset("zstd_shuffle", data=a, chunks=(8, 12), shuffle=True, **hdf5plugin.Zstd(clevel=1))
    file.create_dataset("extensible", data=a, chunks=(2, 5), maxshape=(None, 12))
    file.create_dataset("extensible_column", data=a, chunks=(2, 5), maxshape=(20, None), compression="gzip")
    file.create_dataset("tree", data=a, chunks=(4, 4), maxshape=(None, None))
    file.create_dataset("tree_filtered", data=a, chunks=(2, 2), maxshape=(None, None), compression="gzip")
    long = values(6, (2400,)).astype("<i2")
    file.create_dataset("paged", data=long, chunks=(2,))
    file.create_dataset("paged_extensible", data=long, chunks=(2,), maxshape=(None,))
    sparse = file.create_dataset("sparse", (20, 12), "<f4", chunks=(5, 5), fillvalue=1.25)
    sparse[5:10, 5:10] = a[5:10, 5:10]
    cube = values(7, (4, 5, 6)).astype("<f8")
    file.create_dataset("cube", data=cube, chunks=(3, 2, 4), shuffle=True, **hdf5plugin.Zstd(clevel=1))
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_chunk((3, 5))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(a.shape)
    dataset = h5py.h5d.create(file.id, b"implicit", h5py.h5t.IEEE_F32LE, space, dcpl=early)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, a)
    masked = file.create_dataset("masked", (4, 4), "<f4", chunks=(2, 4), compression="gzip", shuffle=True)
    raw = values(8, (4, 4)).astype("<f4")
    masked[:] = raw
    # The second chunk stored as it is, with both filters skipped.
    masked.id.write_direct_chunk((2, 0), raw[2:].tobytes(), filter_mask=3)


def write_lzf(file):
    """h5py's own compression: alone, behind a shuffle, with checksums, of data that does not compress, and of runs."""
    a = values(5, (20, 12)).astype("<f4")
    file.create_dataset("lzf", data=a, chunks=(8, 12), compression="lzf")
    file.create_dataset("lzf_shuffle", data=a, chunks=(7, 5), compression="lzf", shuffle=True)
    file.create_dataset("lzf_checksum", data=a, chunks=(8, 12), compression="lzf", shuffle=True, fletcher32=True)
    file.create_dataset("runs", data=np.repeat(values(9, (40,)), 300).astype("<f2"), chunks=(6000,), compression="lzf")
    noise = np.random.default_rng(1).integers(0, 1 << 32, 300, dtype="<u4")
    file.create_dataset("noise", data=noise, chunks=(100,), compression="lzf")
    file["noise_plain"] = noise


def write_base():
    writers = {"types": write_types, "attributes": write_attributes, "groups": write_groups, "chunks": write_chunks}
    for name, write in writers.items():
        with h5py.File(folder / f"{name}-old.h5", "w", libver="earliest") as file:
            write(file)
        with h5py.File(folder / f"{name}-new.h5", "w", libver="latest") as file:
            write(file)
    with h5py.File(folder / "chunks-v110.h5", "w", libver=("v110", "v110")) as file:
        write_chunks(file)
    with h5py.File(folder / "lzf.h5", "w") as file:
        write_lzf(file)
    with h5py.File(folder / "user-block.h5", "w", userblock_size=1024) as file:
        file["value"] = values(1, (4,)).astype("<f4")
    with open(folder / "user-block.h5", "r+b") as file:
        file.write(b"#!/bin/sh\n")


def write_named(folder):
    """Layouts that name their weights in attributes: TensorFlow models of Transformers, and Keras 2."""
    weights = {
        "wte/weight:0": (12, 8),
        "wpe/embeddings:0": (6, 8),
        "h_._0/ln_1/gamma:0": (8,),
        "h_._0/ln_1/beta:0": (8,),
        "h_._0/attn/c_attn/weight:0": (8, 24),
        "h_._0/attn/c_attn/bias:0": (1, 24),
        "h_._11/mlp/c_fc/weight:0": (8, 32),
        "h_._11/proj/kernel:0": (6, 8),
    }
    model = "tfgpt2lm_head_model/transformer/"
    with h5py.File(folder / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = [b"transformer"]
        file.attrs["backend"] = b"tensorflow"
        group = file.create_group("transformer")
        group.attrs["weight_names"] = [(model + name).encode() for name in weights]
        for seed, (name, shape) in enumerate(weights.items()):
            # One kernel in chunks, so that chunks are transposed too.
            chunked = dict(chunks=(4, 3), compression="gzip") if "kernel" in name else {}
            group.create_dataset(model + name, data=values(seed, shape).astype("<f4"), **chunked)
    shards = folder / "tf"
    shards.mkdir(exist_ok=True)
    places = {}
    for number in range(2):
        name_of_file = f"tf_model-0000{number + 1}-of-00002.h5"
        with h5py.File(shards / name_of_file, "w") as file:
            own = [(seed, name) for seed, name in enumerate(weights) if seed % 2 == number]
            file.attrs["layer_names"] = [("transformer/" + name).encode() for _, name in own]
            for seed, name in own:
                file["transformer/" + name] = values(seed, weights[name]).astype("<f4")
                places[model + name] = name_of_file
    total = sum(4 * int(np.prod(shape)) for shape in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (shards / "tf_model.h5.index.json").write_text(json.dumps(index, indent=2) + "\n")
    for name, prefix in [("keras2-weights.h5", ""), ("keras2-model.h5", "model_weights/")]:
        with h5py.File(folder / name, "w") as file:
            if prefix:
                file.attrs["model_config"] = "{}"
                file["optimizer_weights/step"] = np.int64(3)
            group = file.require_group(prefix) if prefix else file
            # More names than one attribute holds are cut into pieces.
            group.attrs["layer_names0"] = [b"input", b"dense"]
            group.attrs["layer_names1"] = [b"dense_1"]
            group.attrs["keras_version"] = "2.15.0"
            group.create_group("input").attrs["weight_names"] = np.zeros((0,), "<f8")
            for seed, layer in enumerate(["dense", "dense_1"]):
                own = group.create_group(layer)
                own.attrs["weight_names"] = [f"{layer}/kernel:0", f"{layer}/bias:0"]
                own[f"{layer}/kernel:0"] = values(seed, (3, 4)).astype("<f4")
                own[f"{layer}/bias:0"] = bfloat16(values(seed + 10, (4,))).view("V2")
            group.create_group("top_level_model_weights").attrs["weight_names"] = np.zeros((0,), "<f8")


def write_flat(folder):
    names = ["model.layers.0.weight", "a%2Fb", "%2E", "%", "d\u00e4\U0001f600", "100%25%00", ".."]
    with h5py.File(folder / "flat.h5", "w", libver="latest") as file:
        file.attrs["hybridize_layout"] = 1
        file.attrs["metadata"] = '{"format":"pt","note":"x"}'
        for seed, name in enumerate(names):
            file[name] = values(seed, (2, 3)).astype("<f4")


if __name__ == "__main__":
    folder.mkdir(parents=True, exist_ok=True)
    write_base()
    write_named(folder)
    write_flat(folder)
