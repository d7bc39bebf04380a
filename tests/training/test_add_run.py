"""Packed for elsewhere and added back: whole, mapped to the project's classes, going on where the pictures are the same."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PIL import Image
from safetensors.torch import load_file

from engine import messages as m
from engine.commands import run
from engine.control import Cancelled, CancelToken
from engine.host import EngineThread
from engine.project import runs
from engine.project.records import Split
from engine.session import Session
from engine.training import packed
from engine.training.recipe import Recipe
from engine.training.saved import NETWORK, WEIGHTS
from engine.training.trained_on import TRAINED_ON

RECIPE = Recipe(epochs=2, batch=16, device="cpu", seed=3)


@pytest.fixture(scope="module")
def host() -> Iterator[EngineThread]:
    made = EngineThread()
    made.start()
    yield made
    made.close()


def done(host: EngineThread, command: m.Command) -> list[m.Event]:
    return list(host.wait(host.submit(command)))


def only(events: list[m.Event], kind: type) -> object:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def refused(host: EngineThread, command: m.Command) -> str:
    closed = only(done(host, command), m.JobClosed)
    assert closed.outcome is m.Outcome.FAILED
    return f"{closed.failure.message} {closed.failure.remedy}"


def pictures(folder: Path, names: tuple[str, ...], shift: int = 0) -> Path:
    for value, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(16):
            Image.new("RGB", (8, 8), (value * 100 + shift, number * 9, 30)).save(folder / name / f"{number}.png")
    return folder


def project(host: EngineThread, place: Path, *names: str, shift: int = 0) -> Path:
    """A new project of such pictures is open."""
    opened = only(done(host, m.NewProject(place.name, str(place))), m.ProjectOpened)
    if names:
        done(host, m.ImportPaths((str(pictures(place.with_name(f"{place.name} pictures"), names, shift)),)))
    return Path(opened.project.folder)


@pytest.fixture(scope="module")
def made(host: EngineThread, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project with a run; that run packed as a folder and an archive; the folder once more, trained, and as an archive of that."""
    place = tmp_path_factory.mktemp("made")
    home = project(host, place / "home", "cat", "dog")
    done(host, m.Train("softmax", RECIPE, 8))
    packed = only(done(host, m.PackRun("softmax-1", str(place / "packed"))), m.RunPacked)
    zipped = only(done(host, m.PackRun("softmax-1", str(place / "archive.zip"))), m.RunPacked)
    assert (packed.pictures, zipped.pictures) == (32, 32) and packed.path == str(place / "packed")
    assert zipped.bytes == (place / "archive.zip").stat().st_size and packed.bytes > 32 * 8 * 8 * 3
    shutil.copytree(place / "packed", place / "trained")
    assert run(["train", str(place / "trained"), "--device", "cpu"]) == 0
    with zipfile.ZipFile(place / "trained.zip", "w") as archive:
        for file in sorted((place / "trained").rglob("*")):
            archive.write(file, Path("some") / "where" / file.relative_to(place / "trained"))
    return {"home": home, **{name: place / name for name in ("packed", "archive.zip", "trained", "trained.zip")}}


def test_it_comes_back_and_goes_on_as_if_it_had_been_trained_here(host, made, tmp_path) -> None:
    done(host, m.OpenProject(str(made["home"])))
    events = done(host, m.AddRun(str(made["trained"])))
    added, listed = only(events, m.RunAdded), only(events, m.RunsChanged).runs
    assert (added.run, added.but) == ("trained", "")
    record = next(record for record in listed if record.id == "trained")
    original = next(record for record in listed if record.id == "softmax-1")
    assert (record.stale, record.resumable, record.class_ids) == (False, True, original.class_ids)
    folder = Path(record.folder)
    assert not {"packed.json", "pictures.npy", "rows.npz"} & {path.name for path in folder.iterdir()}
    same, mine = load_file(folder / WEIGHTS), load_file(Path(original.folder) / WEIGHTS)
    assert all((mine[name] == value).all() for name, value in same.items())  # the same pixels, the same seed
    measured = only(done(host, m.Evaluate("trained", Split.TEST)), m.EvaluationReady).evaluation
    assert measured.accuracy == pytest.approx(record.test_accuracy) and measured.seen_in_training == 0
    assert only(done(host, m.LoadHistory("trained")), m.HistoryLoaded).history.run == "trained"
    for name in ("trained", "softmax-1"):
        done(host, m.ResumeRun(name, epochs=3))
    same, mine = load_file(folder / WEIGHTS), load_file(Path(original.folder) / WEIGHTS)
    assert all((mine[name] == value).all() for name, value in same.items())
    done(host, m.DeleteRun("trained"))
    assert "trained" in [record.id for record in only(done(host, m.RestoreRun("trained")), m.RunsChanged).runs]


