"""Each subject of the comparison learns two steps at a tiny size, where its library is there; processes answer and tell what is missing."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from tests.benchmarks.peers import child, comparing
from tests.benchmarks.peers.forms import Job, Material
from tests.benchmarks.peers.processes import rates, started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("digits")
    random = np.random.default_rng(0)
    pixels, labels = random.integers(0, 256, (128, 32, 32, 1), np.uint8), random.integers(0, 10, 128)
    Material(pixels, labels, pixels[:50], labels[:50]).save(folder)
    return str(folder)


@pytest.mark.filterwarnings("ignore")  # libraries of others
@pytest.mark.parametrize("name", [*comparing.PEERS, "ours", "unwatched", "example"])
def test_each_subject_learns(name: str, folder: str) -> None:
    library = name.partition("-")[0]
    if library in child.OPTIONAL and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    subject = child.subject_of(Job(name, folder=folder, batch=8, steps=2))
    assert subject.rate() > 0
    reached = subject.reach(2.0, 1, 0)
    assert reached.epochs == 1
    assert 0 <= reached.accuracy <= 1
    assert reached.seconds > 0


def test_a_process_of_its_own(folder: str) -> None:
    with started([Job("bare", folder=folder, batch=8, steps=2)]) as (subject,):
        ((rate,),) = rates([subject], 1)
        assert rate > 0
        assert 5e7 < subject.memory() < 5e9


def test_what_is_not_installed_is_told(folder: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "tests.benchmarks.peers.with_keras", raising=False)
    with pytest.raises(ModuleNotFoundError) as caught:
        child.subject_of(Job("keras", folder=folder))
    assert caught.value.name in child.OPTIONAL
