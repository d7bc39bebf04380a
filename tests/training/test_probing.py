"""What a training would cost: measured where it fits, told without trying where it does not."""

from __future__ import annotations

import time
import tracemalloc

import pytest
import torch
from msgspec.structs import replace

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.memory import Memory, container_memory, memory_of
from engine.messages import ProbeTraining, TrainingProbed
from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.layers import Flatten, Linear, Network, Norm, Sequence
from engine.session import Session
from engine.training import probing
from engine.training.probing import bytes_needed, verdict

GIB = 2**30
LENET = zoo.make("lenet-5", (1, 32, 32), 10)


def probe(command: ProbeTraining, token: CancelToken | None = None) -> tuple[TrainingProbed, list[m.Event]]:
    events: list[m.Event] = []
    Session().run(command, token or CancelToken(), events.append)
    assert isinstance(events[-1], TrainingProbed)
    return events[-1], events[:-1]


def large(billions: int) -> Network:
    """A network of so many times 10⁹ parameters, as near as can be."""
    body = Sequence(
        "body", (Flatten("flatten"), Linear("wide", 1_000_000, False), Linear("narrow", 1000 * billions, False), Linear("linear", 2))
    )
    return Network("large", "Large", 0, "own", (1, 1, 1), 2, body)


def test_a_small_network_is_measured() -> None:
    threads = torch.get_num_threads()
    begun = time.perf_counter()
    answer, events = probe(ProbeTraining(LENET, (1, 32, 32), 10, 32, "cpu"))
    passed = time.perf_counter() - begun
    assert (answer.network, answer.input, answer.classes, answer.batch, answer.device) == ("lenet-5", (1, 32, 32), 10, 32, "cpu")
    assert 0 < answer.seconds < passed < 20
    assert answer.peak is None and 0 < answer.free <= answer.total and answer.verdict == "fits"
    assert len(events) > 3 and all(isinstance(event, m.JobProgress) for event in events)
    fractions = [event.fraction for event in events if event.fraction is not None]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", ["googlenet", "vit-tiny", "mobilenet-v2"])
def test_heads_tokens_and_norms_are_trained_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_STEPS", 2)
    side = max(zoo.card(name).smallest, 32)
    answer, _ = probe(ProbeTraining(zoo.make(name, (3, side, side), 4), (3, side, side), 4, 2, "cpu"))
    assert answer.seconds > 0


def test_more_pictures_and_larger_ones_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "ENOUGH_SECONDS", 0.0)
    few, many = (probe(ProbeTraining(LENET, (1, 32, 32), 10, batch, "cpu"))[0].seconds for batch in (8, 2048))
    assert many > 2 * few
    network = zoo.make("small-cnn", (3, 64, 64), 5)
    assert bytes_needed(analyse(network), 64) > bytes_needed(analyse(network), 32) > 4 * 4 * analyse(network).parameters


def test_the_network_is_fitted_to_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_STEPS", 1)
    answer, _ = probe(ProbeTraining(LENET, (3, 40, 40), 3, 4))
    assert (answer.input, answer.classes) == ((3, 40, 40), 3)
    answer, _ = probe(ProbeTraining("softmax", (1, 8, 8), 3, 4))
    assert answer.network == "softmax"
    with pytest.raises(NetworkError, match="too small for layer conv5"):
        probe(ProbeTraining(LENET, (1, 28, 28), 10, 4))


def test_other_libraries_networks_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_STEPS", 1)
    answer, _ = probe(ProbeTraining("torchvision:mobilenet_v3_small", (3, 32, 32), 3, 2, "cpu"))
    assert answer.network == "torchvision:mobilenet_v3_small" and answer.seconds > 0


