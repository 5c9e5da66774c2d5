"""Times `hybridize inspect` on a file of 2 GiB as models have them: a Llama of 1.1 billion parameters in BF16. The data
is a hole in the file, which nothing may read.

    python3 Benchmarks/header_speed.py .build/release/hybridize
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

LAYERS, HIDDEN, INNER, KEYS, VOCABULARY = 22, 2048, 5632, 256, 32000
shapes = {"model.embed_tokens.weight": [VOCABULARY, HIDDEN], "model.norm.weight": [HIDDEN],
          "lm_head.weight": [VOCABULARY, HIDDEN]}
for layer in range(LAYERS):
    for name, shape in {
        "input_layernorm": [HIDDEN], "post_attention_layernorm": [HIDDEN], "self_attn.q_proj": [HIDDEN, HIDDEN],
        "self_attn.k_proj": [KEYS, HIDDEN], "self_attn.v_proj": [KEYS, HIDDEN], "self_attn.o_proj": [HIDDEN, HIDDEN],
        "mlp.gate_proj": [INNER, HIDDEN], "mlp.up_proj": [INNER, HIDDEN], "mlp.down_proj": [HIDDEN, INNER],
    }.items():
        shapes[f"model.layers.{layer}.{name}.weight"] = shape
config = {
    "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "intermediate_size": INNER,
    "num_hidden_layers": LAYERS, "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
}

header, offset = {}, 0
for name, shape in shapes.items():
    size = 2
    for dimension in shape:
        size *= dimension
    header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
    offset += size
text = json.dumps(header).encode()

with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)
    seconds = []
    for _ in range(21):
        start = time.perf_counter()
        subprocess.run([sys.argv[1], "inspect", folder], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
print(f"{offset / 2**30:.2f} GiB, {len(shapes)} tensors: median {statistics.median(seconds) * 1e3:.1f} ms, "
      f"{min(seconds) * 1e3:.1f} to {max(seconds) * 1e3:.1f} ms")
