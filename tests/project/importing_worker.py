"""Imports in a process of its own: as an ordinary user, or with its memory and time measured. Prints one JSON object.

python importing_worker.py TASK FOLDER
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from engine import messages as m
from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import Event
from engine.project import taking
from engine.session import Session

NOBODY = 65534


def become_ordinary() -> None:
    """Root may do anything; go on as somebody who may not. What loads late is loaded before, from where only root may look."""
    place = Path(tempfile.mkdtemp())
    (place / "set" / "class").mkdir(parents=True)
    for name in ("a.png", "b.png"):  # alike, so that what compares them loads as well
        Image.radial_gradient("L").save(place / "set" / "class" / name)
    session = opened(place / "project")
    imported(session, place / "set")
    imported(session, place / "missing.png")
    session.project.close()
    shutil.rmtree(place)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def opened(place: Path) -> Session:
    session = Session()
    session.run(m.NewProject("Mine", str(place)), CancelToken(), lambda event: None)
    return session


def imported(session: Session, *paths: Path) -> dict[str, object]:
    events: list[Event] = []
    told = ""
    try:
        session.run(m.ImportPaths(tuple(map(str, paths))), CancelToken(), events.append)
    except UserError as error:
        told = str(error)
    finished = [event for event in events if isinstance(event, m.ImportFinished)]
    return {
        "told": told,
        "taken": sum(event.taken for event in finished),
        "skipped": {item.file: item.reason for event in finished for item in event.skipped},
    }


def denied(folder: Path) -> list[object]:
    become_ordinary()
    session = opened(folder / "project")
    return [imported(session, folder / place) for place in ("set", "set/1.png", "set/secret/0.png")]


def read_only(folder: Path) -> list[object]:
    become_ordinary()
    place = folder / "project"
    session = opened(place)
    for name in ("images", "incoming"):
        (place / name).mkdir(exist_ok=True)
    (place / "incoming").chmod(0o555)
    meanwhile = imported(session, folder / "set")
    rows = len(session.project.snapshot.locators)
    session.project.close()
    for path in (*place.iterdir(), place):
        path.chmod(0o555 if path.is_dir() else 0o444)
    session = Session()
    session.run(m.OpenProject(str(place)), CancelToken(), lambda event: None)
    afterwards = imported(session, folder / "set")
    session.project.close()
    return [meanwhile, rows, afterwards]


def measured(folder: Path) -> list[object]:
    slowest: list[object] = [0.0, ""]
    take = taking.Taker.take

    def timed(self: taking.Taker, found: taking.Found, name: str, token: CancelToken) -> taking.Taken:
        begun = time.perf_counter()
        try:
            return take(self, found, name, token)
        finally:
            slowest[:] = max(slowest, [time.perf_counter() - begun, found.locator])

    taking.Taker.take = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as place:
        session = opened(Path(place, "project"))
        answer = imported(session, folder)
        events: list[Event] = []
        session.run(m.WantThumbnails(tuple(session.project.snapshot.table.ids.tolist()), 300), CancelToken(), events.append)
        session.project.close()
    shown = sum(picture is not None for event in events for picture in event.pictures)
    return [answer, slowest, most_memory(), shown]


def most_memory() -> int:
    """Bytes that this process held at most. Linux counts what the process that started it held into ru_maxrss, but not into VmHWM."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps({"denied": denied, "read_only": read_only, "measured": measured}[sys.argv[1]](Path(sys.argv[2]))))
