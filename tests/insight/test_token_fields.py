"""Tokens as units: each sees its patch until attention mixes them all."""

from __future__ import annotations

import numpy as np
import torch

from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.insight.fields import probe
from engine.networks import zoo
from engine.networks.build import build

NETWORK = zoo.make("vit-tiny", (3, 32, 32), 10)
NORMALISE = Normalise(Preprocessing(32, 32, 3, mean=(0.5,) * 3, std=(0.25,) * 3), torch.device("cpu"))


def test_a_token_is_moved_by_its_patch_alone_and_after_attention_by_all() -> None:
    torch.manual_seed(0)
    module = build(NETWORK).eval()
    pixels = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    number = 1 + 2 * 8 + 3  # row 2, column 3 of 8 × 8 patches, behind the class token
    field = probe(module, NETWORK, NORMALISE, pixels, "position", 5, number, 0)
    assert field.box == (8, 12, 12, 16)
    inside = np.zeros((32, 32), bool)
    inside[8:12, 12:16] = True
    assert (field.heat[~inside] == 0).all() and (field.heat[inside] > 0).all()
    alone = probe(module, NETWORK, NORMALISE, pixels, "position", 5, 0, 0)
    assert alone.box == (0, 0, 0, 0) and not alone.heat.any()
    mixed = probe(module, NETWORK, NORMALISE, pixels, "block1.attention", 5, number, 0)
    assert mixed.box == (0, 0, 32, 32) and (mixed.heat > 0).mean() > 0.99
