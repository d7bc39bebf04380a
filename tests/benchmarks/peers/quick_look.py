"""The program's own way from the files of MNIST to a tested run, with the preset Quick look."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from engine.control import CancelToken, lower_priority
from engine.data import dataset as data
from engine.data.sources import scan
from engine.training.fit import fit
from engine.training.presets import PRESETS
from tests.benchmarks.peers.forms import Job, Reached


class QuickLook:
    """`fit`, as the window's Train and the command call it: decoding, training, what is written to disk and the test are all counted."""

    version = ""

    def __init__(self, job: Job) -> None:
        lower_priority()
        self.dataset = data.from_source(scan(Path(job.folder)))

    def reach(self, target: float, most: int, seed: int) -> Reached:
        recipe = msgspec.structs.replace(PRESETS["quick-look"].recipe, seed=seed)
        place = Path(tempfile.mkdtemp())
        begun = time.perf_counter()
        try:
            record = fit(self.dataset, "lenet-5", recipe, None, place / "run", CancelToken(), lambda event: None)
            assert record.test_accuracy is not None
            return Reached(time.perf_counter() - begun, record.epochs, record.test_accuracy)
        finally:
            shutil.rmtree(place, ignore_errors=True)
