"""Passes that are compiled or recorded: the same figures, layers that are listened to all the same, and no trace on the module."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.messages import LayerStatistics
from engine.networks.build import build
from engine.networks.resolve import resolve_any
from engine.training import compiling, loop, sizes, telling
from engine.training.feeding import Part
from engine.training.precision import PLAIN
from engine.training.recipe import Recipe
from engine.training.statistics import Observer

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="records passes on a CUDA device")


class Listening(telling.Watcher):
    """Listens to the layers in every step."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self.observer = Observer(module, device)
        self.found: list[LayerStatistics] = []
        self.losses: list[float] = []

    def watching(self, step: int):  # type: ignore[no-untyped-def]
        return self.observer.listening()

    def gradients(self, step: int, scale) -> None:  # type: ignore[no-untyped-def]
        self.observer.gradients(scale())

    def stepped(self, step: int) -> None:
        self.observer.stepped(step)

    def parcel(self, parcel: telling.Parcel) -> None:
        self.losses += parcel.losses.tolist()
        self.found += self.observer.taken("run", 1.0, 0.0)

    def epoch(self, epoch: telling.Epoch) -> None:
        pass


def small(seed: int = 0) -> nn.Module:
    return build(resolve_any("resnet-20", (3, 16, 16), 3), seed)


def trained(way: str, device: torch.device = CPU, network: nn.Module | None = None) -> tuple[nn.Module, Listening]:
    module = (network or small()).to(device)
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (48, 3, 16, 16), dtype=torch.uint8, generator=generator).permute(0, 2, 3, 1).contiguous()
    part = Part(pixels.to(device), (torch.arange(48) % 3).to(device))
    pre = Preprocessing(16, 16, 3, "squash", (0.5,) * 3, (0.25,) * 3)
    watcher = Listening(module, device)
    torch.manual_seed(0)
    given = Normalise(pre, device), PLAIN._replace(way=way), CancelToken(), watcher
    loop.train(module, part, None, Recipe(epochs=2, batch=16, learning_rate=0.01), *given)
    return module, watcher


def test_cpus_never_compile() -> None:
    """Measured there: half a minute to a minute and a half to build, and 0.7 to 1.2 times the speed."""
    pictures, labels = torch.zeros(4, 3, 16, 16), torch.zeros(4, dtype=torch.int64)
    assert compiling.choose(small(), pictures, labels, PLAIN, 1_000_000) == ("", 1.0)


def test_compiled_passes_learn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "eager")  # torch's tracing without its compiler, which would take a minute
    torch._dynamo.reset()
    plain, heard_plain = trained("")
    torch._dynamo.utils.counters.clear()
    compiled, heard = trained(compiling.COMPILED)
    assert heard.losses == pytest.approx(heard_plain.losses, rel=1e-5)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    assert [look.step for look in heard.found] == [look.step for look in heard_plain.found]
    for ours, theirs in zip(heard.found, heard_plain.found, strict=True):  # activations are heard although the passes run past them
        assert ours.deviations == pytest.approx(theirs.deviations, rel=1e-3)
        assert ours.dead == pytest.approx(theirs.dead, abs=0.02, nan_ok=True)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2  # listening compiles nothing anew
    torch._dynamo.reset()


def test_listening_leaves_no_trace() -> None:
    module = small().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    heard: list[torch.Tensor] = []
    module.get_submodule(
        "conv1" if hasattr(module, "conv1") else next(name for name, _ in module.named_modules() if name)
    ).register_forward_hook(lambda part, given, answer: heard.append(answer))
    torch.manual_seed(3)
    drawn = torch.get_rng_state()
    compiling.listened(module, torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert heard
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_way_that_fails_is_none(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "fovea.compiling"), compiling.tolerated(compiling.COMPILED):
        raise RuntimeError("Cannot find a working triton installation.\nmore")
    assert "torch.compile cannot be used here: Cannot find a working triton installation." in caplog.text


@needs_cuda
def test_recorded_passes_learn_the_same() -> None:
    device = torch.device("cuda")
    network = small()
    plain, heard_plain = trained("", device, copy.deepcopy(network))
    recorded, heard = trained(compiling.GRAPHS, device, network)
    assert heard.losses == pytest.approx(heard_plain.losses, rel=1e-3)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(recorded.state_dict()[name], value, rtol=1e-2, atol=1e-3)


@needs_cuda
def test_small_networks_gain_by_recording_on_cuda() -> None:
    module = build(resolve_any("lenet-5", (1, 32, 32), 10), 0).to("cuda")
    pictures, labels = torch.randn(128, 1, 32, 32, device="cuda"), torch.randint(0, 10, (128,), device="cuda")
    state = torch.cuda.get_rng_state()
    way, gain = compiling.choose(module, pictures, labels, PLAIN, sizes.steps_per_epoch(60_000, 128))
    assert way == compiling.GRAPHS
    assert gain > compiling.GAIN
    assert torch.equal(torch.cuda.get_rng_state(), state)
