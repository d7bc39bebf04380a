"""Works on a project without end, and says what is done as soon as it is done, until somebody kills it.

Started with a folder and a number it works at once; without, it waits for lines "FOLDER<tab>NUMBER" and forks a worker for each, so that
a new one begins within milliseconds. A worker writes a line of JSON before each change (what it is about to do) and one after it (the
project's fingerprint), each in one piece.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
import threading
from pathlib import Path

import cv2
import numpy as np

from engine import messages as m
from engine.control import CancelToken
from engine.failure import UserError
from engine.project.opened import OpenedProject
from engine.project.records import Flag, Split
from engine.session import Session


def fingerprint(project: OpenedProject) -> str:
    """What the project comes down to, for comparing."""
    snapshot = project.snapshot
    table = snapshot.table
    told = [
        [[record.id, record.name, record.colour, record.key] for record in snapshot.classes],
        [table.ids.tolist(), table.class_ids.tolist(), table.splits.tolist(), table.flags.tolist(), list(snapshot.locators)],
        sorted(snapshot.notes.items()),
        [str(project.record.division), project.record.copy],
    ]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()


def say(**words: object) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())


def new_pictures(folder: Path, chance: random.Random) -> tuple[str, ...]:
    """Some files that were never seen before."""
    folder.mkdir(exist_ok=True)
    paths = []
    for _ in range(chance.choice([1, 2, 3, 4, 80])):  # the last are several parcels
        path = folder / f"{chance.getrandbits(64):x}.png"
        pixels = np.frombuffer(chance.randbytes(8 * 8 * 3), np.uint8).reshape(8, 8, 3)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        paths.append(str(path))
    return tuple(paths)


def next_command(project: OpenedProject, folder: Path, chance: random.Random) -> m.Command:
    """Some change of the project."""
    images = project.snapshot.table.ids.tolist()
    classes = [record.id for record in project.snapshot.classes]
    if len(images) < 10 or (len(images) < 800 and chance.random() < 0.15):
        class_id = chance.choice([None, *classes])
        return m.ImportPaths(new_pictures(folder.with_name("new pictures"), chance), class_id)
    if len(classes) < 3:
        return m.AddClass(f"class {chance.getrandbits(40)}")
    some = tuple(chance.choices(images, k=chance.randint(1, 20)))
    return chance.choice(
        [
            m.SetLabels(some, chance.choice([None, *classes])),
            m.SetLabels(some, chance.choice(classes)),
            m.SetSplits(some, chance.choice(list(Split))),
            m.SetFlags(some, chance.choice([Flag.FLAGGED, Flag.CONFIRMED]), chance.random() < 0.6),
            m.SetNote(some[0], chance.choice(["", "a note", "another"])),
            m.RenameClass(classes[0], f"renamed {chance.getrandbits(40)}"),
            m.MergeClasses((classes[0],), classes[-1]),
            m.MoveClass(classes[0], 1),
            m.RemoveImages(some[:3]),
            m.Undo(),
            m.Redo(),
        ]
    )


def work(folder: Path, seed: int) -> None:
    say(pid=os.getpid())
    chance = random.Random(seed)
    session, token = Session(), CancelToken()
    session.run(m.OpenProject(str(folder)), token, lambda event: None)
    project = session.opened()
    assert not project.record.read_only
    say(done=fingerprint(project))

    def told(event: m.Event) -> None:
        if isinstance(event, m.ImagesAdded):
            say(added=event.images.ids.tolist())

    while True:
        command = next_command(project, folder, chance)
        say(begin=type(command).__name__)
        try:
            session.run(command, token, told)
        except UserError:
            pass
        say(done=fingerprint(project))


def warm_up() -> None:
    """Load what an import and a label need once, not in each worker anew."""
    with tempfile.TemporaryDirectory() as place:
        session, token = Session(), CancelToken()
        session.run(m.NewProject("warm", str(Path(place, "project"))), token, lambda event: None)
        session.run(m.AddClass("class"), token, lambda event: None)
        session.run(m.ImportPaths(new_pictures(Path(place, "new"), random.Random(0)), 1), token, lambda event: None)
        session.run(m.CloseProject(), token, lambda event: None)
        for thread in threading.enumerate():  # what is forked has one thread
            if thread is not threading.current_thread():
                thread.join()


def serve() -> None:
    """Fork a worker for each line, and say when it is dead."""
    warm_up()
    for line in sys.stdin:
        folder, seed = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            try:
                work(Path(folder), int(seed))
            finally:
                say(failed=repr(sys.exc_info()[1]))
                os._exit(1)
        os.waitpid(child, 0)
        say(dead=child)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        serve()
