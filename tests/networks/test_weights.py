"""Weights learned elsewhere: files that come from anyone, and what of them belongs where."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import CheckWeights, Event, JobProgress, WeightsChecked
from engine.networks import pretrained, weights, weights_files, zoo
from engine.networks.build import build, skeleton
from engine.networks.layers import AnyNetwork
from engine.networks.libraries import make, named
from engine.networks.resolve import resolve_any
from engine.networks.weights import Learned, learned, put, sentences
from engine.networks.weights_files import Weights, read_weights
from engine.networks.weights_matching import match
from engine.session import Session
from tests.data.web import Page, Web

State = dict[str, torch.Tensor]


def lively(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in evaluation mode with weights that all matter, so that a mistake of order shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
            elif value.is_floating_point() and value.ndim in (2, 4):
                value.copy_(torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5)
            elif value.is_floating_point():
                value.add_(torch.randn(value.shape, generator=generator) * 0.1)
    return module.eval()


def of(module: nn.Module, name: str = "w.pth", ordered: bool = True) -> Weights:
    state = {key: value for key, value in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    return Weights(name, state if ordered else dict(sorted(state.items())), ordered, {})


def with_weights(network: AnyNetwork, found: Weights) -> nn.Module:
    module = build(network).eval()
    put(module, Learned(match(network, found), found, None))
    return module


# ---------------------------------------------------------------- what belongs where

TWINS = [
    ("resnet-18", "torchvision:resnet18", True),
    ("resnet-18", "timm:resnet18", False),
    ("mobilenet-v2", "torchvision:mobilenet_v2", False),
    ("mobilenet-v2", "timm:mobilenetv2_100", True),
    ("mobilenet-v3-small", "torchvision:mobilenet_v3_small", False),
    ("mobilenet-v3-large", "torchvision:mobilenet_v3_large", True),
    ("inception-v3", "torchvision:inception_v3", True),
]
"""And whether the file keeps the order of the definition, as torch's does and safetensors does not."""


