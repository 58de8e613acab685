"""Checkpoints in the form of Hugging Face's transformers library, renamed to the form that their authors published."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

Rules = tuple[tuple[str, str], ...]
"""Patterns of whole names, and what they become; the first that fits is taken."""

_DECODER: Rules = (
    (r"neck\.fusion_stage\.layers\.(\d)\.projection\.(.*)", r"{scratch}.refinenet<\1>.out_conv.\2"),
    (r"neck\.fusion_stage\.layers\.(\d)\.residual_layer(\d)\.convolution(\d)\.(.*)",
     r"{scratch}.refinenet<\1>.resConfUnit\2.conv\3.\4"),
)
DEPTH_ANYTHING: Rules = (
    (r"backbone\.embeddings\.cls_token", "pretrained.cls_token"),
    (r"backbone\.embeddings\.mask_token", "pretrained.mask_token"),
    (r"backbone\.embeddings\.position_embeddings", "pretrained.pos_embed"),
    (r"backbone\.embeddings\.patch_embeddings\.projection\.(.*)", r"pretrained.patch_embed.proj.\1"),
    (r"backbone\.encoder\.layer\.(\d+)\.layer_scale(\d)\.lambda1", r"pretrained.blocks.\1.ls\2.gamma"),
    (r"backbone\.encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(.*)",
     r"pretrained.blocks.\1.attn.\2.\3"),
    (r"backbone\.encoder\.layer\.(\d+)\.attention\.output\.dense\.(.*)", r"pretrained.blocks.\1.attn.proj.\2"),
    (r"backbone\.encoder\.layer\.(\d+)\.(norm\d|mlp)\.(.*)", r"pretrained.blocks.\1.\2.\3"),
    (r"backbone\.layernorm\.(.*)", r"pretrained.norm.\1"),
    (r"neck\.reassemble_stage\.layers\.(\d)\.projection\.(.*)", r"depth_head.projects.\1.\2"),
    (r"neck\.reassemble_stage\.layers\.(\d)\.resize\.(.*)", r"depth_head.resize_layers.\1.\2"),
    (r"neck\.convs\.(\d)\.(.*)", r"depth_head.scratch.layer[\1]_rn.\2"),
    *((pattern, name.replace("{scratch}", "depth_head.scratch")) for pattern, name in _DECODER),
    (r"head\.conv1\.(.*)", r"depth_head.scratch.output_conv1.\1"),
    (r"head\.conv2\.(.*)", r"depth_head.scratch.output_conv2.0.\1"),
    (r"head\.conv3\.(.*)", r"depth_head.scratch.output_conv2.2.\1"),
)
_RESNET = r"dpt\.embeddings\.backbone\.bit\."
MIDAS: Rules = (
    (r"dpt\.embeddings\.cls_token", "pretrained.model.cls_token"),
    (r"dpt\.embeddings\.position_embeddings", "pretrained.model.pos_embed"),
    (r"dpt\.embeddings\.(?:patch_embeddings\.)?projection\.(.*)", r"pretrained.model.patch_embed.proj.\1"),
    (_RESNET + r"embedder\.convolution\.(.*)", r"pretrained.model.patch_embed.backbone.stem.conv.\1"),
    (_RESNET + r"embedder\.norm\.(.*)", r"pretrained.model.patch_embed.backbone.stem.norm.\1"),
    (_RESNET + r"encoder\.stages\.(\d)\.layers\.(\d+)\.(.*)",
     r"pretrained.model.patch_embed.backbone.stages.\1.blocks.\2.\3"),
    (r"dpt\.encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(.*)",
     r"pretrained.model.blocks.\1.attn.\2.\3"),
    (r"dpt\.encoder\.layer\.(\d+)\.attention\.output\.dense\.(.*)", r"pretrained.model.blocks.\1.attn.proj.\2"),
    (r"dpt\.encoder\.layer\.(\d+)\.intermediate\.dense\.(.*)", r"pretrained.model.blocks.\1.mlp.fc1.\2"),
    (r"dpt\.encoder\.layer\.(\d+)\.output\.dense\.(.*)", r"pretrained.model.blocks.\1.mlp.fc2.\2"),
    (r"dpt\.encoder\.layer\.(\d+)\.layernorm_before\.(.*)", r"pretrained.model.blocks.\1.norm1.\2"),
    (r"dpt\.encoder\.layer\.(\d+)\.layernorm_after\.(.*)", r"pretrained.model.blocks.\1.norm2.\2"),
    (r"dpt\.layernorm\.(.*)", r"pretrained.model.norm.\1"),
    (r"neck\.reassemble_stage\.readout_projects\.(\d)\.0\.(.*)", r"pretrained.act_postprocess[\1].0.project.0.\2"),
    (r"neck\.reassemble_stage\.layers\.(\d)\.projection\.(.*)", r"pretrained.act_postprocess[\1].3.\2"),
    (r"neck\.reassemble_stage\.layers\.(\d)\.resize\.(.*)", r"pretrained.act_postprocess[\1].4.\2"),
    (r"neck\.convs\.(\d)\.(.*)", r"scratch.layer[\1]_rn.\2"),
    *((pattern, name.replace("{scratch}", "scratch")) for pattern, name in _DECODER),
    (r"head\.head\.([024])\.(.*)", r"scratch.output_conv.\1.\2"),
)


def is_in_transformers_form(names: Mapping[str, Tensor]) -> bool:
    """Whether these are the names of a depth network of that library."""
    return any(name.startswith("neck.") for name in names)


def published_form(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` with the authors' names; what has none there is left out. Query, key and value become one tensor."""
    rules = DEPTH_ANYTHING if any(name.startswith("backbone.") for name in state) else MIDAS
    renamed = {_renamed(name, rules): tensor for name, tensor in state.items()}
    renamed.pop("", None)
    return _with_joined_attention(renamed)


def _renamed(name: str, rules: Rules) -> str:
    """The published name; empty where there is none. In a rule [n] stands for n + 1, and <n> for 4 − n."""
    for pattern, target in rules:
        found = re.fullmatch(pattern, name)
        if found:
            name = found.expand(target)
            name = re.sub(r"\[(\d)\]", lambda n: str(int(n[1]) + 1), name)
            return re.sub(r"<(\d)>", lambda n: str(4 - int(n[1])), name)
    return ""


def _with_joined_attention(state: dict[str, Tensor]) -> dict[str, Tensor]:
    joined: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if ".attn.query." in name:
            parts = [state[name.replace(".query.", f".{part}.")] for part in ("query", "key", "value")
                     if name.replace(".query.", f".{part}.") in state]
            joined[name.replace(".query.", ".qkv.")] = torch.cat(parts)
        elif ".attn.key." not in name and ".attn.value." not in name:
            joined[name] = tensor
    return joined
