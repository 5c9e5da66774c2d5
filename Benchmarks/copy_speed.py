"""Times copying, converting without converting, and rounding of a checkpoint until the data is on the disk, in turn:

    python3 Benchmarks/copy_speed.py .build/release/hybridize MODEL [ROUNDS]
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

program, model = sys.argv[1], sys.argv[2]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 9


def copy(out):
    subprocess.run(["cp", "-r", model, out], check=True)


def copy_durably(out):
    copy(out)
    os.sync()


def convert(*options):
    return lambda out: subprocess.run(
        [program, "convert", model, out, "--keep", "all", "--quiet", *options], check=True, stdout=subprocess.DEVNULL)


tasks = {"cp": copy, "cp, then sync": copy_durably, "convert --keep all": convert(),
         "convert --keep all --dtype bf16": convert("--dtype", "bf16")}
seconds = {name: [] for name in tasks}
with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
    out = os.path.join(folder, "out")
    for _ in range(rounds):
        for name, task in tasks.items():
            shutil.rmtree(out, ignore_errors=True)
            os.sync()
            time.sleep(0.3)
            start = time.perf_counter()
            task(out)
            seconds[name].append(time.perf_counter() - start)
for name, values in seconds.items():
    print(f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f} to {max(values):.2f}")
