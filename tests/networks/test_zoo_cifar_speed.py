"""The networks that learn CIFAR-10 in the shortest time: published sizes, and whitening that whitens."""

import pytest
import torch
from torch.nn import functional

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build, first_filters
from engine.networks.modules.values import Whitening


def test_sizes_are_those_of_the_paper() -> None:
    """Jordan 2024, section 3.1: 1.97 million parameters; ours has the norms' scales and less the fixed kernels."""
    network = zoo.make("cifar-speed", (3, 32, 32), 10)
    analysis = analyse(network)
    convolutions = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
    assert analysis.parameters == convolutions + 24 + 2 * 2 * (64 + 256 + 256) + 2560
    assert 1.96e6 < analysis.parameters < 1.98e6
    assert [row.output for row in analysis.layers if row.kind == "Max pooling"] == [(64, 15, 15), (256, 7, 7), (256, 3, 3)]
    narrow = analyse(zoo.make("cifar-speed-narrow", (3, 32, 32), 10))
    assert 3.2 < analysis.multiply_adds / narrow.multiply_adds < 4


def test_smaller_pictures_than_9_pixels_are_refused() -> None:
    with pytest.raises(NetworkError):
        zoo.make("cifar-speed", (3, 8, 8), 10)
    assert zoo.suggest_size("cifar-speed", 28, 28) == (28, 28)


def test_whitened_patches_are_uncorrelated_and_equally_strong() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = functional.avg_pool2d(torch.randn(64, 3, 34, 34, generator=generator), 3, 1)  # neighbours resemble each other
    layer = Whitening(3, (2, 2))
    layer.measure(maps, least=0.0)
    with torch.no_grad():
        answers = layer(maps)
    assert torch.equal(layer.weight[:12], -layer.weight[12:])
    rows = answers[:, :12].permute(0, 2, 3, 1).reshape(-1, 12)
    torch.testing.assert_close(rows.T @ rows / len(rows), torch.eye(12), atol=2e-3, rtol=0)


def test_flat_maps_leave_numbers() -> None:
    layer = Whitening(1, (2, 2))
    layer.measure(torch.zeros(4, 1, 8, 8))
    assert bool(layer.weight.isfinite().all())


def test_whitening_is_kept_but_does_not_learn() -> None:
    network = zoo.make("cifar-speed-narrow", (3, 32, 32), 10)
    module = build(network)
    assert "whitening.weight" in module.state_dict()
    assert "whitening.weight" not in dict(module.named_parameters())
    shown = first_filters(network, module)
    assert shown is not None and shown.shape == (24, 2, 2, 3)
