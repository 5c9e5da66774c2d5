"""Writes fixtures/configs: configurations of the supported families as people write them, with what transformers computes.

rope.json has inverse frequencies and attention factors of every kind of rotary scaling, in float64; variants.json and
logits.safetensors have configurations and logits of tiny models, whose weights follow the formula of `weights` below, which
the Swift tests compute again. Needs transformers 5.24, torch and safetensors.
"""

import contextlib
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

transformers.logging.set_verbosity_error()
folder = Path(__file__).resolve().parent.parent / "fixtures" / "configs"
folder.mkdir(exist_ok=True)

TABLES = {"short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0, 3.0, 4.0, 5.0]}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}

# What rope_scaling says, beside the kind; other fields; lengths of a text.
ROPES = [
    ("default", {"factor": 2.0, "spare": "x"}, {}, [1]),
    ("default", {}, {"rope_theta": 500000.0}, [1]),
    ("linear", {"factor": 3.0}, {}, [1]),
    ("linear", {"factor": 0.5}, {}, [1]),
    ("linear", {"factor": 2.0, "partial_rotary_factor": 0.5}, {}, [1]),
    ("dynamic", {"factor": 2.0}, {"max_position_embeddings": 64}, [1, 64, 65, 200]),
    ("dynamic", {"factor": 4.0}, {"max_position_embeddings": 64, "partial_rotary_factor": 0.75}, [1, 200]),
    ("yarn", {"factor": 4.0}, {}, [1]),
    ("yarn", {"factor": 4.0, "original_max_position_embeddings": 32}, {}, [1, 4000]),
    ("yarn", {"factor": 4.0, "original_max_position_embeddings": 32, "truncate": False}, {}, [1]),
    ("yarn", {"factor": 4.0, "original_max_position_embeddings": 32, "attention_factor": 1.4}, {}, [1]),
    ("yarn", {"factor": None, "original_max_position_embeddings": 512}, {}, [1]),
    ("yarn", {"factor": 1.0, "original_max_position_embeddings": 32}, {}, [1]),
    ("yarn", {"factor": 40.0, "original_max_position_embeddings": 64, "mscale": 0.707, "mscale_all_dim": 1.0}, {}, [1]),
    ("yarn", {"factor": 40.0, "original_max_position_embeddings": 64, "mscale": 0.707, "mscale_all_dim": 0.0}, {}, [1]),
    ("yarn", {"factor": 8.0, "original_max_position_embeddings": 16, "beta_fast": 4, "beta_slow": 0.5}, {}, [1]),
    ("yarn", {"factor": 8.0, "original_max_position_embeddings": 16, "beta_fast": 0}, {}, [1]),
    ("yarn", {"factor": 8.0, "original_max_position_embeddings": 1 << 20, "beta_fast": 1, "beta_slow": 1}, {}, [1]),
    ("yarn", {"factor": 8.0, "original_max_position_embeddings": 64, "partial_rotary_factor": 0.5}, {}, [1]),
    ("longrope", TABLES | {"original_max_position_embeddings": 512}, {}, [1, 512, 513]),
    ("longrope", TABLES | {"original_max_position_embeddings": 512, "factor": 3.0}, {}, [1]),
    ("longrope", TABLES | {"attention_factor": 1.7}, {}, [1, 2048, 2049]),
    ("longrope", TABLES | {"original_max_position_embeddings": 100}, {"original_max_position_embeddings": 40}, [40, 41]),
    ("llama3", LLAMA3 | {"original_max_position_embeddings": 64}, {}, [1]),
    ("llama3", LLAMA3, {}, [1]),
    ("proportional", {"factor": 2.0, "partial_rotary_factor": 0.5}, {}, [1]),
    ("proportional", {}, {}, [1]),
]

SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_hidden_layers": 3,
    "num_key_value_heads": 2, "vocab_size": 96, "max_position_embeddings": 2048, "rms_norm_eps": 1e-05,
    "head_dim": 8, "rope_theta": 1000.0,
}  # fmt: skip
IDS = [(i * 37 + 11) % SIZES["vocab_size"] for i in range(90)]
WINDOW = {"sliding_window": 7}
SOME = ["sliding_attention", "full_attention", "sliding_attention"]
YARN = {"factor": 4.0, "original_max_position_embeddings": 32}

