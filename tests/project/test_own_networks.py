"""The project's own networks: kept, renamed, deleted, read from anywhere; whatever lies in the folder, nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine import messages as m
from engine.control import CancelToken
from engine.failure import UserError, describe
from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.files import dump, load
from engine.networks.layers import Conv, Linear, Network, Sequence
from engine.project import networks, runs
from engine.project.networks import path_of
from engine.session import Session
from engine.training.recipe import Recipe

LENET = replace(zoo.make("lenet-5", (1, 32, 32), 10), name="mine", title="Mine")
UNFINISHED = replace(LENET, name="unfinished", body=Sequence("body", (Conv("conv", 4, (99, 99)), Linear("linear", 3))))


@pytest.fixture
def folder(bench, tmp_path) -> Path:
    bench.run(m.NewProject("Zoo", str(tmp_path / "Zoo")))
    return tmp_path / "Zoo" / "networks"


def save(bench, network: Network, before: str = "") -> m.NetworksChanged:
    bench.run(m.SaveNetwork(network, before))
    return bench.only(m.NetworksChanged)


def reopened(bench, folder: Path) -> m.NetworksChanged:
    bench.run(m.OpenProject(str(folder.parent)))
    kinds = [type(event) for event in bench.events]
    assert kinds.index(m.ProjectOpened) < kinds.index(m.NetworksChanged)
    return bench.only(m.NetworksChanged)


def load_any(path: Path) -> Network:
    return load(path, complete=False)


def files_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def test_a_project_without_networks_says_so(bench, folder: Path) -> None:
    assert reopened(bench, folder).networks == ()
    assert not folder.exists()


def test_kept_and_there_again(bench, folder: Path) -> None:
    told = save(bench, LENET)
    assert (told.networks, told.added, told.broken) == ((LENET,), "mine", ())
    assert files_in(folder) == ["mine.json"]
    assert load_any(folder / "mine.json") == LENET
    bench.run(m.CloseProject())
    assert reopened(bench, folder).networks == (LENET,)
    assert path_of(bench.session.opened(), "own:mine") == path_of(bench.session.opened(), "mine") == folder / "mine.json"


def test_unfinished_work_is_kept(bench, folder: Path) -> None:
    with pytest.raises(NetworkError):
        analyse(UNFINISHED)
    assert save(bench, UNFINISHED).networks == (UNFINISHED,)
    assert reopened(bench, folder).networks == (UNFINISHED,)
    empty = replace(LENET, name="empty", body=Sequence("body", ()))
    assert save(bench, empty).networks == (empty, UNFINISHED)


def test_a_new_one_takes_the_place_of_no_other(bench, folder: Path) -> None:
    save(bench, LENET)
    told = save(bench, replace(LENET, classes=3))
    assert told.added == "mine 2"
    assert [(network.name, network.title, network.classes) for network in told.networks] == [("mine", "Mine", 10), ("mine 2", "Mine 2", 3)]
    assert save(bench, replace(LENET, name="MINE")).added == "MINE 3" or files_in(folder) == ["MINE 2.json", "mine 2.json", "mine.json"]


def test_saved_again_and_renamed(bench, folder: Path) -> None:
    save(bench, LENET)
    assert save(bench, replace(LENET, classes=3), "mine").networks == (replace(LENET, classes=3),)
    assert save(bench, replace(LENET, name="yours"), "mine").networks == (replace(LENET, name="yours"),)
    assert files_in(folder) == ["yours.json"]
    save(bench, LENET)
    with pytest.raises(UserError, match='There is a network "Mine" already'):
        save(bench, replace(LENET, name="Mine"), "yours")
    assert save(bench, replace(LENET, name="Yours"), "yours").added == "Yours"  # the same file where letters' size does not count
    assert [name.casefold() for name in files_in(folder)] == ["mine.json", "yours.json"]
    assert [network.name for network in reopened(bench, folder).networks] == ["mine", "Yours"]


def test_what_has_gone_is_saved_as_new(bench, folder: Path) -> None:
    assert save(bench, LENET, "gone").networks == (LENET,)


def test_deleted_and_brought_back(bench, folder: Path) -> None:
    save(bench, LENET)
    bench.run(m.DeleteNetwork("mine"))
    assert bench.only(m.NetworksChanged).networks == () and files_in(folder) == []
    assert save(bench, LENET).networks == (LENET,)
    with pytest.raises(NetworkError, match='no network "lenet"') as caught:
        bench.run(m.DeleteNetwork("lenet"))
    assert "mine" in caught.value.remedy


def test_read_from_anywhere(bench, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "down load.JSON").write_bytes(dump(LENET))
    for added in ("mine", "mine 2"):
        bench.run(m.ReadNetwork(str(tmp_path / "down load.JSON")))
        assert bench.only(m.NetworksChanged).added == added
    (tmp_path / "nameless.json").write_bytes(dump(replace(LENET, name="", title="")))
    bench.run(m.ReadNetwork(str(tmp_path / "nameless.json")))
    assert bench.only(m.NetworksChanged).added == "nameless"
    (tmp_path / "broken.json").write_bytes(dump(LENET).replace(b"filters", b"filtres"))
    with pytest.raises(NetworkError, match=r"broken.json.*filtres") as caught:
        bench.run(m.ReadNetwork(str(tmp_path / "broken.json")))
    assert caught.value.remedy == "Did you mean filters?"
    for place, words in ((tmp_path, "not a file"), (tmp_path / "none.json", "no file")):
        with pytest.raises((UserError, OSError)) as failed:
            bench.run(m.ReadNetwork(str(place)))
        assert words in describe(failed.value).message
    assert len(files_in(folder)) == 3


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "..",
        "../../etc/passwd",
        "con",
        "NUL.v2",
        "C:\\x",
        " padded ",
        "x" * 200,
        "日本" * 100,
        "é",
        "...",
        "a\nb\x00",
        "*?",
        "#1",
        "a.json",
        "\ud800",
    ],
)
def test_any_name_is_a_file_within_the_folder(bench, folder: Path, name: str) -> None:
    told = save(bench, replace(LENET, name=name))
    (file,) = files_in(folder)
    assert len(file.encode()) < 200 and file.endswith(".json") and not set(file) & set('<>:"/\\|?*\n\0')
    assert file.split(".")[0].casefold() not in ("con", "nul")
    assert sorted(os.listdir(folder.parent.parent)) == ["Zoo"]
    assert told.networks[0].name == told.added == name.strip().replace("\n", "").replace("\x00", "").replace("\ud800", "?")
    assert reopened(bench, folder).networks == told.networks
    bench.run(m.DeleteNetwork(told.added))
    assert files_in(folder) == []


def test_names_that_share_a_file_on_some_systems_do_not(bench, folder: Path) -> None:
    for name in ("a/b", "a?b", "A_B", "e\u0301", "\u00e9"):
        save(bench, replace(LENET, name=name))
    names = files_in(folder)
    assert len(names) == len({name.casefold() for name in names}) == 5
    assert len(reopened(bench, folder).networks) == 5


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_a_name_is_needed(bench, folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="needs a name"):
        save(bench, replace(LENET, name=name))
    assert files_in(folder) == []


def test_what_could_not_be_read_again_is_not_written(bench, folder: Path) -> None:
    save(bench, LENET)
    wrong = replace(LENET, body=Sequence("body", (Conv("conv", 0, (3, 3)),)))
    with pytest.raises(NetworkError, match="Mine is not a network"):
        save(bench, wrong, "mine")
    assert load_any(folder / "mine.json") == LENET


def test_broken_and_foreign_files_are_told_and_stay(bench, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "lenet.json").write_bytes(dump(LENET))
    (folder / "twin.json").write_bytes(dump(LENET))
    (folder / "cut.json").write_bytes(dump(LENET)[:500])
    (folder / "later.json").write_bytes(dump(replace(LENET, version=99)))
    (folder / "notes.txt").write_bytes(b"hello")
    (folder / "folder.json").mkdir()
    (folder / "nameless.json").write_bytes(dump(replace(LENET, name="")))
    for name in (".DS_Store", "Thumbs.db", "x.json.part"):
        (folder / name).write_bytes(b"")
    if sys.platform != "win32":
        os.mkfifo(folder / "pipe.json")
        (folder / "loop.json").symlink_to(folder / "loop.json")
    before = files_in(folder)
    told = reopened(bench, folder)
    assert told.networks == (LENET,)
    reasons = dict(told.broken)
    assert '"mine", which lenet.json has already' in reasons["twin.json"]
    assert "not JSON" in reasons["cut.json"] and "version 99" in reasons["later.json"]
    assert "not a network JSON file" in reasons["notes.txt"] and "not a file" in reasons["folder.json"]
    assert "name is empty" in reasons["nameless.json"]
    assert set(before) - {"lenet.json", ".DS_Store", "Thumbs.db", "x.json.part"} == set(reasons)
    told = save(bench, replace(LENET, name="cut"))  # beside the broken one
    assert files_in(folder) == sorted([*before, "cut 2.json"])
    assert (folder / "cut.json").read_bytes() == dump(LENET)[:500]
    bench.run(m.SaveNetwork(replace(LENET, classes=4), "mine"))
    assert load_any(folder / "lenet.json").classes == 4  # files of other names are written where they are
    bench.run(m.SaveNetwork(replace(LENET, name="new"), "mine"))
    assert sorted({*before, "cut 2.json", "new.json"} - {"lenet.json"}) == files_in(folder)
    assert [network.name for network in bench.only(m.NetworksChanged).networks] == ["cut", "mine", "new"]  # the twin has its turn


def test_a_file_in_the_folders_place(bench, folder: Path) -> None:
    folder.write_bytes(b"")
    told = reopened(bench, folder)
    assert told.networks == () and told.broken[0][0] == "networks"
    with pytest.raises(OSError):
        save(bench, LENET)


def test_many_files_are_not_all_read(bench, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(networks, "MOST_FILES", 3)
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.json").write_bytes(dump(replace(LENET, name=str(number))))
    told = reopened(bench, folder)
    assert len(told.networks) == 3 and told.broken == (("2 more files", "Only the first 3 files are looked at."),)


def test_read_only_projects_show_and_refuse(bench, folder: Path) -> None:
    save(bench, LENET)
    second = type(bench)()
    try:
        told = reopened(second, folder)
        assert told.networks == (LENET,)
        assert path_of(second.session.opened(), "mine") == folder / "mine.json"
        for command in (m.SaveNetwork(LENET), m.DeleteNetwork("mine"), m.ReadNetwork(str(folder / "mine.json"))):
            with pytest.raises(UserError, match="another Fovea window"):
                second.run(command)
    finally:
        second.close()


def test_without_a_project() -> None:
    with pytest.raises(UserError, match="No project"):
        Session().run(m.SaveNetwork(LENET), CancelToken(), lambda event: None)


def test_a_full_disk_leaves_the_old_file(bench, folder: Path, monkeypatch) -> None:
    save(bench, LENET)

    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs.os, "replace", full)
    for network, before in ((replace(LENET, classes=3), "mine"), (replace(LENET, name="new"), "mine"), (replace(LENET, name="more"), "")):
        with pytest.raises(OSError) as caught:
            save(bench, network, before)
        assert describe(caught.value).kind == "disk" and "networks" in describe(caught.value).message
        assert files_in(folder) == ["mine.json"] and load_any(folder / "mine.json") == LENET


def test_networks_travel(bench, folder: Path, tmp_path: Path) -> None:
    save(bench, LENET)
    (folder / "broken.json").write_bytes(b"{")
    (folder / "x.json.part").write_bytes(b"{")
    bench.run(m.SaveCopy(str(tmp_path / "copy")))
    assert files_in(tmp_path / "copy" / "networks") == ["broken.json", "mine.json"]
    bench.run(m.Export("project", str(tmp_path / "out.zip")))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    (place,) = (tmp_path / "unpacked").iterdir()
    told = reopened(bench, place / "networks")
    assert told.networks == (LENET,) and [name for name, _ in told.broken] == ["broken.json"]


def test_files_of_the_first_form_are_read(bench, folder: Path) -> None:
    folder.mkdir()
    tree = json.loads(dump(LENET))
    (folder / "old.json").write_bytes(json.dumps({**tree, "version": 1}).encode())
    assert reopened(bench, folder).networks == (replace(LENET, version=1),)
    assert save(bench, replace(LENET, version=1), "mine").networks == (LENET,)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["save", "rename", "delete"]), st.text(max_size=6), st.text(max_size=6)), max_size=8))
def test_whatever_is_done_names_stay_apart_and_files_agree(bench, folder: Path, steps: list[tuple[str, str, str]]) -> None:
    for network in networks.read(folder.parent).networks:
        bench.run(m.DeleteNetwork(network))
    for number, (step, one, other) in enumerate(steps):
        before = networks.read(folder.parent)
        command = {
            "save": m.SaveNetwork(replace(LENET, name=one, classes=number + 1)),
            "rename": m.SaveNetwork(replace(LENET, name=one, classes=number + 1), other),
            "delete": m.DeleteNetwork(one),
        }[step]
        try:
            bench.run(command)
        except UserError:
            assert networks.read(folder.parent) == before
            continue
        now = networks.read(folder.parent)
        assert now.broken == () and len(now.files) == len(now.networks)
        assert bench.only(m.NetworksChanged).networks == tuple(network for _, network in now.networks.values())
        assert abs(len(now.networks) - len(before.networks)) <= 1


def test_a_network_of_the_project_is_trained_under_its_name(bench, tmp_path: Path) -> None:
    bench.run(m.OpenSample())
    own = replace(zoo.make("softmax", (1, 8, 8), 10), name="Mine & yours")
    save(bench, own)
    bench.run(m.Train("own:Mine & yours", Recipe(epochs=1, device="cpu")))
    record = bench.only(m.TrainingFinished).record
    assert record.network == bench.only(m.TrainingStarted).network == "own:Mine & yours"
    assert Path(record.folder).name == "mine-yours-1"
    kept = load(Path(record.folder) / "network.json")
    assert (kept.name, kept.body.layers) == ("Mine & yours", own.body.layers)
    with pytest.raises(NetworkError, match='no network "yours"'):
        bench.run(m.Train("own:yours", Recipe(epochs=1)))
