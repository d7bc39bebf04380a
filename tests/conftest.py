"""Fixtures for all tests: no display, no network of threads left behind, real data where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, from FOVEA_TEST_DATA; skips without."""
    place = os.environ.get("FOVEA_TEST_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("FOVEA_TEST_DATA does not name a folder")
    return Path(place).resolve()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Projects, settings and logs of a test go to a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FOVEA_HOME", str(home))
    yield home
