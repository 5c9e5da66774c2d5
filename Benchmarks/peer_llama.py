"""Prefill and decode of llama.cpp, for comparison with `hybridize bench`.

    python Benchmarks/peer_llama.py MODEL [--dtype Q8_0] [--cache f16] [--threads 2] [--prompt 512] [--depth 0,2048]

MODEL is a Hugging Face directory of a Llama in safetensors, which is converted first: matrices in the type asked for,
norms in float32, no tokenizer. As in llama-bench, N tokens are prefilled in one batch or decoded one by one after
DEPTH others.

Needs `pip install llama-cpp-python gguf numpy`. Prints a line of JSON for each test, see `peers.py`.
"""
import ctypes
import json
import pathlib
import struct
import tempfile
import time

import gguf
import llama_cpp
import numpy

import peers

TYPES = {name: gguf.GGMLQuantizationType[name] for name in ("F32", "F16", "BF16", "Q8_0", "Q4_0")}
CACHES = {"f16": gguf.GGMLQuantizationType.F16, "f32": gguf.GGMLQuantizationType.F32}
BATCH = 2048


def stored(directory):
    """Every tensor of a directory's safetensors files, name and float32 values."""
    for path in sorted(pathlib.Path(directory).glob("*.safetensors")):
        data = numpy.memmap(path, numpy.uint8, "r")
        length = struct.unpack("<Q", data[:8].tobytes())[0]
        for name, entry in json.loads(data[8:8 + length].tobytes()).items():
            if name == "__metadata__":
                continue
            first, last = (8 + length + offset for offset in entry["data_offsets"])
            values = data[first:last]
            if entry["dtype"] == "BF16":
                values = (values.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
            else:
                values = values.view({"F32": numpy.float32, "F16": numpy.float16}[entry["dtype"]]).astype(numpy.float32)
            yield name, values.reshape(entry["shape"])


def interleaved(weight, heads):
    """Query or key rows as llama.cpp rotates them: pairs beside each other."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def convert(directory, target, kind):
    config = json.loads((pathlib.Path(directory) / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] != "llama":
        raise SystemExit(f"peer_llama: only Llama models are converted, not {config['model_type']}")
    heads, pairs = config["num_attention_heads"], config.get("num_key_value_heads") or config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(1 << 20)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(pairs)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base((config.get("rope_parameters") or config).get("rope_theta", 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, values in stored(directory):
        if name.endswith("rotary_emb.inv_freq"):
            continue
        if name.endswith("q_proj.weight"):
            values = interleaved(values, heads)
        if name.endswith("k_proj.weight"):
            values = interleaved(values, pairs)
        own = kind if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        packed = gguf.quants.quantize(numpy.ascontiguousarray(values), own)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), packed, raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


parser = peers.parse(__doc__, list(TYPES), "BF16")
parser.add_argument("--cache", choices=list(CACHES), default="f16", help="the type of keys and values")
arguments = parser.parse_args()

silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()
with tempfile.TemporaryDirectory() as scratch:
    path = scratch + "/model.gguf"
    convert(arguments.model, path, TYPES[arguments.dtype])
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
if not model:
    raise SystemExit("peer_llama: llama.cpp does not load the converted model")
vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
random = numpy.random.default_rng(0)


class State:
    """A context with `depth` tokens in it."""

    def __init__(self, depth, room):
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = depth + room
        settings.n_batch = BATCH
        settings.n_ubatch = 512
        settings.n_threads = settings.n_threads_batch = arguments.threads
        settings.type_k = settings.type_v = int(CACHES[arguments.cache])
        settings.no_perf = True
        self.depth = depth
        self.context = llama_cpp.llama_init_from_model(model, settings)
        if not self.context:
            raise SystemExit("peer_llama: llama.cpp gives no context")
        self.feed(depth, BATCH)

    def __del__(self):
        if self.context:
            llama_cpp.llama_free(self.context)

    def feed(self, count, size):
        """Seconds that `count` random tokens take in batches of `size`."""
        ids = (ctypes.c_int32 * max(count, 1))(*random.integers(vocabulary, size=count).tolist())
        start = time.perf_counter()
        for first in range(0, count, size):
            part = ctypes.cast(ctypes.byref(ids, 4 * first), ctypes.POINTER(ctypes.c_int32))
            batch = llama_cpp.llama_batch_get_one(part, min(size, count - first))
            if llama_cpp.llama_decode(self.context, batch) != 0:
                raise SystemExit("peer_llama: llama_decode failed")
            llama_cpp.llama_synchronize(self.context)
        return time.perf_counter() - start

    def timed(self, count, size):
        seconds = self.feed(count, size)
        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self.context), 0, self.depth, -1)
        return seconds


peers.run(
    f"llama.cpp, llama-cpp-python {llama_cpp.__version__}", f"{arguments.dtype}, cache {arguments.cache}", arguments,
    prefill=lambda state, count: state.timed(count, BATCH), decode=lambda state, count: state.timed(count, 1),
    prepare=State)
