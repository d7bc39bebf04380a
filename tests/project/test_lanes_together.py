"""The project behind the running engine: labels, undo and thumbnails while an import is under way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import messages as m
from engine.host import EngineThread
from engine.project import intake


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineThread]:
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    made = EngineThread()
    made.start()
    yield made
    assert made.close()


def test_events_tell_the_truth_while_an_import_runs(host: EngineThread, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the events in their order knows the project as it is in the end."""
    monkeypatch.setattr(intake, "FIRST_PARCEL", 2)
    list(host.wait(host.submit(m.OpenSample())))
    for _ in range(4):
        host.submit(m.ImportPaths((str(photographs),)))
    for number in range(60):
        host.submit(m.SetLabels((1 + number, 1798 + number % 10), 1 + number % 10))
        host.submit(m.WantThumbnails((1 + number, 1798 + number % 10)))
        if number % 3 == 0:
            host.submit(m.Undo())
    last_import = host.submit(m.ImportPaths((str(photographs),)))
    known = dict.fromkeys(range(1, 1798), -2)
    closed: list[m.JobClosed] = []
    for event in [*host.wait(last_import), *host.wait(host.submit(m.Undo()))]:
        if isinstance(event, m.ImagesAdded):
            known.update(zip(event.images.ids.tolist(), event.images.class_ids.tolist(), strict=True))
        elif isinstance(event, m.ImagesRemoved):
            for image in event.ids.tolist():
                del known[image]
        elif isinstance(event, m.LabelsChanged):
            assert set(event.ids.tolist()) <= set(known)
            known.update(zip(event.ids.tolist(), event.class_ids.tolist(), strict=True))
        elif isinstance(event, m.JobClosed):
            closed.append(event)
    assert all(event.outcome is not m.Outcome.FAILED for event in closed), [event.failure for event in closed]
    table = host.session.opened().snapshot.table
    assert sorted(known) == table.ids.tolist()
    told = np.array([known[image] for image in table.ids.tolist()])
    assert np.array_equal(table.class_ids[told > -2], told[told > -2])


def test_closing_in_the_middle_of_an_import_keeps_the_project_whole(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FIRST_PARCEL", 1)
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    host = EngineThread()
    host.start()
    list(host.wait(host.submit(m.NewProject("Mine"))))
    folder = host.session.opened().folder
    job = host.submit(m.ImportPaths((str(photographs),)))
    for event in host.wait(job):
        if isinstance(event, m.ImagesAdded):
            break
    assert host.close()
    again = EngineThread()
    again.start()
    opened = next(event for event in again.wait(again.submit(m.OpenProject(str(folder)))) if isinstance(event, m.ProjectOpened))
    assert opened.project.read_only == ""
    names = {path.name for path in (folder / "images").iterdir()}
    assert 1 <= len(opened.images.ids) <= 20
    assert len(names) >= len(opened.images.ids)
    assert again.close()
