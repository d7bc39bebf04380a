"""Bilinear pooling: products of all pairs of channels, against two loops; its networks beside their plain kin."""

import math

import pytest
import torch
from torch.nn import functional

from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.build import build
from engine.networks.layers import walk
from engine.networks.modules.values import BilinearPool


def pooled_by_loops(maps, normalise):
    """One picture [C, H, W] to a list of C² values."""
    channels, height, width = maps.shape
    values = []
    for first in range(channels):
        for second in range(channels):
            total = sum(float(maps[first, row, column] * maps[second, row, column]) for row in range(height) for column in range(width))
            values.append(total / (height * width))
    if not normalise:
        return values
    roots = [math.copysign(math.sqrt(abs(value)), value) for value in values]
    length = math.sqrt(sum(root * root for root in roots))
    return [root / length for root in roots]


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (5, 4, 4)])
def test_equals_two_loops(shape, normalise):
    maps = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    answer = BilinearPool(normalise)(maps)
    for picture, expected in zip(answer, maps, strict=True):
        assert picture.tolist() == pytest.approx(pooled_by_loops(expected, normalise), abs=1e-6)


def test_places_do_not_matter():
    maps = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    shuffled = maps.flatten(2)[:, :, torch.randperm(9, generator=torch.Generator().manual_seed(2))].reshape(maps.shape)
    assert torch.allclose(BilinearPool()(maps), BilinearPool()(shuffled), atol=1e-6)


@pytest.mark.parametrize("fill", ["zeros", "one channel silent", "tiny", "huge"])
def test_gradient_is_finite_where_the_root_is_steep(fill):
    maps = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    if fill == "one channel silent":
        maps[:, 1] = 0
    else:
        maps *= {"zeros": 0.0, "tiny": 1e-12, "huge": 1e8}[fill]
    maps.requires_grad_()
    row = BilinearPool()(maps)
    functional.cross_entropy(row[:, :4], torch.tensor([0, 3])).backward()
    assert row.isfinite().all()
    assert maps.grad.isfinite().all()


def test_unit_length():
    maps = torch.randn(5, 6, 7, 7, generator=torch.Generator().manual_seed(4))
    assert BilinearPool()(maps).norm(dim=1).tolist() == pytest.approx([1] * 5, abs=1e-5)


def test_small_bilinear_differs_from_the_plain_one_by_its_head_alone():
    plain, bilinear = (zoo.make(name, (3, 64, 64), 10) for name in ("small-cnn", "small-cnn-bilinear"))
    assert plain.body.layers[:4] == bilinear.body.layers[:4]
    assert [name for name, _ in walk(bilinear.body)][-3:] == ["bilinear", "dropout", "linear"]
    more = analyse(bilinear).parameters - analyse(plain).parameters
    assert more == (128 * 128 - 128) * 10


def test_vgg_bilinear_has_the_row_of_the_paper():
    card = zoo.card("vgg-16-bilinear")
    analysis = analyse(zoo.make(card.name, card.default_input, card.default_classes))
    assert (card.default_input, card.default_classes) == ((3, 448, 448), 200)
    assert analysis.row("block5.relu3").output == (512, 28, 28)  # no pooling after the last convolution
    assert analysis.row("bilinear").output == (262_144, 1, 1)
    assert analysis.row("linear").parameters == 262_145 * 200
    plain = analyse(zoo.make("vgg-16", (3, 224, 224), 1000))
    convolutions = sum(row.parameters for row in plain.layers if row.kind == "Convolution")
    assert analysis.parameters == convolutions + 262_145 * 200 == 67_143_688


def test_twelve_pictures_are_learnt_by_heart():
    network = zoo.make("small-cnn-bilinear", (3, 32, 32), 3)
    module = build(network).train()
    module.get_submodule("dropout").p = 0.0
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-3)
    pictures = torch.randn(12, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    labels = torch.arange(12) % 3
    losses = []
    for _ in range(20):
        loss = functional.cross_entropy(module(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(math.log(3), abs=0.2)
    assert losses[-1] < 0.3 * losses[0]
