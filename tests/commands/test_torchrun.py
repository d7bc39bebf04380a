"""The commands as torchrun starts them: killed and started again, packed for elsewhere, without anybody to meet."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from engine.commands import run
from engine.data.dataset import decode
from engine.failure import UserError
from engine.project import runs
from engine.project.records import Split
from engine.training import packed
from engine.training.saved import WEIGHTS, load_run

ROOT = Path(__file__).resolve().parents[2]
MAIN = str(ROOT / "main.py")
LENET = ("--network", "lenet-5", "--seed", "3", "--device", "cpu")
distributed = pytest.mark.skipif(not torch.distributed.is_available(), reason="this build of torch knows no other processes")


def start(*words: str, restarts: int = 0, **more: str) -> subprocess.Popen[str]:
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--monitor-interval", "0.1"]
    place = {**os.environ, "OMP_NUM_THREADS": "1", **more}
    command = [sys.executable, *launch, "--max-restarts", str(restarts), MAIN, *words]
    return subprocess.Popen(command, env=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def weights_differ(one: Path, other: Path) -> float:
    first, second = load_file(one / WEIGHTS), load_file(other / WEIGHTS)
    return max(float((second[name] - value).norm() / value.norm()) for name, value in first.items())


def kill(process: subprocess.Popen[str], victim: int, epoch: int) -> None:
    """Kill a worker once the training has come so far."""
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if line.startswith(f"epoch {epoch}/"):
                break
        workers = [child for child in psutil.Process(process.pid).children() if MAIN in child.cmdline()]
        assert len(workers) == 2
        next(worker for worker in workers if worker.environ()["RANK"] == str(victim)).kill()
    except BaseException:
        process.terminate()
        raise


@distributed
def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    folder, whole, epochs = tmp_path / "run", tmp_path / "whole", 6
    words = ("train", "digits", *LENET, "--epochs", str(epochs), "--json")
    with start(*words, "--out", str(folder), restarts=1) as process:
        kill(process, 0, 3)  # the one that leads
        with start(*words, "--out", str(whole)) as other:
            out, error = process.communicate(timeout=120)
            assert process.returncode == 0, error[-3000:]
            _, error = other.communicate(timeout=120)
            assert other.returncode == 0, error[-3000:]
    answer = json.loads(out)  # one object, though a failure lay between
    assert (answer["epochs"], answer["run"]) == (epochs, str(folder))
    assert weights_differ(whole, folder) == 0  # the sum of two is the same in either order
    before, after = runs.load_history(whole), runs.load_history(folder)
    assert (after.step_losses == before.step_losses).all() and after.mark_texts.tolist()[-1] == "Resumed"
    assert sorted(os.listdir(tmp_path)) == ["run", "whole"]
    record = load_run(folder).record
    assert record.outcome == "completed" and record.resumable and record.test_accuracy == pytest.approx(answer["test_accuracy"])


@distributed
def test_packed_and_trained_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original, archive = tmp_path / "original", tmp_path / "elsewhere" / "packed.zip"
    assert run(["train", "digits", *LENET, "--epochs", "2", "--out", str(original)]) == 0
    assert run(["pack", "digits", str(tmp_path / "plain"), *LENET, "--epochs", "2"]) == 0
    assert run(["pack", str(original), str(archive), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["packed"] == str(archive)

    assert run(["train", str(tmp_path / "plain"), "--device", "cpu", "--json"]) == 0
    assert weights_differ(original, tmp_path / "plain") == 0  # the same bits
    assert runs.load_record(tmp_path / "plain").network == "lenet-5"

    with start("train", str(archive), "--device", "cpu", "--json") as process:
        out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error[-3000:]
    trained = Path(json.loads(out)["run"])
    assert trained == archive.with_suffix("") and weights_differ(original, trained) < 1e-4

    moved = tmp_path / "project" / "runs" / "from-elsewhere"
    shutil.copytree(trained, moved)
    shutil.rmtree(trained)
    (record,) = runs.list_runs(tmp_path / "project")
    assert record.id == "packed" and record.resumable and record.classes == tuple("0123456789")
    pictures = packed.load(moved).dataset
    pixels, failed, _ = decode(pictures, pictures.rows(Split.TEST), record.preprocessing)
    right = load_run(moved).probabilities(pixels).argmax(1) == pictures.labels[pictures.rows(Split.TEST)]
    assert not failed and right.mean() == pytest.approx(record.test_accuracy)
    assert run(["resume", str(moved), "--epochs", "3"]) == 0


def test_packing_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        assert run(list(words)) != 0
        return capsys.readouterr().err

    out = str(tmp_path / "packed")
    assert "needs a --network" in said("pack", "digits", out)
    assert "is no network that could be trained elsewhere" in said("pack", "digits", out, "--network", "nearest-neighbour")
    assert run(["pack", "digits", out, "--network", "softmax"]) == 0
    assert "is there already" in said("pack", "digits", out, "--network", "softmax")
    assert "is packed already" in said("pack", out, f"{out}-2")
    assert "brings network, pictures and weights of its own. Leave --size away" in said("train", out, "--size", "32")
    (tmp_path / "packed" / "rows.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is damaged"):
        packed.load(tmp_path / "packed")
    assert "is damaged" in said("train", out)
    (tmp_path / "broken.zip").write_bytes(b"nothing")
    assert said("train", str(tmp_path / "broken.zip"), "--network", "softmax")
    assert not [place.name for place in tmp_path.iterdir() if place.name.startswith(".")]


@distributed
def test_nobody_to_meet(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # nobody listens on it
        more = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        words = [sys.executable, MAIN, "train", "digits", "--network", "softmax", "--out", str(tmp_path / "run")]
        begun = time.monotonic()
        done = subprocess.run(
            words, env={**os.environ, **more, "FOVEA_RENDEZVOUS_SECONDS": "1"}, capture_output=True, text=True, check=False, timeout=60
        )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and time.monotonic() - begun < 40
    assert line.startswith(f"fovea: The other processes of this training could not be met at 127.0.0.1:{port} within 1 s (")
    assert not (tmp_path / "run").exists()


def test_where_it_goes_must_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    words = ["train", "digits", "--network", "softmax", "--epochs", "1"]
    assert run(words) == 1 and "Name one with --out" in capsys.readouterr().err
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    assert run([*words, "--out", str(tmp_path / "run")]) == 1 and "is not empty" in capsys.readouterr().err
    assert os.listdir(tmp_path / "run") == ["mine.txt"]

    here = ["--out", str(tmp_path / "other"), "--json"]
    assert run([*words, *here]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert run([*words, *here]) == 0  # started again when all was done
    assert json.loads(capsys.readouterr().out) == trained
    assert run([*words, "--seed", "1", *here]) == 1 and "is that of another training" in capsys.readouterr().err
