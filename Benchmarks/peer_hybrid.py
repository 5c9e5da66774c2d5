"""Prefill and decode of the hybrid that transformers itself has, Qwen3.5's dense text model: gated DeltaNet with
convolutions in most layers, softmax attention in the others.

    python Benchmarks/peer_hybrid.py [--keep 0,1,8,17,18,19,20,23] [--dtype float32] [--prompt 512,2048] [--depth 0,2048]

Random weights in the shape of SmolLM2-135M, since nothing but the shape matters for speed: hidden size 576, 30 layers,
9 heads of 64 on 3, feed-forward 1536. It is not quite our hybrid: its attention has an output gate, its linear layers
have as many heads of query and key as of value (9), ours share keys and values among three.

Needs `pip install torch transformers`. Prints a line of JSON for each test, see `peers.py`.
"""
from transformers.models.qwen3_5 import Qwen3_5ForCausalLM, Qwen3_5TextConfig

import peer_torch
import peers

parser = peers.parse(__doc__, list(peer_torch.TYPES), "float32", model=False)
parser.add_argument("--keep", type=peers.numbers, default=[0, 1, 8, 17, 18, 19, 20, 23])
parser.add_argument("--layers", type=int, default=30)
arguments = parser.parse_args()
peer_torch.setup(arguments)
layers = ["full_attention" if layer in arguments.keep else "linear_attention" for layer in range(arguments.layers)]
config = Qwen3_5TextConfig(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=arguments.layers,
    num_attention_heads=9, num_key_value_heads=3, head_dim=64, max_position_embeddings=1 << 17,
    tie_word_embeddings=True, layer_types=layers, linear_key_head_dim=64, linear_value_head_dim=64,
    linear_num_key_heads=9, linear_num_value_heads=9, linear_conv_kernel_dim=4)
model = Qwen3_5ForCausalLM(config).to(peer_torch.TYPES[arguments.dtype]).eval()
kept = layers.count("full_attention")
peer_torch.run(model, f"{peer_torch.ENGINE}, hybrid {kept}/{arguments.layers}", arguments)
