"""`predict` with a network and learned weights, `train` that begins with some, and how both say what is missing."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from engine import commands, places
from engine.networks import pretrained
from engine.networks.libraries import class_names, make, named
from tests.data.web import Page, Web


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    status = commands.run([*words, "--json"])
    written = capsys.readouterr()
    return status, json.loads(written.out), written.err


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8))
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights for torchvision's smallest network, of ImageNet's number of classes."""
    path = tmp_path_factory.mktemp("weights") / "shufflenet.pth"
    torch.save(make(named("torchvision:shufflenet_v2_x0_5"), 0).state_dict(), path)
    return path


def test_a_network_and_a_file_of_weights_answer_with_the_names_of_imagenet(
    weights: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "answers.csv"
    words = (
        "predict",
        "torchvision:shufflenet_v2_x0_5",
        str(picture),
        str(weights),
        "--weights",
        str(weights),
        "--top",
        "3",
        "--csv",
        str(table),
    )
    status, values, _ = answer(capsys, *words)
    assert status == 0
    good, bad = values["predictions"]
    assert set(good) == {"file", "label", "probability", "top"} and len(good["top"]) == 3
    assert good["label"] in class_names("", 1000) and "not a picture" in bad["error"]
    with table.open(newline="", encoding="utf-8") as stream:
        assert next(csv.DictReader(stream))["label"] == good["label"]
    assert class_names("", 1000)[:2] == ("tench", "goldfish") and class_names("", 3) == ("class 0", "class 1", "class 2")


def test_weights_of_other_classes_answer_by_number(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "seven.pth"
    torch.save(make(named("torchvision:shufflenet_v2_x0_5", classes=7), 0).state_dict(), path)
    status, values, _ = answer(capsys, "predict", "torchvision:shufflenet_v2_x0_5", str(picture), "--weights", str(path), "--top", "9")
    assert status == 0 and len(values["predictions"][0]["top"]) == 7 and values["predictions"][0]["label"].startswith("class ")


def test_weights_of_a_run_answer_with_its_classes_and_as_the_run_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert commands.run(["train", "digits", "--network", "small-cnn", "--epochs", "1", "--size", "16", "--out", str(run)]) == 0
    digit = tmp_path / "digit.png"
    cv2.imwrite(str(digit), np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8))
    by_run = answer(capsys, "predict", str(run), str(digit))[1]["predictions"][0]
    by_file = answer(capsys, "predict", "small-cnn", str(digit), "--weights", str(run / "weights.safetensors"))[1]["predictions"][0]
    assert by_file["label"] == by_run["label"] and by_file["probability"] == pytest.approx(by_run["probability"], abs=1e-5)


@pytest.mark.parametrize(
    ("words", "says", "remedy"),
    [
        (("predict", "torchvision:shufflenet_v2_x9", "a.png", "--weights", "w.pth"), "has no network", "shufflenet_v2_x1_0"),
        (("predict", "torchvision:resnet18", "a.png", "--weights", "{weights}"), "weights of another network", "belong to"),
        (("predict", "resnet-18", "a.png", "--weights", "missing.pth"), "There is no file missing.pth", ".safetensors"),
        (("predict", "lenet-5", "a.png"), "learned nothing", "Train it"),
        (("predict", "resnet-81", "a.png"), "There is no run resnet-81", "resnet-18"),
        (("train", "digits", "--network", "timm:resnet81"), "timm has no network", "timm:resnet18"),
        (("train", "digits", "--network", "lenet-5", "--freeze"), "no weights yet", "Choose weights"),
        (("train", "digits", "--network", "resnet-18", "--weights", "{picture}"), "holds no weights", ".pth"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    words: tuple[str, ...],
    says: str,
    remedy: str,
    weights: Path,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    status, values, error = answer(capsys, *(word.format(weights=weights, picture=picture) for word in words))
    assert status == 1 and says in values["error"] and remedy in values["remedy"]
    assert "Traceback" not in error
    assert not list(tmp_path.glob("runs/*"))


def test_a_run_takes_no_other_weights(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, values, _ = answer(capsys, "predict", str(tmp_path), "a.png", "--weights", str(weights))
    assert status == 1 and "has weights of its own" in values["error"]


def test_pretrained_fetches_once_and_without_a_network_names_the_file(
    weights: Path, picture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = pretrained.offered(named("torchvision:shufflenet_v2_x0_5"))
    with contextlib.closing(Web()) as web:
        offer = there._replace(addresses=(web.at("/shufflenet.pth"),), digest="")
        monkeypatch.setattr(pretrained, "offered", lambda network: offer)
        status, values, _ = answer(capsys, "predict", "torchvision:shufflenet_v2_x0_5", str(picture))
        assert status == 1 and "could not be fetched" in values["error"] and str(places.cache()) in values["remedy"]
        web.pages["/shufflenet.pth"] = Page(weights.read_bytes())
        for _ in range(2):
            status, values, _ = answer(capsys, "predict", "torchvision:shufflenet_v2_x0_5", str(picture))
            assert status == 0 and values["predictions"][0]["label"]
        assert len(web.asked) == 2  # one in vain, one that brought them


def test_train_begins_with_weights_and_keeps_all_but_the_last_layer(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    for number, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for count in range(12):
            noise = np.random.default_rng(count).integers(100 * number, 100 * number + 90, (40, 40, 3))
            cv2.imwrite(str(folder / name / f"{count}.png"), noise.astype(np.uint8))
    words = ("train", str(folder), "--network", "torchvision:shufflenet_v2_x0_5", "--epochs", "1", "--size", "32", "--seed", "1")
    status, values, error = answer(capsys, *words, "--weights", str(weights), "--freeze", "--out", str(tmp_path / "run"))
    assert status == 0 and values["network"] == "torchvision:shufflenet_v2_x0_5" and values["parameters"] == 343_842
    assert "parameters come from shufflenet.pth" in error and "2,050 parameters learn" in error
    status, values, _ = answer(capsys, "predict", values["run"], str(folder / "dark"))
    assert status == 0 and {row["label"] for row in values["predictions"]} <= {"dark", "light"}


@pytest.mark.shared_data
@pytest.mark.parametrize("network", ["mobilenet-v2", "timm:mobilenetv2_100"])
def test_real_weights_name_real_photographs(network: str, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = shared_data / "photos"
    named_as = {"parrot.jpg": "macaw", "dog_samoyed_pytorch_hub.jpg": "Samoyed", "hot_dog.jpg": "hotdog", "dragonfly.png": "dragonfly"}
    words = [str(photos / name) for name in named_as]
    status, values, _ = answer(capsys, "predict", network, *words, "--weights", str(shared_data / "weights" / "mobilenet_v2-888877bc.pth"))
    assert status == 0 and [row["label"] for row in values["predictions"]] == list(named_as.values())
