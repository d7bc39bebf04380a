"""Logits of many pictures, a chunk at a time, so that a cancelled job stops soon and memory stays small."""

from __future__ import annotations

import contextlib

import torch
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.training.precision import PLAIN, Arithmetic

CHUNK_PLACES = {"cpu": 2**18}  # pictures x height x width a chunk; fixed, for the size of a chunk shows in the last bits
CHUNK_PLACES_ELSEWHERE = 2**22


def logits_of(
    module: nn.Module,
    pixels: torch.Tensor,
    normalise: Normalise,
    token: CancelToken,
    arithmetic: Arithmetic = PLAIN,
) -> torch.Tensor:
    """Logits float32 [N, K] on the CPU of uint8 [N, H, W, C]; the module is used as it is (set it to evaluation mode).

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    device = next(module.parameters()).device
    places = pixels.shape[1] * pixels.shape[2]
    chunk = max(1, CHUNK_PLACES.get(device.type, CHUNK_PLACES_ELSEWHERE) // places)
    mixed = arithmetic.precision is not torch.float32
    answers = []
    with torch.inference_mode():
        for start in range(0, len(pixels), chunk):
            token.check()
            with torch.autocast(device.type, dtype=arithmetic.precision) if mixed else contextlib.nullcontext():
                answers.append(module(normalise(pixels[start : start + chunk].to(device))).float())
        return torch.cat([answer.cpu() for answer in answers])