def test_an_archive_gets_a_free_name_and_classes_are_matched_by_name(host, made, tmp_path) -> None:
    home = project(host, tmp_path / "other", "dog", "ape", "cat", shift=7)
    added = only(done(host, m.AddRun(str(made["trained.zip"]))), m.RunAdded)
    assert added.but.startswith('It does not know the class "ape"') and "cannot go on here" in added.but
    again = only(done(host, m.AddRun(str(made["trained"] / runs.RECORD))), m.RunAdded)
    assert (added.run, again.run) == ("trained", "trained-1")
    listed = only(done(host, m.EditRun("trained", title="Mine")), m.RunsChanged).runs
    names = {kind.id: kind.name for kind in only(done(host, m.OpenProject(str(home))), m.ProjectOpened).classes}
    for record in listed:
        assert record.classes == ("cat", "dog") and [names[number] for number in record.class_ids] == ["cat", "dog"]
        assert not record.resumable and not (Path(record.folder) / TRAINED_ON).exists()
    assert "no state to go on from" in refused(host, m.ResumeRun("trained", epochs=4))
    assert sorted(path.name for path in (home / "runs").iterdir()) == ["trained", "trained-1"]


def test_a_run_of_another_project_goes_on_with_that_one_s_pictures(host, made, tmp_path) -> None:
    project(host, tmp_path / "third", "cat", "dog", shift=9)
    added = only(done(host, m.AddRun(str(made["home"] / "runs" / "softmax-1"))), m.RunAdded)
    assert (added.run, added.but) == ("softmax-1", "")
    events = done(host, m.ResumeRun("softmax-1", epochs=5))
    assert only(events, m.JobClosed).outcome is m.Outcome.COMPLETED and any(isinstance(event, m.Notice) for event in events)


