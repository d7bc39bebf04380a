"""Tables of file, label and split: as people write them, and what is said where they are wrong."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data.locators import path_of
from engine.data.sources import Source, scan
from engine.data.sources.spreadsheets import load
from engine.failure import UserError
from engine.project.records import Split


def pictures(folder: Path, *names: str) -> None:
    for value, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (value, 0, 0)).save(folder / name)


def rows(source: Source) -> list[tuple[str, str, Split]]:
    return [(item.locator, source.classes[item.label] if item.label >= 0 else "", item.split) for item in source.items]


EXPECTED = [("file:a.png", "cat", Split.TRAIN), ("file:sub/b.png", "dog", Split.TEST), ("file:c.png", "", Split.NONE)]


@pytest.mark.parametrize(
    "text",
    [
        "file,label,split\na.png,cat,train\nsub/b.png,dog,test\nc.png,,\n",
        "file;label;split\r\na.png;cat;Train\r\nsub/b.png;dog;TEST\r\nc.png;;\r\n",
        "split\tclass\tfilename\ntraining\tcat\ta.png\ntesting\tdog\tsub/b.png\n\t\tc.png\n",
        "a.png,cat,train\nsub/b.png,dog,test\nc.png,,\n",
        '"file", "label","split"\n"a.png","cat","train"\n\n"sub/b.png","dog","test"\n"c.png",""\n',
        "id|subset|breed\na|train|cat\nb|test|dog\nc.png||\n",
        "Image_Path,width,Label,Set\n./a.png,4,cat,train\nsub\\b.png,4,dog,test\nc.png,4,,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_as_people_write_them(tmp_path: Path, text: str, encoding: str) -> None:
    pictures(tmp_path, "a.png", "sub/b.png", "c.png")
    (tmp_path / "labels.csv").write_bytes(text.encode(encoding))
    source = scan(tmp_path / "labels.csv")
    assert rows(source) == EXPECTED
    assert (source.kind, source.name, source.skipped) == ("table", "labels", ())


def test_letters_of_old_windows_and_of_elsewhere(tmp_path: Path) -> None:
    pictures(tmp_path, "Kätzchen.png", "猫.png")
    (tmp_path / "old.csv").write_bytes("file,label\nKätzchen.png,Bär\n".encode("cp1252"))
    assert rows(scan(tmp_path / "old.csv")) == [("file:Kätzchen.png", "Bär", Split.NONE)]
    (tmp_path / "new.tsv").write_text("猫.png\tкот 🐈\n", "utf-8")
    assert rows(scan(tmp_path / "new.tsv")) == [("file:猫.png", "кот 🐈", Split.NONE)]


def test_absolute_paths_and_paths_beside(tmp_path: Path) -> None:
    pictures(tmp_path, "one/a.png", "two/b.png", "two/c.png")
    table = tmp_path / "two" / "labels.csv"
    table.write_text(
        f"file,label\n{tmp_path / 'one' / 'a.png'},cat\n../one/../one/a.png,cat\n../two/b.png,dog\n{tmp_path / 'two/c.png'},dog\n"
    )
    source = scan(table)
    assert [path_of(item.locator, source.root) for item in source.items] == [
        tmp_path / "one/a.png",
        tmp_path / "two/b.png",
        tmp_path / "two/c.png",
    ]
    assert [item.locator for item in source.items][1:] == ["file:b.png", "file:c.png"]
    assert source.skipped[0].reason == "is in the table twice"


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    (tmp_path / "c.png").write_text("no picture")
    lines = ["a.png,cat,train", "gone.png,cat,train", "c.png,cat,test", "a.png,dog,test", "b.png,dog,fold7", ",cat,train", "sub,cat,"]
    (tmp_path / "sub").mkdir()
    (tmp_path / "labels.csv").write_text("file,label,split\n" + "\n".join(lines))
    source = scan(tmp_path / "labels.csv")
    assert rows(source) == [("file:a.png", "cat", Split.TRAIN), ("file:b.png", "dog", Split.NONE)]
    assert {entry.file: entry.reason for entry in source.skipped} == {
        "gone.png": "is not there",
        "c.png": "is not a picture (it holds text)",
        "a.png": 'is in the table twice, as "cat" and as "dog"',
        "line 7": "names no file",
        "sub": "is a folder",
    }
    assert source.warnings == ('labels.csv speaks of the splits "fold7", which are none of train, validation and test.',)
    unchecked = scan(tmp_path / "labels.csv", check=False)
    assert [entry.file for entry in unchecked.skipped] == ["gone.png", "a.png", "line 7", "sub"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("width,height\n3,4\n", 'has the columns "width", "height"; a table of pictures needs a column "file" and a column "label"'),
        ("file\na.png\n", 'has the columns "file"; a table'),
        ("a.png\n", 'has the first line "a.png"; a table'),
        ("cat,a.png\n", 'has the first line "cat", "a.png"; a table'),
        ("file,x,y\na.png,1,2\n", 'has the columns "file", "x", "y"; a table'),
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("file,label\n", "None of the pictures of wrong can be used: it names none"),
        ("file,label\nx.png,cat\ny.png,dog\n", "None of the pictures of wrong can be used: x.png is not there and 1 more"),
        ('file,label\na.png,"cat\n', r"wrong\.csv is damaged in line 2"),
    ],
)
def test_wrong_tables_are_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    pictures(tmp_path, "a.png")
    (tmp_path / "wrong.csv").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        scan(tmp_path / "wrong.csv")
    assert caught.value.message.count(". ") == 0
    assert caught.value.remedy


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_bytes(b"PK\3\4" + bytes(range(256)) * 4)
    with pytest.raises(UserError, match=r"wrong\.csv is not a table of text"):
        scan(tmp_path / "wrong.csv")


def test_a_folder_with_its_table(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    pictures(folder, "train/a.png", "train/b.png", "test/c.png", "more/d.png")
    (folder / "labels.csv").write_text("id,label\na,cat\nb,dog\nc,cat\n")
    source = scan(folder)
    assert (source.name, source.kind) == ("set", "table")
    assert [item.locator for item in source.items] == ["file:train/a.png", "file:train/b.png", "file:test/c.png"]
    assert source.warnings == ("labels.csv names the pictures; 1 other picture in the folder is left out.",)
    (folder / "labels.csv").write_text("epoch,loss\n1,0.5\n")  # a table of something else
    assert scan(folder).kind == "class folders"
    (folder / "labels.csv").write_text("file,label\nx.png,cat\ny.png,dog\na.png,cat\n")  # of other pictures
    assert scan(folder).kind == "class folders"
    (folder / "labels.csv").write_text("id,label\na,cat\nb,dog\n")
    (folder / "more.csv").write_text("id,label\na,cat\nb,dog\n")  # which one is meant is not clear
    assert scan(folder).kind == "class folders"


@given(st.lists(st.tuples(st.integers(0, 3), st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=12)), max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_python_writes_is_read(tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[int, str]]) -> None:
    folder = tmp_path_factory.getbasetemp() / "written"
    if not folder.exists():
        pictures(folder, *(f"{number}.png" for number in range(4)))
    entries = list({number: (number, label.strip()) for number, label in entries}.values())
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("file", "label"), *((f"{number}.png", label) for number, label in entries)])
    (folder / "labels.csv").write_bytes(stream.getvalue().encode())
    if not entries:
        return
    source = scan(folder / "labels.csv")
    assert [label for _, label, _ in rows(source)] == [label for _, label in entries]


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        list(load(path).rows())
    except UserError as error:
        assert "any.csv" in error.message


def test_cancelled(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_text("a.png,cat\n")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        scan(tmp_path / "labels.csv", token)
