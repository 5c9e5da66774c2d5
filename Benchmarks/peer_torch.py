"""Prefill and decode of a model of transformers, timed; for `peer.py` and `peer_hybrid.py`."""
import copy
import time

import torch
import transformers

import peers

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
ENGINE = f"transformers {transformers.__version__}, torch {torch.__version__}"


@torch.inference_mode()
def run(model, engine, arguments):
    vocabulary = model.config.vocab_size

    def tokens(count):
        return torch.randint(vocabulary, (1, count))

    def prepare(depth, room):
        cache = None
        for start in range(0, depth, 512):
            ids = tokens(min(512, depth - start))
            cache = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values
        return cache

    def prefill(cache, count):
        cache = copy.deepcopy(cache)
        ids = tokens(count)
        start = time.perf_counter()
        model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return time.perf_counter() - start

    def decode(cache, count):
        cache = copy.deepcopy(cache)
        ids = tokens(count)[0]
        start = time.perf_counter()
        for token in ids:
            cache = model(token.view(1, 1), past_key_values=cache, use_cache=True).past_key_values
        return time.perf_counter() - start

    peers.run(engine, arguments.dtype, arguments, prefill, decode, prepare)


def setup(arguments):
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
