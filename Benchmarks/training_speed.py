"""Times distillation against a PyTorch program in turn, on the fixture: tokens a second of a step, and peak memory.

    python3 Benchmarks/training_speed.py .build/release/hybridize REFERENCE [STEPS [ROUNDS]]

REFERENCE is a folder with `reference.py`, which has the interface used below (`Lab`, `hybrid`). Needs what that needs:
torch, tokenizers, safetensors, pyarrow. Both sides compute in float32 on all processors that this process may use.
Medians of the rounds.
"""
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

MODEL = "fixtures/recall-llama-6m"
TEXTS = ["--text", "fixtures/text/train.jsonl.zst", "--text", "fixtures/text/recall.jsonl.zst", "--mix", "0.95,0.05"]
OPTIONS = {"paper": dict(gates="paper"), "best": dict(gates="spread", rope=True, conv=True)}
RATES = {"align": dict(lr=1e-3), "match": dict(lr=3e-4, lr_rest=3e-5)}


def peer(reference, preset, stage, length, steps):
    """In a process of its own: prints tokens a second and peak bytes."""
    sys.path.insert(0, reference)
    import torch
    import reference as module
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    module.BF = module.F32
    lab = module.Lab(os.path.join(module.ROOT, "shared/fixture"), 200_000, docs=4, batch=4, prompts=2, pairs=(8,))
    student = lab.init(**OPTIONS[preset])
    if stage == "match":
        student = module.hybrid(student, lab.t, [0, 6])
    lab.train(student, stage, 8 * length, batch=8, seq=length, **RATES[stage])
    _, info = lab.train(student, stage, steps * 8 * length, batch=8, seq=length, **RATES[stage])
    print(json.dumps([info["tok_s"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))


def ours(program, folder, preset, stage, length, steps):
    student, out = f"{folder}/student", f"{folder}/out"
    keep = "none" if stage == "align" else "0,6"
    run = lambda *arguments: json.loads(subprocess.run(
        [program, *arguments, "--json", "--quiet"], check=True, capture_output=True).stdout)
    subprocess.run(["rm", "-rf", student, out], check=True)
    run("convert", MODEL, student, "--keep", keep, "--preset", preset, "--dtype", "f32")
    report = run(
        "distill", MODEL, student, out, "--stage", stage, *TEXTS, "--cache", folder, "--batch", "8", "--length",
        str(length), "--tokens", str((steps + 1) * 8 * length), "--eval-every", "1000000", "--profile")
    with open(f"{out}/{stage}-loss.jsonl") as lines:
        rows = [row for row in map(json.loads, lines) if "tokens" in row]
    tokens, seconds = (rows[-1][name] - rows[0][name] for name in ("tokens", "seconds"))
    profile = report["profile"]
    return [tokens / seconds, report["peak_bytes"], profile["shares"]["linear"], profile["product_flops"],
            profile["product_flops_limit"]]


def main(program, reference, steps=8, rounds=1):
    print("| layers | stage | tokens a step | PyTorch | hybridize | ratio | memory, PyTorch | memory, hybridize | in products "
          "| GFLOP/s there, of the limit |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for length, preset, stage in itertools.product((512, 256), OPTIONS, RATES):
            call = [sys.executable, __file__, "peer", reference, preset, stage, str(length), str(steps)]
            rows = []
            for _ in range(rounds):
                lines = subprocess.run(call, check=True, capture_output=True, text=True).stdout.splitlines()
                rows.append(json.loads(lines[-1]) + ours(program, folder, preset, stage, length, steps))
            theirs, their_bytes, pace, our_bytes, share, rate, limit = map(statistics.median, zip(*rows))
            print(f"| {preset} | {stage} | 8 x {length} | {theirs:,.0f} | {pace:,.0f} | {pace / theirs:.2f} "
                  f"| {their_bytes / 2**20:,.0f} MiB | {our_bytes / 2**20:,.0f} MiB | {100 * share:.0f} % "
                  f"| {rate / 1e9:.0f}, {100 * rate / limit:.0f} % |", flush=True)


if sys.argv[1] == "peer":
    peer(*sys.argv[2:5], *map(int, sys.argv[5:]))
else:
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