# A family, changes of its configuration (`absent` for fields that are left out).
VARIANTS = {
    "llama": ("llama", {}),
    "llama, no head_dim": ("llama", {"head_dim": "absent"}),
    "llama, a wide head": ("llama", {"head_dim": 16}),
    "llama, heads by default": ("llama", {"num_key_value_heads": "absent"}),
    "llama, null heads": ("llama", {"num_key_value_heads": None}),
    "llama, defaults": ("llama", {"rms_norm_eps": "absent", "max_position_embeddings": "absent", "rope_theta": "absent"}),
    "llama, biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama, swish": ("llama", {"hidden_act": "swish"}),
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "llama, pretraining_tp": ("llama", {"pretraining_tp": 4}),
    "llama, a window that its class ignores": ("llama", WINDOW),
    "llama, a part of the head that its class ignores": ("llama", {"partial_rotary_factor": 0.5}),
    "llama, linear": ("llama", {"rope_scaling": {"type": "linear", "factor": 3.0}}),
    "llama, dynamic within": ("llama", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}),
    "llama, dynamic beyond": (
        "llama", {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "max_position_embeddings": 50}),
    "llama, yarn": ("llama", {"rope_scaling": {"rope_type": "yarn"} | YARN}),
    "llama, yarn, newer": ("llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 700.0} | YARN}),
    "llama, longrope short": (
        "llama", {"rope_scaling": {"type": "longrope", "original_max_position_embeddings": 90} | TABLES}),
    "llama, longrope long": (
        "llama", {"rope_scaling": {"type": "longrope", "original_max_position_embeddings": 89} | TABLES}),
    "llama, llama3": (
        "llama", {"rope_scaling": {"rope_type": "llama3", "original_max_position_embeddings": 64} | LLAMA3}),
    "llama, proportional": (
        "llama", {"rope_scaling": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "factor": 2.0}}),
    "mistral, no window": ("mistral", {"sliding_window": None}),
    "mistral, its window by default": ("mistral", {}),
    "mistral, a window": ("mistral", WINDOW),
    "mistral, a window of one": ("mistral", {"sliding_window": 1}),
    "mistral, a window and yarn": ("mistral", WINDOW | {"rope_scaling": {"rope_type": "yarn"} | YARN}),
    "mistral, biases that its class ignores": (
        "mistral", {"sliding_window": None, "attention_bias": True, "mlp_bias": True}),
    "qwen2": ("qwen2", {}),
    "qwen2, a window not used": ("qwen2", WINDOW | {"use_sliding_window": False}),
    "qwen2, a window in no layer": ("qwen2", WINDOW | {"use_sliding_window": True, "max_window_layers": 3}),
    "qwen2, a window in the last layer": ("qwen2", WINDOW | {"use_sliding_window": True, "max_window_layers": 2}),
    "qwen2, a null window": ("qwen2", {"sliding_window": None, "use_sliding_window": True, "max_window_layers": 0}),
    "qwen2, layer types": ("qwen2", WINDOW | {"use_sliding_window": True, "layer_types": SOME}),
    "qwen2, dynamic beyond": (
        "qwen2", {"rope_scaling": {"type": "dynamic", "factor": 4.0}, "max_position_embeddings": 40}),
    "qwen3": ("qwen3", {}),
    "qwen3, a head by default": ("qwen3", {"head_dim": "absent"}),
    "qwen3, biases": ("qwen3", {"attention_bias": True}),
    "qwen3, windows": ("qwen3", WINDOW | {"use_sliding_window": True, "max_window_layers": 1}),
    "qwen3, layer types and yarn": (
        "qwen3", WINDOW | {"use_sliding_window": True, "layer_types": SOME, "rope_scaling": {"type": "yarn"} | YARN}),
}


@contextlib.contextmanager
def double_precision():
    """transformers computes frequencies in float32 whatever is asked for: its float is made a double."""
    names = ("float", "float32")
    kept, method = [getattr(torch, n) for n in names], torch.Tensor.float
    for n in names:
        setattr(torch, n, torch.float64)
    torch.Tensor.float = torch.Tensor.double
    yield
    for n, value in zip(names, kept):
        setattr(torch, n, value)
    torch.Tensor.float = method


def frequencies():
    cases = []
    for kind, scaling, others, lengths in ROPES:
        fields = {"rope_scaling": {"rope_type": kind} | scaling} | others
        config = LlamaConfig(**SIZES | {"rope_theta": 10000.0} | fields)
        for length in lengths:
            with double_precision():
                if kind == "default":
                    found, factor = LlamaRotaryEmbedding.compute_default_rope_parameters(config)
                else:
                    found, factor = ROPE_INIT_FUNCTIONS[kind](config, seq_len=length)
            cases.append({"fields": {"rope_theta": 10000.0} | fields, "length": length,
                          "frequencies": found.tolist(), "attention_factor": factor})  # fmt: skip
    return cases


def weights(name, shape):
    """SplitMix64 of the name's FNV-1a and the index, as multiples of 1/256 between -1/2 and 1/2; gains are around one."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % (1 << 64)
    with np.errstate(over="ignore"):
        x = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    values = ((x >> np.uint64(56)).astype(np.float64) - 128) / 256
    return torch.tensor((values + (1 if name.endswith("norm.weight") else 0)).reshape(shape))


def logits(config):
    with tempfile.TemporaryDirectory() as path:
        (Path(path) / "config.json").write_text(json.dumps(config))
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path)).eval().double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights(name, tuple(parameter.shape)))
        return model(torch.tensor([IDS])).logits[0, [44, 89]].float().numpy()


variants, golden = {}, {}
for name, (family, changes) in VARIANTS.items():
    config = SIZES | {"model_type": family, "torch_dtype": "float32"} | changes
    config = {key: value for key, value in config.items() if value != "absent"}
    variants[name], golden[name] = config, logits(config)
for file, value in [("rope.json", frequencies()), ("variants.json", variants)]:
    (folder / file).write_text(json.dumps(value, indent=1) + "\n")
save_file(golden, folder / "logits.safetensors")
