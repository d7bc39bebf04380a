"""The headless commands in this process: what they write, where, and with which exit status."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engine import commands
from engine.commands import output as output_module

TRAIN_KEYS = {
    "network", "parameters", "device", "epochs", "steps", "seconds", "images_per_second", "train_loss",
    "validation_accuracy", "test_accuracy", "classes", "skipped", "run",
}  # fmt: skip


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert commands.run(["train", "digits", "--network", "softmax", "--epochs", "3", "--out", str(folder)]) == 0
    return folder


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    status = commands.run([*words, "--json"])
    written = capsys.readouterr()
    lines = written.out.splitlines()
    assert len(lines) <= 1
    return status, json.loads(lines[0]) if lines else None, written.err


def make_pictures(folder: Path, count: int, colour: tuple[int, int, int]) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(list(folder.name.encode()))  # other pictures for each class
    for number in range(count):
        noise = rng.integers(0, 40, (16, 16, 3))
        cv2.imwrite(str(folder / f"{number}.png"), np.clip(noise + colour, 0, 255).astype(np.uint8))


def test_train_answers_every_key_and_keeps_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my run"
    words = ("train", "digits", "--network", "softmax", "--epochs", "2", "--batch", "64", "--lr", "0.01", "--seed", "3")
    status, values, error = answer(capsys, *words, "--device", "cpu", "--size", "8", "--out", str(folder))
    assert status == 0 and set(values) == TRAIN_KEYS
    assert values["epochs"] == 2 and values["device"] == "cpu" and values["classes"] == list("0123456789")
    assert values["parameters"] == 8 * 8 * 10 + 10
    assert values["test_accuracy"] > 0.5 and values["seconds"] > 0 and values["skipped"] == []
    assert Path(values["run"]) == folder and (folder / "run.json").is_file()
    assert "epoch 2/2" in error
    record = json.loads((folder / "run.json").read_bytes())
    assert record["recipe"]["seed"] == 3 and record["recipe"]["learning_rate"] == 0.01


def test_run_goes_to_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    places = [Path(answer(capsys, "train", "digits", "--network", "softmax", "--epochs", "1")[1]["run"]) for _ in range(2)]
    assert places[0] != places[1] and all(place.parent == tmp_path / "runs" for place in places)


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_train_takes_the_way_to_the_working_size(tmp_path: Path, capsys: pytest.CaptureFixture[str], resize: str) -> None:
    words = ("train", "digits", "--network", "softmax", "--epochs", "1", "--size", "12", "--resize", resize)
    status, values, _ = answer(capsys, *words, "--out", str(tmp_path / "run"))
    assert status == 0
    preprocessing = json.loads(Path(values["run"], "run.json").read_bytes())["preprocessing"]
    assert preprocessing["resize"] == resize and preprocessing["height"] == preprocessing["width"] == 12


def test_train_names_what_it_skipped_and_has_no_figure_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "val"):
        make_pictures(tmp_path / "set" / part / "dark", 12, (10, 20, 30))
        make_pictures(tmp_path / "set" / part / "light", 12, (200, 190, 180))
    (tmp_path / "set/train/dark/empty.png").write_bytes(b"")
    whole = (tmp_path / "set/train/light/0.png").read_bytes()
    (tmp_path / "set/train/light/cut.png").write_bytes(whole[: len(whole) // 2])
    words = ("train", str(tmp_path / "set"), "--network", "softmax", "--epochs", "2", "--out", str(tmp_path / "run"))
    status, values, _ = answer(capsys, *words)
    assert status == 0 and values["test_accuracy"] is None and values["validation_accuracy"] is not None
    skipped = {Path(row["file"]).name: row["reason"] for row in values["skipped"]}
    assert set(skipped) == {"empty.png", "cut.png"} and all(skipped.values())

    status, values, _ = answer(capsys, "evaluate", str(tmp_path / "run"), str(tmp_path / "set"))
    assert status == 0 and values["split"] == "validation" and values["top5"] is None


def test_train_refuses_a_folder_with_something_in_it(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, error = answer(capsys, "train", "digits", "--network", "softmax", "--out", str(digits_run))
    assert status == 1 and set(values) == {"error", "remedy"} and "not empty" in error


def test_evaluate(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "evaluate", str(digits_run), "digits")
    assert status == 0
    assert {"accuracy", "top5", "loss", "classes", "confusion", "per_class", "calibration_error"} <= set(values)
    confusion = np.array(values["confusion"])
    assert confusion.shape == (10, 10) and confusion.sum() == values["images"]
    assert values["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
    assert [row["support"] for row in values["per_class"]] == confusion.sum(axis=1).tolist()
    recorded = json.loads((digits_run / "run.json").read_bytes())["test_accuracy"]
    assert values["accuracy"] == pytest.approx(recorded)


def test_evaluate_warns_of_pictures_that_were_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, colour in (("dark", (10, 20, 30)), ("light", (200, 190, 180))):
        make_pictures(tmp_path / "set" / name, 20, colour)
    words = ("train", str(tmp_path / "set"), "--network", "nearest-neighbour", "--out", str(tmp_path / "run"))
    assert commands.run([*words]) == 0
    status, values, error = answer(capsys, "evaluate", str(tmp_path / "run"), str(tmp_path / "set"))
    assert (status, values["seen_in_training"], "Warning" in error) == (0, 0, False)

    for part in ("dark", "light"):  # all of them as test pictures
        shutil.copytree(tmp_path / "set" / part, tmp_path / "all" / "test" / part)
    status, values, error = answer(capsys, "evaluate", str(tmp_path / "run"), str(tmp_path / "all"))
    assert status == 0 and values["images"] == 40 and values["seen_in_training"] == 24
    assert "Warning: 40 pictures were measured, and 24 of them are among those that the run was trained on" in error
    (tmp_path / "run" / "seen.npy").unlink()
    status, values, error = answer(capsys, "evaluate", str(tmp_path / "run"), str(tmp_path / "all"))
    assert status == 0 and values["seen_in_training"] is None and "Warning" not in error


def test_predict_answers_each_picture_in_its_row(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pictures(tmp_path / "pictures", 3, (90, 90, 90))
    (tmp_path / "pictures/words.png").write_text("no picture at all")
    (tmp_path / "pictures/empty.jpg").write_bytes(b"")
    table = tmp_path / "answers.csv"
    missing = str(tmp_path / "missing.png")
    status, values, _ = answer(capsys, "predict", str(digits_run), str(tmp_path / "pictures"), missing, "--top", "3", "--csv", str(table))
    assert status == 0
    rows = {Path(row["file"]).name: row for row in values["predictions"]}
    assert len(rows) == 6
    for name in ("words.png", "empty.jpg", "missing.png"):
        assert rows[name]["error"] and "label" not in rows[name]
    assert values["predictions"][-1] == {"file": missing, "error": rows["missing.png"]["error"]}
    assert "is not there" in rows["missing.png"]["error"]
    good = rows["0.png"]
    assert good["top"][0]["label"] == good["label"] and len(good["top"]) == 3
    shares = [entry["probability"] for entry in good["top"]]
    assert shares == sorted(shares, reverse=True) and shares[0] == good["probability"]
    with table.open(newline="", encoding="utf-8") as stream:
        written = {Path(row["file"]).name: row for row in csv.DictReader(stream)}
    assert written["0.png"]["label"] == good["label"] and written["empty.jpg"]["error"]


def test_predict_fails_if_nothing_was_answered(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "predict", str(digits_run), str(tmp_path / "missing.png"))
    assert status == 1 and values["predictions"][0]["error"]


@pytest.mark.parametrize("run", ["lenet-5", "nearest-neighbour"])
def test_predict_with_a_network_that_learned_nothing(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "predict", run, "a.png")
    assert status == 1 and "learned nothing" in values["error"] and "Train it" in values["remedy"]


@pytest.mark.parametrize("run", ["lenet-5", "torchvision:resnet18", "timm:vit_tiny_patch16_224"])
def test_evaluate_with_a_network_that_learned_nothing(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "evaluate", run, "digits")
    assert status == 1 and "learned nothing" in values["error"] and "Train it" in values["remedy"]


def test_networks_and_describe(capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "networks")
    rows = {row["name"]: row for row in values["networks"]}
    assert status == 0 and {"nearest-neighbour", "softmax", "mlp", "small-cnn", "lenet-5"} <= set(rows)
    assert all(set(row) == {"name", "family", "year", "parameters", "source"} for row in rows.values())
    assert rows["nearest-neighbour"]["parameters"] is None and rows["lenet-5"]["parameters"] == 61_706

    status, values, _ = answer(capsys, "describe", "lenet-5", "--input", "3x32x32", "--classes", "7")
    assert status == 0 and {"parameters", "trainable", "multiply_adds", "layers"} <= set(values)
    first = values["layers"][0]
    keys = {"name", "kind", "output", "parameters", "formula", "multiply_adds", "receptive_field", "jump"}
    assert set(first) == keys
    assert first["output"] == "6x28x28" and first["parameters"] == (5 * 5 * 3 + 1) * 6 and first["receptive_field"] == 5
    assert values["layers"][-1]["output"] == "7x1x1"
    assert values["parameters"] == sum(layer["parameters"] for layer in values["layers"])


def test_describe_says_where_a_network_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    status, values, error = answer(capsys, "describe", "lenet-5", "--input", "1x4x4")
    assert status == 1 and "conv1" in values["error"] and error.count("\n") == 1


def test_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "data", "digits")
    assert status == 0 and values["images"] == 1797 and sum(entry["count"] for entry in values["classes"]) == 1797
    assert values["sizes"] == [{"width": 8, "height": 8, "count": 1797}] and sum(values["splits"].values()) == 1797

    make_pictures(tmp_path / "cat", 5, (10, 20, 30))
    make_pictures(tmp_path / "dog", 5, (200, 190, 180))
    (tmp_path / "dog/again.png").write_bytes((tmp_path / "cat/0.png").read_bytes())
    (tmp_path / "dog/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    status, values, _ = answer(capsys, "data", str(tmp_path))
    assert status == 0 and values["classes"] == [{"name": "cat", "count": 5}, {"name": "dog", "count": 6}]
    assert [sorted(group) for group in values["duplicates"]] == [["cat/0.png", "dog/again.png"]]
    assert [row["file"] for row in values["skipped"]] == ["dog/broken.png"] and values["skipped"][0]["reason"]
    assert values["sizes"] == [{"width": 16, "height": 16, "count": 11}]


def test_data_of_any_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pictures(tmp_path / "set" / "cat", 5, (10, 20, 30))
    make_pictures(tmp_path / "set" / "dog", 5, (200, 190, 180))
    folder = answer(capsys, "data", str(tmp_path / "set"))[1]
    rows = [f"set/{name}/{number}.png,{name}" for name in ("cat", "dog") for number in range(5)]
    (tmp_path / "labels.csv").write_text("\n".join(("file,label", *rows)))
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "set")
    for place in ("labels.csv", "packed.zip"):
        status, values, _ = answer(capsys, "data", str(tmp_path / place))
        assert status == 0
        for key in ("images", "classes", "sizes", "splits", "skipped", "unlabelled"):
            assert values[key] == folder[key]
        assert [len(group) for group in values["duplicates"]] == [len(group) for group in folder["duplicates"]]
    (tmp_path / "wrong.csv").write_text("width,height\n1,2\n")
    status, values, error = answer(capsys, "data", str(tmp_path / "wrong.csv"))
    assert status == 1 and '"width", "height"' in values["error"] and error.count("\n") == 1


def test_data_says_which_classes_cannot_be_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, count in (("ant", 1), ("bee", 2), ("cat", 3), ("dog", 4), ("eel", 9)):
        make_pictures(tmp_path / "set" / name, count, (10, 20, 30))
    status, values, _ = answer(capsys, "data", str(tmp_path / "set"))
    assert status == 0
    assert values["warnings"] == [
        'No pictures for validation: "ant" (1 in all), "bee" (2 in all), "cat" (3 in all). Too few: a class of 4 is in every split.',
        'No pictures for test: "ant" (1 in all). Too few: a class of 4 is in every split.',
    ]
    assert commands.run(["data", str(tmp_path / "set")]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == values["warnings"]
    make_pictures(tmp_path / "own" / "train" / "ant", 5, (10, 20, 30))
    make_pictures(tmp_path / "own" / "val" / "ant", 5, (10, 20, 30))
    assert answer(capsys, "data", str(tmp_path / "own"))[1]["warnings"] == ['No pictures for test: "ant" (10 in all).']
    assert answer(capsys, "data", "digits")[1]["warnings"] == []


WRONG_WORDS = pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["train", "digits"],
        ["train", "digits", "--network", "softmax", "--epochs", "0"],
        ["train", "digits", "--network", "softmax", "--lr", "nan"],
        ["train", "digits", "--network", "softmax", "--seed", "-1"],
        ["train", "digits", "--network", "softmax", "--resize", "centre"],
        ["train", "digits", "--network", "softmax", "--pretrained", "--weights", "a.pth"],
        ["train", "digits", "--network", "softmax", "--epo", "3"],
        ["describe", "lenet-5", "--input", "32x32"],
        ["describe", "lenet-5", "--input", "1x0x32"],
        ["predict", "run"],
        ["--debug"],
    ],
)


@WRONG_WORDS
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(words) == 2
    written = capsys.readouterr()
    assert written.out == "" and "usage:" in written.err


@WRONG_WORDS
def test_wrong_usage_in_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for place in (["--json", *words], [*words, "--json"]):
        assert commands.run(place) == 2
        written = capsys.readouterr()
        assert written.out.count("\n") == 1 and "usage:" in written.err
        values = json.loads(written.out)
        assert set(values) == {"error", "remedy"} and values["error"].endswith(".")
        assert values["remedy"].startswith("See fovea") and values["remedy"].endswith("--help.")


def test_wrong_usage_in_json_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "train", "digits")
    assert status == 2 and "--network" in values["error"] and values["remedy"] == "See fovea train --help."
    status, values, _ = answer(capsys, "trian")
    assert status == 2 and values == {"error": '"trian" is not a command.', "remedy": "Did you mean train?"}
    status, values, _ = answer(capsys)
    assert status == 2 and "COMMAND" in values["error"]


@pytest.mark.parametrize(("word", "nearest"), [("trian", "train"), ("network", "networks"), ("Describe", "describe")])
def test_a_word_that_is_no_command(word: str, nearest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run([word, "digits"]) == 2
    written = capsys.readouterr()
    assert "is not a command" in written.err and nearest in written.err and written.err.count("\n") == 1


def test_a_failure_is_one_line_and_a_traceback_only_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["data", "nowhere at all"]) == 1
    written = capsys.readouterr()
    assert written.out == "" and written.err.count("\n") == 1 and written.err.startswith("fovea: There is no")
    assert commands.run(["--debug", "data", "nowhere at all"]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert commands.run(["train", "digits", "--network", "lenet"]) == 1
    assert "lenet-5" in capsys.readouterr().err


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("train", "evaluate", "predict", "networks", "describe", "data"))
    assert commands.run(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("--pretrained", "--weights FILE", "--freeze"))


def test_text_for_people(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["networks"], ["describe", "lenet-5"], ["data", "digits"], ["evaluate", str(digits_run), "digits"]):
        assert commands.run(words) == 0
        text = capsys.readouterr().out
        assert len(text.splitlines()) > 3 and "{" not in text


def test_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with output_module.Output(json=True) as output:
        output.progress("Training", 0.5)
        output.line("epoch [1]/2")
        output.progress("Training", None)
        output.answer({"figure": float("nan"), "rows": np.arange(2)}, ())
    written = capsys.readouterr()
    assert json.loads(written.out) == {"figure": None, "rows": [0, 1]}
    assert "epoch [1]/2" in written.err


def test_answers_of_any_name_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    output_module.Output(json=True).answer({"file": "caf\udce9 ✓"}, ())
    assert json.loads(capsys.readouterr().out)["file"] == "caf\udce9 ✓"
    output_module.Output(json=False).answer({}, ["caf\udce9 ✓"])
    assert "caf" in capsys.readouterr().out
