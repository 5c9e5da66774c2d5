"""Writes fixtures/hdf5/keras: tiny models as Transformers saves them, and the presets that KerasHub makes of them.

KerasHub's own converters decide what goes where, so the safetensors file beside a preset says what a reader has to
find in it. Needs keras, keras_hub, torch, transformers and safetensors.

    python scripts/make_keras_fixtures.py
"""

import json
import os
import shutil
import zipfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras_hub
import torch
import transformers
from safetensors.numpy import load_file, save_file

folder = Path(__file__).resolve().parent.parent / "fixtures" / "hdf5" / "keras"

common = dict(
    vocab_size=12,
    hidden_size=8,
    intermediate_size=12,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=16,
    tie_word_embeddings=False,
)
models = {
    "llama": transformers.LlamaConfig(**common),
    "mistral": transformers.MistralConfig(**common, sliding_window=8, head_dim=2),
    "qwen2": transformers.Qwen2Config(**{**common, "tie_word_embeddings": True}, sliding_window=8),
    "qwen3": transformers.Qwen3Config(**{**common, "tie_word_embeddings": True}, sliding_window=8, head_dim=4),
    "gpt2": transformers.GPT2Config(vocab_size=12, n_embd=8, n_layer=2, n_head=2, n_positions=6),
}


def write_preset(name, config):
    torch.manual_seed(1)
    source = Path("/tmp") / f"hybridize-{name}"
    shutil.rmtree(source, ignore_errors=True)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            # KerasHub takes Mistral's weights through float16.
            parameter.copy_(torch.randn_like(parameter).half())
    model.save_pretrained(source)
    # KerasHub looks for the base of the rotation where older releases of Transformers put it.
    text = json.loads((source / "config.json").read_text())
    if text.pop("rope_parameters", None):
        text["rope_theta"] = 10000.0
    (source / "config.json").write_text(json.dumps(text))
    preset = folder / name
    backbone = keras_hub.models.Backbone.from_preset(str(source))
    preset.mkdir(parents=True)
    backbone.save_to_preset(str(preset))
    (preset / "metadata.json").unlink()
    save_file(load_file(source / "model.safetensors"), folder / f"{name}.safetensors")
    return backbone


def write_others(backbone):
    """The Llama once more: in shards and in a compressed archive."""
    backbone.save_weights(folder / "sharded.weights.json", max_shard_size=1e-6 * 3)
    with zipfile.ZipFile(folder / "deflated.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for member in ["config.json", "model.weights.h5"]:
            entry = zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, (folder / "llama" / member).read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    backbones = {name: write_preset(name, config) for name, config in models.items()}
    write_others(backbones["llama"])
