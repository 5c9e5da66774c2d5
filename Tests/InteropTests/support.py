"""What the checks share."""
import json
import pathlib
import subprocess

HYBRIDIZE = ".build/release/hybridize"


def run(*arguments):
    return json.loads(subprocess.run([HYBRIDIZE, *map(str, arguments), "--json", "--quiet"], check=True,
                                     capture_output=True, text=True).stdout)


def raw(path):
    """Header and data of a safetensors file, for bytes that numpy has no type for."""
    data = pathlib.Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
            for name, entry in header.items()}
