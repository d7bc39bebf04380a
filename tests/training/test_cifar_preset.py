"""The preset Fastest CIFAR-10: it learns, and goes on with the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.messages import Event, StepsDone
from engine.training import loop, whitening
from engine.training.fit import fit
from engine.training.presets import PRESETS, offered
from engine.training.resuming import resume
from engine.training.saved import WEIGHTS

NETWORK = "cifar-speed-narrow"
RECIPE = replace(PRESETS["fastest-cifar-10"].recipe, epochs=3, batch=24, device="cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    whole = data.from_source(scan("digits"))
    return replace(whole, **{name: getattr(whole, name)[:400] for name in ("images", "labels", "splits", "locators")})


def test_it_is_offered_for_its_networks_alone() -> None:
    assert "fastest-cifar-10" in offered("cifar-speed", learned=False) and "fastest-cifar-10" in offered(NETWORK, learned=False)
    assert "fastest-cifar-10" not in offered("resnet-20", learned=False)


def test_it_learns_and_goes_on_with_the_same_bits(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[float] = []

    def told(event: Event) -> None:
        if isinstance(event, StepsDone):
            losses.extend(event.losses.tolist())

    whole = fit(digits, NETWORK, RECIPE, 12, tmp_path / "whole", CancelToken(), told, threads=1)
    assert sum(losses[-5:]) / 5 < 0.8 * losses[0]
    assert whole.test_accuracy is not None and whole.test_accuracy > 0.4
    kernels = load_file(tmp_path / "whole" / WEIGHTS)["whitening.weight"]
    assert torch.equal(kernels[:4], -kernels[4:]) and not torch.equal(kernels[:4].flatten(1), torch.eye(4))

    token, measured = CancelToken(), []
    monkeypatch.setattr(loop, "PARCEL_SECONDS", 0.0)

    def stop(event: Event) -> None:
        if isinstance(event, StepsDone) and event.first_step + len(event.losses) > 14:
            token.cancel()

    part = fit(digits, NETWORK, RECIPE, 12, tmp_path / "part", token, stop, threads=1)
    assert part.outcome == "cancelled"
    monkeypatch.setattr(whitening, "measure", lambda *given: measured.append(given))
    resume(tmp_path / "part", None, CancelToken(), lambda event: None)
    assert not measured  # its kernels are those that it began with
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "part" / WEIGHTS).read_bytes()
