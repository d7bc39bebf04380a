"""Two processes that train together by gloo come to what one comes to by itself, whatever the recipe asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from engine.data.augmentation import Augment, Mix, Normalise
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.project import runs
from engine.training.launched import together
from engine.training.recipe import Augmentation
from engine.training.saved import WEIGHTS
from engine.training.team import LONE, joined
from engine.training.team_share import pieces_of, shares_of

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
PRE = Preprocessing(height=9, width=9, channels=1, resize="squash", mean=(0.4,), std=(0.3,))
CLOSE = 1e-4  # of a tensor's length; measured are 1e-7 to 2e-6
PLAIN = {"epochs": 2, "batch": 30, "suit_augmentation": False, "seed": 5, "device": "cpu", "mixed_precision": "off"}
STRONG = {"shift": 0.1, "rotate": 10.0, "noise": 0.1, "erase": 0.3, "rand_augment": 9.0, "mixup": 0.2, "cutmix": 1.0}
CASES: list[dict[str, Any]] = [
    {"name": "plain", "network": "lenet-5", "recipe": {}},
    {
        "name": "all",
        "network": "mlp",
        "recipe": {"augmentation": STRONG, "accumulate": 2, "batch": 11, "clip": 0.5, "ema": 0.9, "l1": 1e-4},
    },
    {"name": "weighted", "network": "mlp", "recipe": {"class_weights": True, "optimiser": "muon", "momentum": 0.9, "loss": "focal"}},
    {"name": "norms", "network": "resnet-20", "recipe": {"epochs": 1, "optimiser": "sgd", "learning_rate": 0.001}},
    {"name": "thawing", "network": "lenet-5", "recipe": {"unfreeze": 1, "epochs": 3}},
    {"name": "patience", "network": "softmax", "recipe": {"epochs": 40, "target": 0.8}},
    {"name": "scarce", "network": "mlp", "recipe": {"augmentation": {"shift": 0.1, "noise": 0.2}}, "scarce": True},
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not torch.distributed.is_available():
        pytest.skip("this build of torch knows no other processes")
    folder = tmp_path_factory.mktemp("team")
    cases = [{"size": 32 if case["network"] == "lenet-5" else 16, **case, "recipe": {**PLAIN, **case["recipe"]}} for case in CASES]
    program = [str(Path(__file__).with_name("team_process.py")), str(folder), json.dumps(cases)]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *program]
    place = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(launch, env=place, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-6000:]
    return folder


def distance(one: Path, other: Path) -> float:
    """The largest distance of two tensors of the same name, by the length of the first."""
    first, second = (load_file(folder / WEIGHTS) for folder in (one, other))
    assert first.keys() == second.keys()
    return max(
        float((second[name] - value).norm() / value.norm().clamp(min=1e-6)) for name, value in first.items() if value.is_floating_point()
    )


@pytest.mark.parametrize("name", [case["name"] for case in CASES])
def test_two_come_to_what_one_comes_to(trained: Path, name: str) -> None:
    one, team = trained / name / "one", trained / name / "team"
    assert distance(one, team) < CLOSE
    alone, shared = runs.load_history(one), runs.load_history(team)
    assert shared.mark_texts.tolist() == alone.mark_texts.tolist()
    for column in ("step_losses", "step_accuracies", "train_losses", "validation_losses", "validation_accuracies", "learning_rates"):
        np.testing.assert_allclose(getattr(shared, column), getattr(alone, column), rtol=2e-3, atol=2e-3, err_msg=column)
    before, after = runs.load_record(one), runs.load_record(team)
    assert (after.steps, after.epochs, after.best_epoch, after.test_accuracy) == (
        before.steps, before.epochs, before.best_epoch, pytest.approx(before.test_accuracy)
    )  # fmt: skip
    assert after.resumable and len(list((trained / name).iterdir())) == 2


@given(st.integers(1, 70), st.integers(1, 5), st.integers(1, 6), st.booleans())
def test_shares_are_all_of_a_step(count: int, pieces: int, size: int, mixed: bool) -> None:
    if min(piece.stop - piece.start for piece in pieces_of(count, pieces)) < size:
        with pytest.raises(UserError):
            shares_of(count, pieces, 0, size, mixed)
        return
    shown: list[list[int]] = [[] for _ in pieces_of(count, pieces)]
    weights = 0.0
    for rank in range(size):
        rows, shares = shares_of(count, pieces, rank, size, mixed)
        for number, (share, piece) in enumerate(zip(shares, pieces_of(count, pieces), strict=True)):
            own = rows[share.taken]
            assert share.portion is not None and share.portion.rows is not None
            assert (piece.start + share.portion.rows == own).all() and share.portion.whole == piece.stop - piece.start
            if mixed:
                assert own[0] == (own[1] - 1 if own[1] > piece.start else piece.stop - 1)
            shown[number] += own[share.spare :].tolist()
            weights += share.weight
    assert [row for piece in shown for row in piece] == list(range(count)) and weights == pytest.approx(1)


@pytest.mark.parametrize("mixing", [{}, {"mixup": 0.4}, {"cutmix": 1.0}])
def test_a_part_of_a_batch_is_changed_as_in_the_whole(mixing: dict[str, float]) -> None:
    choice = Augmentation(flip=True, colour=0.2, blur=0.1, **{**STRONG, "mixup": 0.0, "cutmix": 0.0, **mixing})
    pixels = torch.randint(0, 256, (20, 9, 9, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(20) % 4
    whole = Augment(Normalise(PRE, CPU), choice, 3, CPU)(pixels)
    both = Mix(choice, 3, CPU)(whole, labels) if mixing else None
    for rank in range(3):
        rows, (share,) = shares_of(20, 1, rank, 3, bool(mixing))
        part = Augment(Normalise(PRE, CPU), choice, 3, CPU)(pixels[rows], share.portion)
        torch.testing.assert_close(part, whole[rows])
        if both is not None:
            mixed = Mix(choice, 3, CPU)(part, labels[rows], share.portion)
            for own, all_of_it in zip(mixed, both, strict=True):
                torch.testing.assert_close(own[1:], all_of_it[rows[1:]])


def test_a_process_by_itself_is_its_own_team(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not together()
    with joined() as team:
        assert team is LONE and team.lone and team.leads
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert together()
    with joined() as team:
        assert team is LONE