@pytest.mark.parametrize(("name", "twin", "ordered"), TWINS)
def test_a_twin_s_weights_make_our_network_answer_as_the_twin_does(name: str, twin: str, ordered: bool) -> None:
    other = named(twin, (3, 96, 96), 1000)
    theirs = lively(make(other, None))
    network = resolve_any(name, other.input, 1000)
    found = of(theirs, ordered=ordered)
    fits = match(network, found)
    assert not fits.new and all("Aux" in left for left in fits.unused)  # no room for an auxiliary head at this size
    ours = with_weights(network, found)
    pictures = torch.rand(1, *other.input, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs(pictures)
        assert torch.allclose(ours(pictures), expected, atol=1e-4 * float(expected.std()))


@pytest.mark.parametrize(
    ("name", "twin"), [("vit-b-16", "torchvision:vit_b_16"), ("vit-b-16", "timm:vit_base_patch16_224"), ("vgg-16", "timm:vgg16")]
)
def test_queries_keys_and_values_and_layers_behind_maps_come_in_the_right_order(name: str, twin: str) -> None:
    """Judged by what goes where: the whole networks are too large for a quick test."""
    other = named(twin, classes=1000)
    state = skeleton(other).state_dict()
    fits = match(resolve_any(name, other.input, 1000), Weights("w.safetensors", dict(sorted(state.items())), False, {}))
    assert not fits.new and not fits.unused and fits.parameters == fits.total
    pairs = {ours: theirs for ours, (theirs, _) in fits.taken.items()}
    order = {name: number for number, name in enumerate(state)}
    for role in ("weight", "bias"):
        numbers = [order[theirs] for ours, theirs in pairs.items() if ours.endswith(f".{role}") and "block" in ours]
        assert numbers == sorted(numbers)


def test_other_names_in_the_same_order_and_the_same_shapes_are_enough() -> None:
    network = zoo.make("vit-tiny", (3, 32, 32), 5)
    ours = lively(build(network))
    state = {f"other{number}.{name.rpartition('.')[2]}": value for number, (name, value) in enumerate(ours.state_dict().items())}
    again = with_weights(network, Weights("w.pth", state, True, {}))
    pictures = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(again(pictures), ours(pictures))
    with pytest.raises(UserError, match="another network"):
        match(network, Weights("w.safetensors", state, False, {}))  # sorted by name: their order says nothing


def test_the_last_layer_begins_anew_where_the_classes_are_others() -> None:
    network = resolve_any("resnet-18", (3, 64, 64), 7)
    fits = match(network, of(lively(make(named("torchvision:resnet18", (3, 64, 64), 1000), None))))
    assert fits.new == ("linear",) or len(fits.new) == 1
    assert fits.classes == 1000 and fits.parameters == fits.total - 513 * 7
    assert fits.unused == ("fc.weight", "fc.bias")
    same = match(resolve_any("resnet-18", (3, 64, 64), 1000), of(make(named("torchvision:resnet18", classes=1000), None)))
    assert not same.new


def test_grey_pictures_get_the_sum_of_the_first_filters_channels() -> None:
    colour = lively(make(named("torchvision:shufflenet_v2_x0_5", (3, 64, 64), 4), 0))
    for word in ("torchvision:shufflenet_v2_x0_5", "timm:resnet18", "mobilenet-v2"):
        home = colour if word.startswith("torchvision") else lively(build(resolve_any(word, (3, 64, 64), 4)))
        network = resolve_any(word, (1, 64, 64), 4)
        grey = with_weights(network, of(home))
        assert list(match(network, of(home)).changed.values()) == ["channels"]
        picture = torch.rand(1, 1, 64, 64)
        with torch.inference_mode():
            assert torch.allclose(grey(picture), home(picture.expand(-1, 3, -1, -1)), atol=1e-4)
    back = with_weights(resolve_any("mobilenet-v2", (3, 64, 64), 4), of(lively(build(resolve_any("mobilenet-v2", (1, 64, 64), 4)))))
    assert back.get_parameter("stem.conv.weight").shape[1] == 3


def test_positions_are_interpolated_to_other_places() -> None:
    small, large = (resolve_any("vit-tiny", (3, side, side), 5) for side in (32, 48))
    module = build(small)
    rows = module.get_parameter("position.rows")
    with torch.no_grad():
        rows.copy_(torch.linspace(0, 1, 8)[None, :, None, None].expand(1, 8, 8, rows.shape[2]).reshape(1, 64, -1).new_zeros(rows.shape))
        rows[0, 1:] = torch.linspace(0, 1, 8).repeat_interleave(8)[:, None]
        rows[0, 0] = 7
    moved = with_weights(large, of(module)).get_parameter("position.rows")[0]
    assert (moved[0] == 7).all()  # the class token's row stays
    grid = moved[1:, 0].reshape(12, 12)
    assert torch.allclose(grid, grid[:, :1].expand(-1, 12), atol=1e-5) and (grid[1:, 0] > grid[:-1, 0]).all()


def test_a_shorter_network_s_weights_serve_a_longer_one_and_it_is_told() -> None:
    fits = match(named("torchvision:resnet34", classes=3), of(make(named("torchvision:resnet18", classes=3), None)))
    assert "layer3.4.conv1" in fits.new and fits.parameters < fits.total


@pytest.mark.parametrize(
    ("word", "twin"),
    [
        ("vgg-16", "resnet18"),
        ("lenet-5", "resnet18"),
        ("torchvision:resnet18", "resnet50"),
        ("timm:resnet18", "squeezenet1_1"),
        ("small-cnn", "mobilenet_v2"),
    ],
)
def test_weights_of_another_network_are_refused_and_named(word: str, twin: str) -> None:
    state = of(make(named(f"torchvision:{twin}", classes=1000), None))
    for name in (f"{twin}-f37072fd.pth", "renamed.pth"):
        with pytest.raises(UserError, match=f"weights of another network.*torchvision's {twin}") as caught:
            match(resolve_any(word, (3, 64, 64), 5), state._replace(name=name))
        assert "Choose the network that they belong to" in caught.value.remedy


def test_half_precision_wrappers_and_bookkeeping_make_no_difference(tmp_path: Path) -> None:
    network = resolve_any("lenet-5", (1, 32, 32), 10)
    module = lively(build(network))
    plain = dict(module.state_dict())
    half = {f"module.{name}": value.half() for name, value in plain.items()}
    half["module.num_batches_tracked"] = torch.tensor(3)
    for number, content in enumerate(
        (
            plain,
            half,
            {"state_dict": half, "epoch": 3},
            {"model": {"state_dict": plain}, "best": 0.5},
            {"model_ema": plain, "model": {"x": torch.zeros(1)}},
        )
    ):
        path = tmp_path / f"{number}.pth"
        torch.save(content, path)
        found = read_weights(path)
        assert list(found.state) == list(plain)
        again = with_weights(network, found)
        assert all(value.dtype == torch.float32 for value in again.state_dict().values())
        assert all(torch.allclose(value, plain[name], atol=2e-3) for name, value in again.state_dict().items())


# ---------------------------------------------------------------- files


class Caller:
    """Wants a function called when it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("new_form", [True, False])
def test_a_pickle_with_code_in_it_is_refused_and_nothing_is_run(tmp_path: Path, new_form: bool) -> None:
    path, mark = tmp_path / "evil.pth", tmp_path / "mark"
    torch.save({"a.weight": torch.zeros(2), "b": Caller(os.mkdir, str(mark))}, path, _use_new_zipfile_serialization=new_form)
    with pytest.raises(UserError, match=r"is refused: besides weights it wants to make or call (posix|nt)\.mkdir") as caught:
        read_weights(path)
    assert not mark.exists() and "safetensors" in caught.value.remedy
    torch.save({"arguments": argparse.Namespace(lr=1), "model": {"a": torch.zeros(2)}}, path, _use_new_zipfile_serialization=new_form)
    with pytest.raises(UserError, match=r"argparse\.Namespace"):
        read_weights(path)
    torch.save(nn.Linear(2, 2), path, _use_new_zipfile_serialization=new_form)
    with pytest.raises(UserError, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_weights(path)
    path.write_bytes(pickle.dumps(Caller(os.mkdir, str(mark))))
    with pytest.raises(UserError, match="it is a Python pickle"):
        read_weights(path)
    assert not mark.exists()


def test_no_length_of_a_safetensors_header_passes_for_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for length in range(40):  # headers grow by eight bytes, and their length comes first in the file
        save_file({"a": torch.zeros(2)}, path, {"note": "x" * 8 * length})
        assert read_weights(path).state["a"].shape == (2,)


def test_what_is_no_file_of_weights_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    good = tmp_path / "good.pth"
    torch.save({"a": torch.arange(5000.0)}, good)
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"\x80\x02}.")
        file.writestr("archive/data/0", bytes(1_000_000))
    program = tmp_path / "program.pt"
    with zipfile.ZipFile(program, "w") as file:
        file.writestr("program/constants.pkl", b"\x80\x02).")
    for content, says in (
        (b"", "it is empty"),
        (b"hello, world", "neither a file of torch nor of safetensors"),
        (good.read_bytes()[: good.stat().st_size // 2], "damaged or cut off"),
        (bomb.read_bytes(), "not one that torch has written"),
        (program.read_bytes(), "TorchScript program"),
        (struct.pack("<Q", 10**15) + b"{}", "neither"),
        (struct.pack("<Q", 20) + b'{"a": 3' + bytes(30), "damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=says) as caught:
            read_weights(path)
        assert "file.pth" in caught.value.message and "\n" not in caught.value.message
    with pytest.raises(UserError, match="There is no file"):
        read_weights(tmp_path / "nothing.pth")
    with pytest.raises(UserError, match="is a folder"):
        read_weights(tmp_path)
    for content in (
        {},
        {"epoch": 3},
        [1, 2],
        {"a": torch.eye(2).to_sparse()},
        {"a": torch.zeros(2, dtype=torch.complex64)},
    ):
        torch.save(content, path)
        with pytest.raises(UserError, match=r"holds no weights|cannot be used"):
            read_weights(path)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_files_never_do_anything_but_refuse(data: st.DataObject) -> None:
    place = Path(os.environ["FOVEA_HOME"])
    good = place / "good"
    torch.save({"a.weight": torch.arange(40.0), "b": 3}, good) if data.draw(st.booleans()) else save_file(
        {"a.weight": torch.arange(40.0)}, good
    )
    content = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    bad = place / "bad.pth"
    bad.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_weights(bad)
    except UserError as error:
        assert error.message and error.remedy


def test_a_file_larger_than_the_free_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    monkeypatch.setattr(weights_files, "memory_of", lambda device: type("Memory", (), {"free": 300})())
    with pytest.raises(UserError, match="of memory are free"):
        read_weights(path)


def test_our_own_weights_say_of_themselves_what_they_are(tmp_path: Path) -> None:
    network = resolve_any("lenet-5", (1, 32, 32), 3)
    preprocessing = {"height": 32, "width": 32, "channels": 1, "mean": [0.2], "std": [0.3]}
    facts = {"title": "LeNet-5", "classes": ["a", "b", "c"], "preprocessing": preprocessing}
    path = tmp_path / "weights.safetensors"
    save_file(dict(build(network).state_dict()), path, {"fovea": msgspec.json.encode(facts).decode()})
    found = learned(network, str(path), CancelToken(), lambda event: None)
    assert found.match.source == "a run of LeNet-5" and not found.match.new
    assert found.input is not None and found.input.mean == (0.2,)
    with pytest.raises(UserError, match="another network, LeNet-5"):
        match(resolve_any("vgg-16", (3, 64, 64), 3), found.weights)


# ---------------------------------------------------------------- commands and fetching


def checked(command: CheckWeights) -> WeightsChecked:
    events: list[Event] = []
    Session().run(command, CancelToken(), events.append)
    assert isinstance(events[-1], WeightsChecked)
    return events[-1]


def test_checking_tells_what_fits_without_fetching_anything(tmp_path: Path) -> None:
    promised = checked(CheckWeights("resnet-18", (1, 64, 64), 7, "pretrained"))
    assert not promised.at_hand and promised.source == "torchvision's resnet18" and len(promised.new) == 1
    assert promised.taken == promised.total - 513 * 7 and promised.unused == ("fc.weight", "fc.bias")
    assert not list(Path(os.environ["FOVEA_HOME"]).rglob("*.pth"))
    path = tmp_path / "mine.pth"
    torch.save(make(named("torchvision:resnet18", classes=10), 0).state_dict(), path)
    assert checked(CheckWeights("timm:resnet18", (3, 64, 64), 10, str(path))).taken == promised.total - 513 * 7 + 513 * 10 + 2 * 64 * 49
    with pytest.raises(UserError, match="No library offers weights for LeNet-5"):
        checked(CheckWeights("lenet-5", (1, 32, 32), 10, "pretrained"))


@pytest.mark.parametrize("word", ["resnet-18", "torchvision:resnet18", "timm:resnet18"])
def test_weights_are_fetched_once_with_progress_and_checked(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = resolve_any(word, (3, 64, 64), 5)
    there = pretrained.offered(network)
    buffer = io.BytesIO()
    torch.save(make(named("torchvision:resnet18", classes=1000), 0).state_dict(), buffer)
    content = buffer.getvalue()
    events: list[Event] = []
    with contextlib.closing(Web()) as web:
        web.pages["/w.pth"] = Page(content)
        digest = hashlib.sha256(content).hexdigest()[:8]
        offer = there._replace(addresses=(web.at("/w.pth"),), digest=digest)
        monkeypatch.setattr(pretrained, "offered", lambda network: offer)
        found = learned(network, "pretrained", CancelToken(), events.append)
        assert found.match.taken and found.input is not None and found.input.side == 224
        assert any(isinstance(event, JobProgress) and "Fetching weights" in event.text for event in events)
        assert there.path.is_file() and there.path.is_relative_to(Path(os.environ["FOVEA_HOME"]))
        events.clear()
        learned(network, "pretrained", CancelToken(), events.append)
        assert not events
        there.path.unlink()
        monkeypatch.setattr(pretrained, "offered", lambda network: offer._replace(digest="00000000"))
        with pytest.raises(UserError, match="another checksum"):
            learned(network, "pretrained", CancelToken(), events.append)
        assert not there.path.exists()


def test_without_a_network_the_file_is_named_and_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    network = resolve_any("resnet-18", (3, 64, 64), 5)
    there = pretrained.offered(network)
    with contextlib.closing(Web()) as web:
        monkeypatch.setattr(pretrained, "offered", lambda network: there._replace(addresses=(web.at("/nothing.pth"),)))
        with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth could not be fetched") as caught:
            learned(network, "pretrained", CancelToken(), lambda event: None)
    assert str(there.path) in caught.value.remedy and "choose a file" in caught.value.remedy


def test_offers_name_a_file_an_address_and_a_checksum() -> None:
    there = pretrained.offered(named("torchvision:resnet50"))
    assert there.addresses[0].startswith("https://") and there.digest and there.path.name == there.addresses[0].rpartition("/")[2]
    hub = pretrained.offered(named("timm:resnet50.a1_in1k"))
    assert hub.addresses == ("https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors",)
    assert hub.path.name == "resnet50.a1_in1k.safetensors"


def test_what_was_taken_is_said() -> None:
    network = resolve_any("resnet-18", (1, 64, 64), 7)
    found = of(make(named("torchvision:resnet18", classes=1000), None), "resnet18.pth")
    text = " ".join(sentences(Learned(match(network, found), found, None)))
    assert "parameters come from resnet18.pth (torchvision's resnet18)" in text
    assert "channels" in text and "begin" in text
    assert weights.PRETRAINED == "pretrained"


# ---------------------------------------------------------------- real weights


@pytest.mark.shared_data
def test_real_weights_make_three_networks_answer_alike(shared_data: Path) -> None:
    file = shared_data / "weights" / "mobilenet_v2-888877bc.pth"
    words = ("torchvision:mobilenet_v2", "mobilenet-v2", "timm:mobilenetv2_100")
    pictures = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    answers = []
    for word in words:
        network = resolve_any(word, (3, 96, 96), 1000)
        found = learned(network, str(file), CancelToken(), lambda event: None)
        assert not found.match.new and not found.match.unused and found.match.word == "torchvision:mobilenet_v2"
        assert found.input is not None and found.input.mean == (0.485, 0.456, 0.406)
        module = build(network).eval()
        put(module, found)
        with torch.inference_mode():
            answers.append(module(pictures))
    assert torch.allclose(answers[0], answers[1], atol=1e-4) and torch.allclose(answers[0], answers[2], atol=1e-4)
    squeezed = learned(
        resolve_any("torchvision:squeezenet1_0", (3, 96, 96), 4),
        str(shared_data / "weights" / "squeezenet1_0-d8b5aa1d.pth"),
        CancelToken(),
        lambda e: None,
    )
    assert squeezed.match.new == ("classifier.1",) and squeezed.match.classes == 1000
