"""The commands as programs: what they load, how Ctrl-C ends them, what a pipe sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = """
import sys, main
main.main(sys.argv[1:])
sys.stderr.write("LOADED " + " ".join(name for name in {heavy} if name in sys.modules))
"""


def start(*words: str, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "main.py"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **more
    )


def loaded(words: list[str], heavy: tuple[str, ...]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(heavy=heavy), *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stderr.partition("LOADED ")[2].split()


@pytest.mark.parametrize("words", [["networks"], ["describe", "lenet-5", "--json"], ["nonsense"]])
def test_arithmetic_loads_nothing_heavy(words: list[str]) -> None:
    assert loaded(words, ("torch", "torchvision", "cv2", "sklearn", "PySide6", "rich")) == []


def test_training_loads_no_qt(tmp_path: Path) -> None:
    words = ["train", "digits", "--network", "softmax", "--epochs", "1", "--out", str(tmp_path / "run")]
    assert loaded(words, ("torch", "PySide6", "shiboken6", "pyqtgraph", "torchvision")) == ["torch"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console only")
def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start("train", "digits", "--network", "softmax", "--epochs", "100000", "--json", "--out", str(run))
    assert process.stderr is not None and process.stdout is not None
    for line in process.stderr:
        if line.startswith("epoch 2/"):
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    values = json.loads(out)
    assert values["epochs"] >= 2 and values["test_accuracy"] is None
    assert json.loads((run / "run.json").read_bytes())["outcome"] == "cancelled"

    out, error = start("evaluate", str(run), "digits", "--json").communicate(timeout=60)
    assert json.loads(out)["classes"] == list("0123456789"), error


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX pipe")
def test_reader_that_goes_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "networks"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(writing)
    assert process.returncode == 1 and process.stderr == ""


def test_console_of_another_encoding() -> None:
    process = start("describe", "lenet-5", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0 and "conv1" in out and error == ""
