"""Loosely, for a busy machine: our loop is well ahead of the usual one. The figure itself is in python -m tests.benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.benchmarks import throughput
from tests.benchmarks.measuring import in_turns


def test_ahead_of_the_usual_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOVEA_TEST_DATA", raising=False)
    root = throughput.mnist(tmp_path)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _, _, ratios = in_turns(throughput.ours(root, 30), throughput.usual(root, 30, 0), 3)
    finally:
        torch.set_num_threads(before)
    assert max(ratios) > 1.5
