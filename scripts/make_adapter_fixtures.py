"""Writes fixtures/adapter: small models, LoRA adapters of several kinds as peft saves them, and what peft merges them into.

Needs torch, transformers, peft and safetensors. `NAME/` is an adapter and `NAME.merged.safetensors` has the tensors that
differ from its base after `merge_and_unload`; NAME begins with the name of its base.
"""

import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

folder = Path(__file__).resolve().parent.parent / "fixtures" / "adapter"

SIZES = dict(
    hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    vocab_size=40, max_position_embeddings=128, bos_token_id=1, eos_token_id=39,
)
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

BASES = {
    "plain": dict(dtype=torch.float32, tie_word_embeddings=False, attention_bias=True),
    "tied": dict(dtype=torch.float32, tie_word_embeddings=True, attention_bias=False),
    "halves": dict(dtype=torch.bfloat16, tie_word_embeddings=False, attention_bias=False),
}

ADAPTERS = {
    "plain-attention": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    "plain-patterns": dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules=LINEAR,
        rank_pattern={"q_proj": 2, "layers.1.mlp.down_proj": 3, r"model\.layers\.[0-9]+\.mlp\.up_proj": 5},
        alpha_pattern={"^model.layers.0.self_attn.(k|v)_proj": 5, "o_proj": 16, r"layers\.\d.mlp\.gate.*": 1},
    ),
    "plain-biases": dict(r=2, lora_alpha=3, target_modules=["q_proj", "o_proj"], bias="lora_only"),
    "plain-all-biases": dict(r=2, lora_alpha=3, target_modules=["q_proj"], bias="all"),
    "plain-second-bias": dict(r=2, lora_alpha=5, target_modules=["k_proj", "v_proj"], lora_bias=True),
    "plain-saved": dict(
        r=3, lora_alpha=7, target_modules=["embed_tokens", "down_proj"], modules_to_save=["lm_head", "norm"],
        fan_in_fan_out=True,
    ),
    "tied-embedding": dict(r=3, lora_alpha=7, target_modules=["embed_tokens", "up_proj"]),
    "halves-linear": dict(r=4, lora_alpha=16, target_modules=LINEAR, modules_to_save=["lm_head"]),
}


def randomise(model):
    """Adapters begin as zeros; every parameter that is trained gets values here."""
    generator = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        if parameter.requires_grad:
            change = 0.3 * torch.randn(parameter.shape, generator=generator)
            parameter.data = (parameter.data.float() + change).to(parameter.dtype)


def make_base(name, options):
    torch.manual_seed(3)
    config = LlamaConfig(**SIZES, **{key: value for key, value in options.items() if key != "dtype"})
    model = LlamaForCausalLM(config)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data = 1 + 0.1 * torch.randn(parameter.shape)
        else:
            parameter.data = 0.25 * torch.randn(parameter.shape)
    model.to(options["dtype"]).save_pretrained(folder / name)
    (folder / name / "generation_config.json").unlink(missing_ok=True)


def make_adapter(name, options):
    base = folder / name.split("-")[0]

    def load():
        return LlamaForCausalLM.from_pretrained(base, dtype=BASES[base.name]["dtype"])

    wrapped = get_peft_model(load(), LoraConfig(**options, task_type="CAUSAL_LM"))
    randomise(wrapped)
    wrapped.save_pretrained(folder / name)
    (folder / name / "README.md").unlink(missing_ok=True)
    path = folder / name / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = base.name
    path.write_text(json.dumps(config, indent=1) + "\n")
    before = {key: value.clone() for key, value in load().state_dict().items()}
    merged = PeftModel.from_pretrained(load(), folder / name).merge_and_unload().state_dict()
    assert set(merged) == set(before), name
    changed = {
        key: value.contiguous().clone() for key, value in merged.items() if not torch.equal(value, before[key])
    }
    assert changed, name
    if changed[next(iter(changed))].dtype == torch.bfloat16:
        changed = {key: value.view(torch.uint16) for key, value in changed.items()}
    save_file(changed, folder / f"{name}.merged.safetensors")
    print(name, sorted(changed))


def main():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, options in BASES.items():
        make_base(name, options)
    for name, options in ADAPTERS.items():
        make_adapter(name, options)


main()
