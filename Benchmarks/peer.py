"""Prefill and decode of transformers (PyTorch on the CPU), for comparison with `hybridize bench`.

    python Benchmarks/peer.py MODEL [--dtype float32] [--threads 2] [--prompt 512] [--generate 128] [--depth 0,2048]

Needs `pip install torch transformers`. Prints a line of JSON for each test, see `peers.py`.
"""
from transformers import AutoModelForCausalLM

import peer_torch
import peers

arguments = peers.parse(__doc__, list(peer_torch.TYPES), "float32").parse_args()
peer_torch.setup(arguments)
model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=peer_torch.TYPES[arguments.dtype]).eval()
peer_torch.run(model, peer_torch.ENGINE, arguments)
