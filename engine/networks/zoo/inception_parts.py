"""What the Inception networks are put together from: batch-normed convolutions, branches, heads that fit any map."""

from __future__ import annotations

from engine.networks.kinds.base import output_size
from engine.networks.layers import Activation, Branches, Conv, Layer, Norm, Pair, Pool, Sequence, Shape

SAME = -1
"""Padding that keeps the maps' size at stride 1: (F − 1)/2."""


def conv(name: str, filters: int, kernel: int | Pair, stride: int = 1, padding: int = 0) -> Sequence:
    """A convolution without bias, batch norm and ReLU; `padding` may be SAME."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    margin = ((sides[0] - 1) // 2, (sides[1] - 1) // 2) if padding == SAME else (padding, padding)
    return Sequence(
        name,
        (
            # no bias: the shift of the batch norm takes its place
            Conv("conv", filters, sides, (stride, stride), margin, bias=False),
            Norm("norm", epsilon=1e-3),
            Activation("relu"),
        ),
    )


def chain(name: str, *layers: Layer) -> Sequence:
    """Layers one after the other, as one branch."""
    return Sequence(name, layers)


def side_by_side(name: str, *branches: Sequence) -> Branches:
    """Branches that see the same maps."""
    return Branches(name, branches)


def max_pool(name: str) -> Pool:
    """3×3 with stride 2 and no padding, which halves the maps."""
    return Pool(name, "max", (3, 3), (2, 2))


def mean_pool(name: str, count_padding: bool = True) -> Pool:
    """3×3 with stride 1, which keeps the maps' size."""
    return Pool(name, "mean", (3, 3), (1, 1), (1, 1), count_padding=count_padding)


def places_after(shape: Shape, *windows: tuple[int, int]) -> Pair:
    """Height and width that windows of (kernel, stride) without padding leave one after the other."""
    height, width = shape[1:]
    for kernel, stride in windows:
        height, width = output_size(height, kernel, stride), output_size(width, kernel, stride)
    return height, width


def spread_pool(name: str, places: Pair, wanted: int) -> Pool | None:
    """Mean pooling that leaves `wanted` × `wanted` places, whose weights behind it hence fit any input; None for smaller maps.

    Windows lie as far apart as the maps allow: 5×5 with stride 3 both for 14 → 4 (GoogLeNet) and for 17 → 5 (Inception v3), as
    published for their auxiliary heads.
    """
    if min(places) < wanted:
        return None
    height, width = (side // wanted for side in places)
    kernel = (places[0] - (wanted - 1) * height, places[1] - (wanted - 1) * width)
    return Pool(name, "mean", kernel, (height, width))
