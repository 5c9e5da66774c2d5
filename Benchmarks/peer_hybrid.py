"""Prefill and decode of the hybrid that transformers itself has, Qwen3.5's dense text model: gated DeltaNet with
convolutions in most layers, softmax attention in the others.

    python Benchmarks/peer_hybrid.py [--shape MODEL] [--keep 0,1,8,17,18,19,20,23] [--prompt 512,2048] [--depth 0,2048]

Random weights, since only the shape matters for speed: that of a model's config.json, of SmolLM2-135M unless given
(hidden size 576, 30 layers, 9 heads of 64 on 3, feed-forward 1536). It is not quite our hybrid: its attention has an
output gate, and its linear layers have as many heads of key and value as of query, where ours share them in groups.

Needs `pip install torch transformers`. Prints a line of JSON for each test, see `peers.py`.
"""
import json
import pathlib

from transformers.models.qwen3_5 import Qwen3_5ForCausalLM, Qwen3_5TextConfig

import peer_torch
import peers

parser = peers.parse(__doc__, list(peer_torch.TYPES), "float32", model=False)
parser.add_argument("--keep", type=peers.numbers, default=[0, 1, 8, 17, 18, 19, 20, 23])
parser.add_argument("--shape", help="a Hugging Face directory whose sizes to take")
arguments = parser.parse_args()
peer_torch.setup(arguments)
shape = {
    "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64,
}
if arguments.shape:
    given = json.loads((pathlib.Path(arguments.shape) / "config.json").read_text(encoding="utf-8"))
    given.setdefault("num_key_value_heads", given["num_attention_heads"])
    given["head_dim"] = given.get("head_dim") or given["hidden_size"] // given["num_attention_heads"]
    shape = {name: given[name] for name in shape}
layers = [
    "full_attention" if layer in arguments.keep else "linear_attention" for layer in range(shape["num_hidden_layers"])]
config = Qwen3_5TextConfig(
    **shape, max_position_embeddings=1 << 17, tie_word_embeddings=True, layer_types=layers,
    linear_key_head_dim=shape["head_dim"], linear_value_head_dim=shape["head_dim"],
    linear_num_key_heads=shape["num_attention_heads"], linear_num_value_heads=shape["num_attention_heads"],
    linear_conv_kernel_dim=4)
model = Qwen3_5ForCausalLM(config).to(peer_torch.TYPES[arguments.dtype]).eval()
kept = layers.count("full_attention")
peer_torch.run(model, f"{peer_torch.ENGINE}, hybrid {kept}/{len(layers)}", arguments)
