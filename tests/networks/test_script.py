"""Exported scripts run alone and are the same network: names, beginnings, answers; whatever a network is called, no code comes in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from random_trees import networks, transformers
from safetensors.torch import save_file

from engine.networks import modules, zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build
from engine.networks.files import dump, parse
from engine.networks.layers import Conv, Flatten, Linear, NamedNetwork, Network, Residual, Sequence
from engine.networks.script import _classes, library_script, script

SMALL = 30_000_000
LARGE_INPUT = 75
ZOO = tuple(name for name in zoo.names() if zoo.card(name).kind == "network")


def small(name: str) -> Network:
    card = zoo.card(name)
    side = max(card.smallest, 32) if card.default_input[1] > LARGE_INPUT else card.default_input[1]
    return zoo.make(name, (card.default_input[0], side, side), 5)


def module_of(text: str) -> torch.nn.Module:
    names: dict[str, object] = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec", dont_inherit=True), names)
    return names["make"]()


def said(text: str) -> str:
    return ast.get_docstring(ast.parse(text)) or ""


def assert_same(network: Network) -> None:
    ours, theirs = build(network).eval(), module_of(script(network)).eval()
    state, exported = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(exported)
    assert all(torch.equal(value, exported[name]) for name, value in state.items())  # the same beginning
    with torch.no_grad():
        for value in state.values():  # other weights, as after a training
            if value.dtype.is_floating_point:
                value.mul_(0.99)
        theirs.load_state_dict(state)
        pictures = torch.randn(2, *network.input, generator=torch.Generator().manual_seed(1))
        answer = ours(pictures)
        assert torch.equal(answer, theirs(pictures)) and answer.isfinite().all()


@settings(max_examples=60, deadline=None)
@given(networks() | transformers())
def test_any_network_gives_the_same_answers(network: Network) -> None:
    assert_same(network)


@pytest.mark.parametrize(
    "name", [name for name in ZOO if analyse(small(name)).parameters <= SMALL and "1001" not in name and "1202" not in name]
)
def test_the_zoo_gives_the_same_answers(name: str) -> None:
    assert_same(small(name))


@pytest.mark.parametrize("name", ["resnet-1001", "resnet-1202", "vit-h-14", "vgg-19"])
def test_large_ones_are_written_as_quickly_and_parse(name: str) -> None:
    card = zoo.card(name)
    text = script(zoo.make(name, card.default_input, card.default_classes))
    ast.parse(text)
    assert len(text) < 60_000  # what is alike is written once


def test_scripts_run_alone(tmp_path: Path) -> None:
    network = small("googlenet")
    path = tmp_path / "own network.py"
    path.write_text(script(network), encoding="utf-8")
    words = [sys.executable, "-I", "-W", "error", str(path)]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, encoding="ascii", check=False, timeout=120)
    assert ran.stderr == "" and ran.returncode == 0
    lines = ran.stdout.splitlines()
    analysis = analyse(network)
    assert lines[-1] == f"{analysis.parameters + analysis.auxiliary_parameters:,} parameters"
    assert lines[-2].split(maxsplit=1) == [analysis.layers[-1].name, "(5,)"]


@pytest.mark.parametrize("name", ["lenet-5-1998", "googlenet", "vit-tiny"])
def test_weights_of_a_run_fit_as_the_script_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = small(name)
    text = script(network)
    monkeypatch.chdir(tmp_path)
    module = build(network).eval()
    save_file(module.state_dict(), "weights.safetensors")
    shown = said(text).split("fit as they are:")[1].split("Pictures enter")[0]
    names: dict[str, object] = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec", dont_inherit=True), names)
    exec("\n".join(line.strip() for line in shown.splitlines()), names)
    pictures = torch.zeros(1, *network.input)
    assert torch.equal(names["network"](pictures), module(pictures))


def test_every_module_of_ours_stands_by_itself() -> None:
    assert set(_classes()) >= set(modules.CLASSES)


def test_linters_are_content(tmp_path: Path) -> None:
    for name in ("lenet-5-1998", "inception-v3", "mobilenet-v3-small", "vit-tiny", "resnet-20"):
        (tmp_path / f"{name}.py".replace("-", "_")).write_text(script(small(name)), encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--line-length",
        "140",
        "--select",
        "E,F,W,I,UP,B",
        "--target-version",
        "py310",
    ]
    checked = subprocess.run([*words, tmp_path], capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)
    assert checked.returncode == 0, checked.stdout


def test_it_says_what_it_is() -> None:
    text = script(zoo.make("resnet-18", (3, 224, 224), 1000))
    assert all(words in said(text) for words in ("ResNet-18, 2015 (K. He", "11,689,512", "224 x 224 pixels of 3 channels"))
    assert '("conv", nn.Conv2d(3, 64, (7, 7), stride=(2, 2), padding=(3, 3), bias=False)),  # 64 x 112 x 112' in text
    words = " ".join(said(script(zoo.make("googlenet", (3, 224, 224), 1000))).split())
    assert "Parameters: 6,998,552, and 6,379,728 in heads that only training uses" in words
    assert script(zoo.make("vit-b-16", (3, 224, 224), 1000)).count("Attention(") == 2  # its class, and one block of twelve


def test_only_what_is_used_is_carried() -> None:
    text = script(zoo.make("lenet-5", (1, 32, 32), 10))
    assert "class " not in text
    assert "class Residual" in script(zoo.make("resnet-18", (3, 64, 64), 10))


def test_no_torch_is_needed() -> None:
    code = (
        "import sys\nfrom engine.networks import zoo\nfrom engine.networks.script import script\n"
        "script(zoo.make('vit-tiny', (3, 32, 32), 10))\nassert not {'torch', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=60)
    | st.sampled_from(['"""\nimport os\n"""', "\\", '"', "# coding: utf-7", "a\\", "\u202e", "{facts}", "%s", "\x00\r\n"])
)
def test_words_of_a_network_are_no_code(words: str) -> None:
    words = words.encode("utf-8", "replace").decode()
    network = replace(zoo.make("softmax", (1, 4, 4), 2), title=words, name=words, family=words)
    text = script(network)
    tree = ast.parse(text)
    assert [type(node) for node in tree.body] == [type(node) for node in ast.parse(script(zoo.make("softmax", (1, 4, 4), 2))).body]
    assert all(letter == "\n" or letter.isprintable() for letter in text)
    assert_same(network)


@pytest.mark.parametrize("name", ["class", "None", "torch", "make_x", "named", "a-b", "layers2", "x" * 64])
def test_layers_may_be_called_as_python_words(name: str) -> None:
    inner = Sequence(
        name, (Residual(name, (Conv(name, 2, (1, 1)),)), Sequence("a_b", (Sequence("a-b", (Residual("r", (Conv("c", 2, (1, 1)),)),)),)))
    )
    body = Sequence("body", (Conv("first", 2, (1, 1)), inner, Flatten("flatten"), Linear("linear", 2)))
    assert_same(Network("own", "Own", 0, "own", (1, 3, 3), 2, body))


def test_deep_ones_stay_within_pythons_brackets() -> None:
    layer = Conv("conv", 2, (1, 1))
    for number in range(60):
        layer = Residual(f"residual{number}", (layer,))
    network = Network("own", "Own", 0, "own", (2, 3, 3), 2, Sequence("body", (layer, Flatten("flatten"), Linear("linear", 2))))
    assert parse(dump(network), "deep.json") == network
    assert max(map(len, script(network).splitlines())) <= 140
    assert script(network).count("Residual(") > 60
    assert_same(network)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(NetworkError, match="too small"):
        script(replace(zoo.make("lenet-5", (1, 32, 32), 10), input=(1, 9, 9)))


@pytest.mark.parametrize(
    ("library", "name", "input", "made"),
    [
        ("torchvision", "resnet18", (3, 64, 64), 'torchvision.models.get_model("resnet18", num_classes=7)'),
        ("torchvision", "vit_b_16", (3, 64, 64), 'torchvision.models.get_model("vit_b_16", num_classes=7, image_size=64)'),
        ("torchvision", "resnet18", (1, 64, 64), "exchanged for one of 1 channel\n"),
        ("timm", "convnext_tiny", (1, 224, 224), 'timm.create_model("convnext_tiny", num_classes=7, in_chans=1)'),
        ("timm", 'x"); import os; ("', (3, 64, 64), 'timm.create_model("x\\"); import os; (\\"", num_classes=7, in_chans=3)'),
    ],
)
def test_networks_of_other_libraries_are_made_by_name(library: str, name: str, input: tuple[int, int, int], made: str) -> None:
    text = library_script(NamedNetwork(library, name, name, input, 7))
    assert made in text
    assert len(ast.parse(text).body) == 2
