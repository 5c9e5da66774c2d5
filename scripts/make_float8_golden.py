"""Writes fixtures/golden/float8.safetensors: what torch makes of every bit pattern of its two float8 types, in float32."""

from pathlib import Path

import torch
from safetensors.torch import save_file

codes = torch.arange(256, dtype=torch.uint8)
types = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}
values = {name: codes.view(kind).to(torch.float32) for name, kind in types.items()}
save_file(values, Path(__file__).resolve().parent.parent / "fixtures" / "golden" / "float8.safetensors")
