"""What the peers share: their arguments, which are llama-bench's tests, and the lines that they print.

A line is one test: {"engine", "type", "test", "threads", "samples_ts", "median_ts"}, as `table.py` reads it.
"""
import argparse
import json
import statistics


def parse(doc, types, default, model=True):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if model:
        parser.add_argument("model", help="a Hugging Face directory")
    parser.add_argument("--dtype", choices=types, default=default)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=numbers, default=[512], help="for instance 512,2048; 0 for none")
    parser.add_argument("--generate", type=int, default=128, help="0 for none")
    parser.add_argument("--depth", type=numbers, default=[0], help="tokens in the cache before, for instance 0,2048")
    parser.add_argument("--repetitions", type=int, default=5)
    return parser


def numbers(text):
    return [int(part) for part in text.split(",")]


def run(engine, type_name, arguments, prefill, decode, prepare):
    """Every depth with its tests, each once unmeasured and then `repetitions` times.

    `prepare(depth, room)` gives a state with `depth` tokens in it; `prefill(state, tokens)` and `decode(state, tokens)`
    give seconds and leave the state as it was.
    """
    tests = [("pp", prefill, tokens) for tokens in arguments.prompt if tokens]
    tests += [("tg", decode, arguments.generate)] if arguments.generate else []
    for depth in arguments.depth:
        state = prepare(depth, max(tokens for _, _, tokens in tests))
        for kind, test, tokens in tests:
            test(state, tokens if kind == "pp" else min(tokens, 16))
            rates = [tokens / test(state, tokens) for _ in range(arguments.repetitions)]
            name = f"{kind}{tokens}" + (f" @ d{depth}" if depth else "")
            print(json.dumps({
                "engine": engine, "type": type_name, "test": name, "threads": arguments.threads,
                "samples_ts": [round(rate, 3) for rate in rates], "median_ts": round(statistics.median(rates), 3),
            }), flush=True)
