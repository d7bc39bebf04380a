"""The doctor's round through a project with known faults, and how it stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from doctor_copies import cropped, recompressed, scene
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.messages import FindingsReady, JobProgress
from engine.project.findings import Finding
from engine.project.records import Flag, Split

Made = Callable[[], dict[str, Finding]]


def save(picture: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def striped(seed: int, upright: bool) -> np.ndarray:
    """One of two classes that are easily told apart."""
    picture = scene(seed, 96) // 3
    wave = (np.arange(96) // 8 % 2 * 140).astype(np.uint8)
    return picture + (wave[None, :, None] if upright else wave[:, None, None])


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Two classes of 70 and 19 pictures: twins over splits, one label wrong, one picture twice, one under both labels, one black."""
    root = tmp_path / "set"
    for number in range(60):
        save(striped(number, True), root / "train" / "upright" / f"u{number}.png")
    for number in range(12):
        save(striped(100 + number, False), root / "train" / "lying" / f"l{number}.png")
    for number in range(200, 204):
        save(striped(number, True), root / "test" / "upright" / f"t{number}.png")
        save(striped(number + 50, False), root / "test" / "lying" / f"s{number}.png")
    save(striped(1, True), root / "test" / "upright" / "leaked.png")
    save(recompressed(striped(2, True), 60), root / "test" / "upright" / "leaked too.png")
    save(striped(300, False), root / "train" / "upright" / "wrong.png")
    save(cropped(striped(5, True), 0.02), root / "train" / "upright" / "cut.png")
    save(striped(301, False), root / "train" / "lying" / "both.png")
    save(striped(301, False), root / "train" / "upright" / "both too.png")
    save(np.zeros((96, 96, 3), np.uint8), root / "train" / "lying" / "black.png")
    return root


def by_kind(ready: FindingsReady) -> dict[str, Finding]:
    return {found.kind: found for found in ready.findings}


def opened(asking, root: Path) -> dict[str, int]:
    """Import a folder into a new project; ids by name."""
    asking.ask(m.NewProject("Mine"))
    asking.ask(m.ImportPaths((str(root),)))
    table = asking.session.project.snapshot.table
    return dict(zip(table.names, table.ids.tolist(), strict=True))


def test_every_fault_is_found(asking, faulty: Path) -> None:
    ids = opened(asking, faulty)
    (asking.session.project.folder / "images" / "u7.png").unlink()
    ready = asking.only(FindingsReady, m.Examine())
    found = by_kind(ready)
    assert ready.examined == len(ids)
    leaks = [set(group.images) for group in found["leak"].groups]
    assert {ids["u1.png"], ids["leaked.png"]} in leaks
    assert {ids["u2.png"], ids["leaked too.png"]} in leaks
    assert found["leak"].severity == "error"
    assert found["leak"].groups[0].images[0] == ids["u1.png"]  # the training picture first: the test is cleared
    assert "training and in test" in found["leak"].groups[0].words
    assert {ids["both.png"], ids["both too.png"]} in [set(group.images) for group in found["conflict"].groups]
    assert {ids["u5.png"], ids["cut.png"]} in [set(group.images) for group in (*found["near-duplicate"].groups, *found["leak"].groups)]
    suspects = {group.images[0]: group for group in found["suspect"].groups}
    assert ids["wrong.png"] in suspects
    lying = next(record.id for record in asking.session.project.snapshot.classes if record.name == "lying")
    assert suspects[ids["wrong.png"]].suggested == lying
    assert 'labelled "upright", looks like "lying"' in suspects[ids["wrong.png"]].words
    assert found["imbalance"].mends[0].action == "class-weights"
    assert [group.images for group in found["dark"].groups] == [(ids["black.png"],)]
    assert [group.images for group in found["missing"].groups] == [(ids["u7.png"],)]
    order = [("error", "warning", "hint").index(one.severity) for one in ready.findings]
    assert order == sorted(order)
    for one in ready.findings:
        scores = [group.score for group in one.groups]
        assert scores == sorted(scores, reverse=True)
        assert len({mend.key for mend in one.mends}) == len(one.mends)


def test_a_confirmed_label_is_no_suspect_again(asking, faulty: Path) -> None:
    ids = opened(asking, faulty)
    asking.ask(m.SetFlags((ids["wrong.png"],), Flag.CONFIRMED, True))
    found = by_kind(asking.only(FindingsReady, m.Examine()))
    assert all(group.images != (ids["wrong.png"],) for group in (found["suspect"].groups if "suspect" in found else ()))


