"""Vision transformers: patches as words, from one that learns 32×32 pictures on a laptop to ViT-H/14."""

from __future__ import annotations

from functools import partial

import msgspec

from engine.networks.layers import (
    Activation,
    Attention,
    ClassToken,
    Linear,
    Network,
    Norm,
    PatchEmbedding,
    Position,
    Residual,
    Sequence,
    Shape,
    TokenPool,
)
from engine.networks.zoo.card import Card, Entry, square_up_to

SOURCE = (
    "A. Dosovitskiy et al., An image is worth 16×16 words: transformers for image recognition at scale, ICLR 2021 (arXiv 2010.11929, 2020)"
)
EPSILON = 1e-6  # of the layer norm


class Plan(msgspec.Struct, frozen=True):
    """The sizes of one transformer: side of a patch, values of a token, blocks, heads, hidden units of the MLP."""

    patch: int
    width: int
    depth: int
    heads: int
    hidden: int


def _block(number: int, plan: Plan) -> Sequence:
    """Attention between tokens, then an MLP on each; each after a norm and beside a shortcut (the paper's equations 2 and 3)."""
    attention = (Norm("norm", "layer", EPSILON), Attention("attention", plan.heads))
    mlp = (
        Norm("norm", "layer", EPSILON),
        Linear("linear1", plan.hidden),
        Activation("gelu", "gelu"),
        Linear("linear2", plan.width),
    )
    return Sequence(f"block{number}", (Residual("attention", attention), Residual("mlp", mlp)))


def make_by_plan(card: Card, plan: Plan, shape: Shape, classes: int) -> Network:
    """Patches, class token, positions, blocks, norm; the class is read from the class token."""
    front = (PatchEmbedding("patches", plan.width, (plan.patch, plan.patch)), ClassToken("token"), Position("position"))
    blocks = tuple(_block(number, plan) for number in range(1, plan.depth + 1))
    head = (Norm("norm", "layer", EPSILON), TokenPool("pool", "class"), Linear("linear", classes))
    body = Sequence("body", (*front, *blocks, *head))
    return Network(card.name, card.title, card.year, card.family, shape, classes, body)


TINY = Card(
    name="vit-tiny",
    title="ViT tiny",
    family="transformer",
    year=2020,
    summary="0.8 million weights, 65 tokens: a transformer that a laptop trains on 32×32 pictures in minutes.",
    source=f"{SOURCE}, at a size for CIFAR-10",
    kind="network",
    smallest=4,
    default_input=(3, 32, 32),
)


def _large(letter: str, patch: int, summary: str, *twins: str) -> Card:
    return Card(
        name=f"vit-{letter}-{patch}",
        title=f"ViT-{letter.upper()}/{patch}",
        family="transformer",
        year=2020,
        summary=summary,
        source=SOURCE,
        kind="network",
        smallest=patch,
        default_input=(3, 224, 224),
        default_classes=1000,
        twins=(f"torchvision:vit_{letter}_{patch}", *twins),
    )


B_16 = _large("b", 16, "197 tokens, twelve blocks: pretrained, few pictures do; from scratch, very many.", "timm:vit_base_patch16_224")
L_16 = _large("l", 16, "24 blocks of 1,024 values: for a strong graphics card and pretrained weights.", "timm:vit_large_patch16_224")
H_14 = _large("h", 14, "The largest of the paper: 632 million weights, 257 tokens of 1,280 values.")

PLANS = (
    (TINY, Plan(4, 128, 6, 4, 256)),
    (B_16, Plan(16, 768, 12, 12, 3072)),
    (L_16, Plan(16, 1024, 24, 16, 4096)),
    (H_14, Plan(14, 1280, 32, 16, 5120)),
)


def _suggest(patch: int, largest: int, smallest: int, height: int, width: int) -> tuple[int, int]:
    """Square, as large as the pictures' longer side within bounds, and a whole number of patches, so that no pixel is left out."""
    side, _ = square_up_to(largest, smallest)(height, width)
    side -= side % patch
    return side, side


def _entry(card: Card, plan: Plan) -> Entry:
    smallest = 28 if card is TINY else 6 * plan.patch
    return Entry(card, partial(make_by_plan, card, plan), partial(_suggest, plan.patch, card.default_input[1], smallest))


ENTRIES = tuple(_entry(card, plan) for card, plan in PLANS)
