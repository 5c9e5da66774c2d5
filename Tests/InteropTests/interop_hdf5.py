"""HDF5 files of Hybridize against h5py, Keras and KerasHub. The checks of files that were written here take paths."""
import os
import pathlib

import h5py
import hdf5plugin  # noqa: F401  registers filter 32015
import numpy
from safetensors.numpy import load_file

from support import raw, run

HAS_KERAS = os.environ.get("INTEROP_KERAS") != "0"


def dataset_name(tensor):
    """The flat layout's name for a tensor."""
    if tensor in ("", "."):
        return "%" if tensor == "" else "%2E"
    return tensor.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")


# MARK: Files that were written here

def flat_file_is_read_by_h5py(path, source):
    """`path` has the flat layout, `source` is the safetensors file that it was made of."""
    tensors = raw(source)
    with h5py.File(path) as file:
        assert file.attrs["hybridize_layout"] == 1
        assert set(file.keys()) == {dataset_name(name) for name in tensors}
        for name, (dtype, shape, data) in tensors.items():
            dataset = file[dataset_name(name)]
            assert list(dataset.shape) == shape, name
            values = dataset[()]
            if dtype == "BF16":
                # numpy has no such type, and h5py reads it as the next larger one.
                upper = values.astype(numpy.float32).view(numpy.uint32) >> 16
                assert upper.astype(numpy.uint16).tobytes() == data, name
            else:
                assert values.tobytes() == data, name


def preset_computes_the_same(preset, source, scratch):
    """`preset` was written by the layout of KerasHub of the model in the directory `source`."""
    import keras_hub

    ids = [1, 2, 3, 5, 8]
    backbone = keras_hub.models.Backbone.from_preset(str(preset), dtype="float32")
    hidden = backbone({"token_ids": numpy.array([ids]), "padding_mask": numpy.ones((1, len(ids)))})
    theirs = numpy.asarray(backbone.token_embedding(hidden, reverse=True))[0]
    out = scratch / "logits.safetensors"
    for model in (source, preset):
        run("logits", model, "--ids", ",".join(map(str, ids)), "--out", out)
        ours = load_file(out)["logits"]
        assert numpy.abs(ours - theirs).max() <= 1e-4 * max(1, numpy.abs(theirs).max()), model
        out.unlink()


def archive_is_loaded_by_keras(archive, preset):
    """Keras makes of a `.keras` archive what KerasHub makes of a preset of the same model."""
    import keras
    import keras_hub

    loaded = keras.models.load_model(archive)
    expected = keras_hub.models.Backbone.from_preset(str(preset))
    assert len(loaded.weights) == len(expected.weights)
    for ours, theirs in zip(loaded.weights, expected.weights):
        assert numpy.array_equal(numpy.asarray(ours), numpy.asarray(theirs)), ours.path


# MARK: Files that others wrote

def h5py_file_is_read(folder):
    """The flat layout is simple enough to be written by hand."""
    source = pathlib.Path("fixtures/hdf5/keras/gpt2.safetensors")
    for number, options in enumerate([{}, {"compression": "gzip", "shuffle": True, "fletcher32": True},
                                      dict(hdf5plugin.Zstd(clevel=1), shuffle=True)]):
        path = folder / f"{number}.h5"
        with h5py.File(path, "w") as file:
            file.attrs["hybridize_layout"] = 1
            for name, values in load_file(source).items():
                file.create_dataset(dataset_name(name), data=values, **options)
        run("diff", path, source, "--check")


def keras_hub_preset_is_read(folder):
    """What KerasHub saves computes here what it computes there."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(1)
    backbone = keras_hub.models.Llama3Backbone(
        vocabulary_size=40, num_layers=3, num_query_heads=4, num_key_value_heads=2, hidden_dim=16, intermediate_dim=24)
    for weight in backbone.weights:
        weight.assign(numpy.random.default_rng(2).normal(0, 0.2, weight.shape).astype("float32"))
    preset = folder / "preset"
    preset.mkdir()
    backbone.save_to_preset(str(preset))
    preset_computes_the_same(preset, preset, folder)


def converted_flat_file_is_read_by_h5py(folder):
    source = pathlib.Path("fixtures/recall-llama-6m")
    for number, options in enumerate([(), ("--compression", "deflate"), ("--compression", "zstd")]):
        out = folder / str(number)
        run("convert", source, out, "--keep", "all", "--format", "hdf5", *options)
        flat_file_is_read_by_h5py(out / "model.h5", source / "model.safetensors")


def converted_preset_loads_in_keras_hub(folder):
    source = pathlib.Path("fixtures/hdf5/keras/llama")
    run("convert", source, folder / "preset", "--keep", "all", "--format", "hdf5", "--layout", "kerashub")
    preset_computes_the_same(folder / "preset", source, folder)
    run("convert", source, folder / "archive", "--keep", "all", "--format", "hdf5", "--layout", "keras")
    archive_is_loaded_by_keras(folder / "archive/model.keras", folder / "preset")


checks = [h5py_file_is_read, converted_flat_file_is_read_by_h5py] + (
    [keras_hub_preset_is_read, converted_preset_loads_in_keras_hub] if HAS_KERAS else [])
