"""The faster layers give the same values and gradients as torch's, bit for bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.training.quick import HalvingMaxPool, quicken


@given(st.integers(1, 3), st.integers(1, 4), st.integers(2, 13), st.integers(2, 13), st.booleans(), st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_equal_to_torch_with_ties(batch: int, channels: int, height: int, width: int, last: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(-2, 3, (batch, channels, height, width), generator=generator).float()  # many equal neighbours
    if last:
        values = values.contiguous(memory_format=torch.channels_last)
    results = []
    for pool in (nn.MaxPool2d(2), HalvingMaxPool()):
        pictures = values.clone().requires_grad_(True)
        answer = pool(pictures)
        answer.backward(torch.arange(answer.numel(), dtype=torch.float32).view(answer.shape))
        results.append((answer.detach(), pictures.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    with torch.inference_mode():
        assert torch.equal(HalvingMaxPool()(values), results[0][0])


def test_replaces_only_plain_halving() -> None:
    module = nn.Sequential(nn.MaxPool2d(2), nn.Sequential(nn.MaxPool2d(3, 2)), nn.MaxPool2d(2, padding=1), nn.AvgPool2d(2)).eval()
    quicken(module, torch.device("cpu"))
    assert isinstance(module[0], HalvingMaxPool)
    assert not module[0].training
    assert [type(layer) for layer in (module[1][0], module[2], module[3])] == [nn.MaxPool2d, nn.MaxPool2d, nn.AvgPool2d]


def test_nan_reaches_the_output() -> None:
    values = torch.full((1, 1, 2, 2), float("nan"))
    assert HalvingMaxPool()(values).isnan().all()


@pytest.mark.parametrize("shape", [(1, 1, 1, 4), (1, 1, 4, 1)])
def test_too_small_is_refused_as_in_torch(shape: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError):
        nn.MaxPool2d(2)(torch.zeros(shape))
    assert HalvingMaxPool()(torch.zeros(shape)).numel() == 0