def test_what_cannot_be_added_is_refused_in_a_sentence(host, made, tmp_path) -> None:
    home = project(host, tmp_path / "strict", "cat", "hen")
    assert 'knows the class "dog", which the project has not' in refused(host, m.AddRun(str(made["trained"])))
    for name in ("packed", "archive.zip"):
        said = refused(host, m.AddRun(str(made[name])))
        assert "has not been trained yet" in said and "main.py train" in said
    assert "holds no run" in refused(host, m.AddRun(str(tmp_path)))
    whole = made["trained.zip"].read_bytes()
    weights = (made["trained"] / WEIGHTS).read_bytes()[-64:]
    (tmp_path / "broken.zip").write_bytes(whole.replace(weights, bytes(64)))
    assert "is damaged" in refused(host, m.AddRun(str(tmp_path / "broken.zip")))
    with zipfile.ZipFile(tmp_path / "deflated.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in made["trained"].glob("*.*"):
            archive.write(file, f"run/{file.name}")
        place = archive.getinfo(f"run/{WEIGHTS}").header_offset + 30 + len(f"run/{WEIGHTS}")
    with (tmp_path / "deflated.zip").open("r+b") as stream:
        stream.seek(place)
        stream.write(b"\xff" * 16)
    assert "deflated.zip is damaged (Error -3" in refused(host, m.AddRun(str(tmp_path / "deflated.zip")))
    damaged = tmp_path / "damaged"
    shutil.copytree(made["trained"], damaged)
    (damaged / WEIGHTS).write_bytes(b"none")
    assert f"{damaged / WEIGHTS} are damaged" in refused(host, m.AddRun(str(damaged)))
    (damaged / NETWORK).unlink()
    assert NETWORK in refused(host, m.AddRun(str(damaged)))
    twice = tmp_path / "twice"
    shutil.copytree(made["trained"], twice)
    runs.save_record(twice, msgspec.structs.replace(runs.load_record(twice), classes=("cat", "cat"), class_ids=()))
    assert "names a class twice" in refused(host, m.AddRun(str(twice)))
    record = msgspec.structs.replace(runs.load_record(made["trained"]), members=("a", "b"))
    runs.save_record(tmp_path / "both", record)
    assert "without its members" in refused(host, m.AddRun(str(tmp_path / "both")))
    assert not (home / "runs").exists() or not list((home / "runs").iterdir())


def test_an_archive_that_leads_elsewhere_leads_nowhere(host, made, tmp_path) -> None:
    home = project(host, tmp_path / "safe", "cat", "dog")
    hostile = tmp_path / "hostile.zip"
    shutil.copyfile(made["trained.zip"], hostile)
    with zipfile.ZipFile(hostile, "a") as archive:
        for name in ("some/where/moments/../../../../out", "some/where/../said.json", "some/where/moments/C:out", "some/where/mine.exe"):
            archive.writestr(name, b"out")
    assert only(done(host, m.AddRun(str(hostile))), m.RunAdded).run == "hostile"
    files = {path.name for path in home.rglob("*")}
    assert not files & {"out", "C:out", "mine.exe", "said.json"} and not (tmp_path / "out").exists()


def test_an_archive_made_by_hand_of_a_packed_training_is_one(made, tmp_path) -> None:
    shutil.make_archive(str(tmp_path / "mine"), "zip", made["packed"])
    assert packed.is_packed(tmp_path / "mine.zip")
    assert packed.load(packed.unpacked(tmp_path / "mine.zip")).called == packed.load(made["packed"]).called
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.zip"]


def test_packing_refuses_places_within_the_project_and_what_is_no_network(host, made, tmp_path) -> None:
    done(host, m.OpenProject(str(made["home"])))
    assert "own folder" in refused(host, m.PackRun("softmax-1", str(made["home"] / "packed")))
    assert "is there already" in refused(host, m.PackRun("softmax-1", str(made["packed"])))
    done(host, m.Train("nearest-neighbour", RECIPE, 8))
    assert "is not trained elsewhere" in refused(host, m.PackRun("nearest-neighbour-1", str(tmp_path / "near")))
    assert not list(tmp_path.iterdir())


def test_stopped_and_killed_halfway_nothing_is_there(host, made, tmp_path) -> None:
    done(host, m.CloseProject())
    session, told = Session(), []
    session.run(m.OpenProject(str(made["home"])), CancelToken(), told.append)
    try:
        place, token = made["home"] / "runs", CancelToken()
        before = sorted(path.name for path in place.iterdir() if path.name != runs.DELETED)

        def stop(event: m.Event) -> None:
            token.cancel()

        with pytest.raises(Cancelled):
            session.run(m.AddRun(str(made["trained"])), token, stop)
        with pytest.raises(Cancelled):
            session.run(m.PackRun("softmax-1", str(tmp_path / "stopped.zip")), token, stop)
        assert sorted(path.name for path in place.iterdir() if path.name != runs.DELETED) == before and not list(tmp_path.iterdir())
        shutil.copytree(made["trained"], place / runs.ADDING / "half")  # as a killed program leaves it
        assert "half" not in [record.id for record in session.project.runs()]
        session.run(m.CloseProject(), CancelToken(), told.append)
        session.run(m.OpenProject(str(made["home"])), CancelToken(), told.append)
        assert not (place / runs.ADDING).exists()
    finally:
        session.project.close()