@pytest.mark.parametrize("billions", [1, 15])
def test_what_does_not_fit_is_told_at_once(billions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if billions == 1:
        monkeypatch.setattr(probing, "memory_of", lambda device: Memory(12 * GIB, 16 * GIB))
    network = large(billions)
    assert analyse(network).parameters > billions * 10**9
    tracemalloc.start()
    begun = time.perf_counter()
    try:
        answer, _ = probe(ProbeTraining(network, (1, 1, 1), 2, 1, "cpu"))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - begun < 1
    assert (answer.verdict, answer.seconds, answer.peak) == ("too large", 0.0, None)


def test_more_than_20_billion_are_refused() -> None:
    with pytest.raises(NetworkError, match="parameters"):
        probe(ProbeTraining(large(40), (1, 1, 1), 2, 1, "cpu"))


def test_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [verdict(taken, 100) for taken in (0, 60, 80, 101)] == ["fits", "fits", "tight", "too large"]
    monkeypatch.setattr(probing, "MOST_STEPS", 1)
    need = bytes_needed(analyse(LENET), 4)
    for free, wanted in ((2 * need, "fits"), (int(1.25 * need), "tight"), (int(1.05 * need), "too large"), (need // 2, "too large")):
        monkeypatch.setattr(probing, "memory_of", lambda device, free=free: Memory(free, 2 * free))
        answer, _ = probe(ProbeTraining(LENET, (1, 32, 32), 10, 4, "cpu"))
        assert (answer.verdict, answer.free) == (wanted, free)
        assert (answer.seconds > 0) == (wanted != "too large")


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()]
)
def test_memory_that_runs_out_meanwhile(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: object) -> float:
        raise error

    monkeypatch.setattr(probing._Steps, "step", step)
    answer, _ = probe(ProbeTraining(LENET, (1, 32, 32), 10, 4, "cpu"))
    assert (answer.verdict, answer.seconds) == ("too large", 0.0)


def test_other_failures_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: object) -> float:
        raise RuntimeError("nonsense")

    monkeypatch.setattr(probing._Steps, "step", step)
    with pytest.raises(RuntimeError, match="nonsense"):
        probe(ProbeTraining(LENET, (1, 32, 32), 10, 4, "cpu"))


def test_slow_steps_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(probing.time, "perf_counter", lambda: float(next(clock)))
    steps: list[int] = []
    whole = probing._Steps.step

    def step(self: probing._Steps) -> float:
        steps.append(1)
        return whole(self)

    monkeypatch.setattr(probing._Steps, "step", step)
    answer, _ = probe(ProbeTraining(LENET, (1, 32, 32), 10, 4, "cpu"))
    assert answer.seconds == 3.0 and len(steps) == 1


def test_cancelled_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    token = CancelToken()
    steps: list[int] = []

    def step(self: object) -> float:
        steps.append(1)
        token.cancel()
        return 0.001

    monkeypatch.setattr(probing._Steps, "step", step)
    with pytest.raises(Cancelled):
        probe(ProbeTraining(LENET, (1, 32, 32), 10, 4, "cpu"), token)
    assert steps == [1]


def test_batches_that_cannot_be() -> None:
    with pytest.raises(UserError, match="at least one picture"):
        probe(ProbeTraining(LENET, (1, 32, 32), 10, 0))
    norm = Network("own", "Own", 0, "own", (1, 2, 2), 2, Sequence("body", (Flatten("flatten"), Norm("norm"), Linear("linear", 2))))
    with pytest.raises(UserError, match="more than one value") as caught:
        probe(ProbeTraining(norm, (1, 2, 2), 2, 1, "cpu"))
    assert "batch" in caught.value.remedy
    with pytest.raises(UserError, match="no device"):
        probe(ProbeTraining(replace(LENET, title="x"), (1, 32, 32), 10, 1, "cuda:99"))


def test_memory_of_this_machine() -> None:
    memory = memory_of(torch.device("cpu"))
    assert 10**8 < memory.free <= memory.total < 10**15


def test_containers_limit_memory(tmp_path) -> None:
    assert container_memory(tmp_path) is None
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("5\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 2000\n")
    assert container_memory(tmp_path) is None
    (tmp_path / "memory.max").write_text("10000\n")
    (tmp_path / "memory.current").write_text("7000\n")
    assert container_memory(tmp_path) == (5000, 10000)
    first = tmp_path / "first"
    (first / "memory").mkdir(parents=True)
    for name, text in (("limit_in_bytes", "9000"), ("usage_in_bytes", "9500"), ("stat", "total_inactive_file 100\n")):
        (first / "memory" / f"memory.{name}").write_text(text)
    assert container_memory(first) == (0, 9000)