def test_mending_a_leak_mends_it(asking, faulty: Path) -> None:
    opened(asking, faulty)
    leak = by_kind(asking.only(FindingsReady, m.Examine()))["leak"]
    table = asking.session.project.snapshot.table
    for group in leak.groups:
        first = asking.session.project.snapshot.row(group.images[0])
        asking.ask(m.SetSplits(group.images, Split(int(table.splits[first]))))
    found = by_kind(asking.only(FindingsReady, m.Examine()))
    assert "leak" not in found


def test_digits_are_well(asking) -> None:
    asking.ask(m.OpenSample())
    ready = asking.only(FindingsReady, m.Examine())
    assert ready.examined == 1797
    assert all(found.severity != "error" for found in ready.findings)
    assert sum(len(found.groups) for found in ready.findings) < 30


def test_an_empty_project_and_one_without_labels(asking, tmp_path: Path) -> None:
    asking.ask(m.NewProject("Empty"))
    assert asking.only(FindingsReady, m.Examine()).findings == ()
    for number in range(5):
        save(scene(number), tmp_path / "loose" / f"{number}.png")
    asking.ask(m.ImportPaths((str(tmp_path / "loose"),)))
    ready = asking.only(FindingsReady, m.Examine())
    assert ready.findings == ()
    assert ready.unchecked == ("Labels were not judged: that takes 20 labelled pictures in two classes.",)


class Watched(CancelToken):
    """Remembers how long it was not looked at, by any thread, and cancels itself after so many looks."""

    def __init__(self, looks: float = float("inf")) -> None:
        super().__init__()
        self.last = time.perf_counter()
        self.gap, self.looks, self._left = 0.0, 0, looks

    def check(self) -> None:
        now = time.perf_counter()
        self.gap, self.last, self.looks = max(self.gap, now - self.last), now, self.looks + 1
        if self.looks > self._left:
            self.cancel()
        super().check()


def test_it_stops_soon_wherever_it_is(asking) -> None:
    asking.ask(m.OpenSample())
    asking.ask(m.Examine())  # what loads once does not count
    token = Watched()
    events = asking.ask(m.Examine(), token)
    assert any(isinstance(event, JobProgress) for event in events)
    assert max(token.gap, time.perf_counter() - token.last) < 0.5  # 0.1 s on a quiet machine
    for share in (0.0, 0.3, 0.6, 0.9):
        with pytest.raises(Cancelled):
            asking.ask(m.Examine(), Watched(share * token.looks))


def test_a_run_that_is_not_there_is_said(asking) -> None:
    asking.ask(m.OpenSample())
    with pytest.raises(UserError):
        asking.ask(m.Examine(run="nobody"))


def test_a_run_judges_labels_by_what_it_has_learned(asking) -> None:
    from engine.training.recipe import Recipe

    asking.ask(m.OpenSample())
    trained = asking.ask(m.Train(network="lenet-5", recipe=Recipe(epochs=3)))
    run = next(event.record for event in trained if isinstance(event, m.TrainingFinished))
    table = asking.session.project.snapshot.table
    rng = np.random.default_rng(0)
    turned = rng.choice(table.ids, 40, replace=False)
    classes = [record.id for record in asking.session.project.snapshot.classes]
    for image in turned.tolist():
        now = int(table.class_ids[asking.session.project.snapshot.row(image)])
        asking.session.project.set_labels([image], classes[(classes.index(now) + 3) % 10])
    found = by_kind(asking.only(FindingsReady, m.Examine(run=run.id)))
    suspects = {group.images[0] for group in found["suspect"].groups}
    hits = suspects & set(turned.tolist())
    assert len(hits) >= 0.7 * len(turned)
    assert len(hits) >= 0.7 * len(suspects)


def test_blurred_copies_are_told_from_sharp_ones(asking, tmp_path: Path) -> None:
    for number in range(30):
        save(scene(number), tmp_path / "all" / f"{number}.png")
    save(cv2.GaussianBlur(scene(99), (0, 0), 4), tmp_path / "all" / "soft.png")
    ids = opened(asking, tmp_path / "all")
    found = by_kind(asking.only(FindingsReady, m.Examine()))
    assert [group.images for group in found["blurred"].groups] == [(ids["soft.png"],)]
