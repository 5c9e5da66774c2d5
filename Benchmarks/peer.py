"""Prefill and decode of transformers (float32, PyTorch on the CPU), for comparison with `hybridize bench`.

    python Benchmarks/peer.py MODEL [--threads 2] [--prompt 512] [--generate 128] [--repetitions 5]

Needs `pip install torch transformers`. Prints medians and extremes.
"""
import argparse
import statistics
import time

import torch
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--prompt", type=int, default=512)
parser.add_argument("--generate", type=int, default=128)
parser.add_argument("--repetitions", type=int, default=5)
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
vocabulary = model.config.vocab_size


@torch.inference_mode()
def prefill():
    ids = torch.randint(vocabulary, (1, arguments.prompt))
    start = time.perf_counter()
    model(ids, use_cache=True, logits_to_keep=1)
    return arguments.prompt / (time.perf_counter() - start)


@torch.inference_mode()
def decode():
    ids = torch.randint(vocabulary, (arguments.generate + 1,))
    cache = model(ids[None, :1], use_cache=True).past_key_values
    start = time.perf_counter()
    for token in ids[1:]:
        model(token.view(1, 1), past_key_values=cache, use_cache=True)
    return arguments.generate / (time.perf_counter() - start)


def measure(test):
    """Tokens a second: the median and the extremes."""
    test()
    rates = [test() for _ in range(arguments.repetitions)]
    return f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"


print(f"transformers, torch {torch.__version__}, float32, {arguments.threads} threads: "
      f"pp{arguments.prompt} {measure(prefill)}, tg{arguments.generate} {measure(decode)} tokens a second")
