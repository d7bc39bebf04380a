"""`networks` and `describe`: every network of the zoo, files, other libraries' networks; quickly, without torch where that can be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine import commands
from engine.commands.repeats import Repeat, folded
from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.files import dump
from engine.networks.layers import Conv, Flatten, Linear, Network, Sequence
from tests.measured_command import measured

LARGEST = ("vit-h-14", "resnet-1001", "resnet-1202")
SECONDS, MEMORY = 0.3, 150 * 2**20


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    status = commands.run([*words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert commands.run([*words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["networks"], ["describe", "vit-h-14", "--json"], ["describe", "resnet-1001"], ["describe", "resnet-1202", "--json"]]
)
def test_large_networks_are_worked_out_at_once_in_little_memory(words: list[str]) -> None:
    most = 1.0 if words == ["networks"] else SECONDS
    for _ in range(3):  # a busy machine may be slow once
        ran = measured(*words)
        assert ran.status == 0 and ran.memory < MEMORY and ran.loaded == []
        if ran.seconds <= most:
            return
    pytest.fail(f"{ran.seconds:.2f} s")


def test_every_network_is_listed_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    status, values = answer(capsys, "networks")
    assert status == 0 and [row["name"] for row in values["networks"]] == list(zoo.names())
    for row in values["networks"]:
        assert row["family"] and row["source"]
        assert (row["parameters"] is None) == (zoo.card(row["name"]).kind == "classic")
    rows = {row["name"]: row for row in values["networks"]}
    assert rows["resnet-50"] == {**rows["resnet-50"], "year": 2015, "parameters": 25_557_032}
    assert "resnet-50" in shown(capsys, "networks")


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.card(name).kind == "network" and name not in LARGEST])
def test_every_network_is_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, values = answer(capsys, "describe", name)
    assert status == 0
    assert values["parameters"] == sum(layer["parameters"] for layer in values["layers"])
    assert values["multiply_adds"] == sum(layer["multiply_adds"] for layer in values["layers"])
    assert values["auxiliary_parameters"] == sum(layer["parameters"] for layer in values["auxiliary_layers"])
    assert values["activation_bytes"] == 4 * values["activations"] > 0
    assert all(set(layer) == set(values["layers"][0]) for layer in values["layers"] + values["auxiliary_layers"])
    assert all(bool(layer["formula"]) == bool(layer["parameters"]) for layer in values["layers"])
    assert all(re.fullmatch(r"\d+x\d+x\d+", layer["output"]) for layer in values["layers"])
    assert values["layers"][-1]["output"] == f"{values['classes']}x1x1"


def test_classic_classifiers_have_nothing_to_describe(capsys: pytest.CaptureFixture[str]) -> None:
    status, values = answer(capsys, "describe", "nearest-neighbour")
    assert status == 1 and "no layers" in values["error"]


def test_files_are_described_as_they_are_or_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "My network.JSON"
    path.write_bytes(dump(zoo.make("lenet-5", (1, 32, 32), 10)))
    status, values = answer(capsys, "describe", str(path))
    assert (status, values["parameters"], values["network"]) == (0, 61_706, "LeNet-5")
    status, values = answer(capsys, "describe", str(path), "--classes", "3", "--input", "3x40x40")
    assert (status, values["classes"], values["input"], values["layers"][-1]["output"]) == (0, 3, "3x40x40", "3x1x1")
    body = Sequence("body", (Conv("conv", 2, (3, 1), (2, 1)), Flatten("flatten"), Linear("linear", 2)))
    path.write_bytes(dump(Network("own", "Own", 0, "own", (1, 9, 9), 2, body)))
    status, values = answer(capsys, "describe", str(path))
    assert values["layers"][0] == {
        "name": "conv", "kind": "Convolution", "output": "2x4x9", "parameters": 8, "formula": "(3·1·1 + 1)·2 = 8",
        "multiply_adds": 216, "receptive_field": [3, 1], "jump": [2, 1],
    }  # fmt: skip


def test_files_that_are_none_get_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(dump(zoo.make("lenet-5", (1, 32, 32), 10)).replace(b"kernel", b"kernal"))
    status, values = answer(capsys, "describe", str(path))
    assert status == 1 and '"kernal"' in values["error"] and values["remedy"] == "Did you mean kernel?"
    status, values = answer(capsys, "describe", str(tmp_path / "none.json"))
    assert status == 1 and "none.json" in values["error"]
    path.write_bytes(dump(replace(zoo.make("lenet-5", (1, 32, 32), 10), classes=9)))
    status, values = answer(capsys, "describe", str(path))
    assert status == 1 and "10 values, but there are 9 classes" in values["error"]


@pytest.mark.parametrize("name", ["torchvision:resnet18", "timm:resnet18"])
def test_networks_of_other_libraries_are_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, values = answer(capsys, "describe", name, "--classes", "1000")
    assert (status, values["parameters"], values["input"]) == (0, 11_689_512, "3x224x224")
    assert values["auxiliary_layers"] == [] and values["auxiliary_parameters"] == 0
    assert {layer["receptive_field"] for layer in values["layers"]} == {None} == {layer["jump"] for layer in values["layers"]}
    text = shown(capsys, "describe", name, "--input", "3x64x64", "--classes", "4")
    assert "11,178,564 parameters" in text


@pytest.mark.parametrize("name", ["torchvision:resnet19", "timm:resnext", "timm:", "keras:resnet"])
def test_unknown_names_of_other_libraries(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, values = answer(capsys, "describe", name)
    assert status == 1 and set(values) == {"error", "remedy"} and name.partition(":")[2] in values["error"]


def test_text_of_a_thousand_layers_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "describe", "resnet-1001").splitlines()
    assert len(lines) < 100
    assert any(re.search(r"stage2\.block3 … block111 +109 times as block2 +128x16x16", line) for line in lines)
    assert "10,327,706 parameters" in lines[-3] and "3,339 layers" in lines[-1]
    assert "6,379,728 parameters more" in shown(capsys, "describe", "googlenet")
    assert len(shown(capsys, "describe", "lenet-5").splitlines()) == len(analyse(zoo.make("lenet-5", (1, 32, 32), 10)).layers) + 6


@pytest.mark.parametrize("name", ["resnet-1001", "resnet-152", "vit-l-16", "inception-v4", "googlenet", "lenet-5"])
def test_folded_rows_lose_nothing(name: str) -> None:
    card = zoo.card(name)
    analysis = analyse(zoo.make(name, card.default_input, card.default_classes))
    rows = folded(analysis.layers)
    repeats = [row for row in rows if isinstance(row, Repeat)]
    kept = [row for row in rows if not isinstance(row, Repeat)]
    for figure in ("parameters", "multiply_adds"):
        told = sum(getattr(row, figure) for row in kept if not row.auxiliary) + sum(
            getattr(row, figure) * len(row.places) for row in repeats
        )
        assert told == getattr(analysis, figure)
    hidden = {row.name for row in analysis.layers} - {row.name for row in kept}
    places = tuple(f"{place}." for repeat in repeats for place in repeat.places)
    assert all(f"{name}.".startswith(places) for name in hidden)
    assert rows[-1] == analysis.layers[-1]
