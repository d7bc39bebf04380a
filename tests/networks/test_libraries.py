"""Networks of torchvision and timm by name: found, worked out without memory, made, kept."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from msgspec.structs import replace
from torch import nn

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import DescribeNetwork, LibrariesListed, ListLibraries, NetworkDescribed
from engine.networks import files, libraries, tracing, zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.layers import NamedNetwork
from engine.networks.libraries import make, make_skeleton, named, wanted_input
from engine.networks.resolve import analysis_of, refit, resolve_any
from engine.networks.tracing import trace
from engine.session import Session

PUBLISHED = [
    *("convnext_tiny", "densenet121", "efficientnet_b0", "mobilenet_v3_small", "regnet_y_128gf", "resnet50"),
    *("shufflenet_v2_x0_5", "squeezenet1_0", "swin_v2_t", "vgg11_bn", "vit_b_32"),
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_multiply_adds_are_those_that_torchvision_publishes(name: str) -> None:
    meta = libraries.load("torchvision").get_model_weights(name).DEFAULT.meta
    analysis = trace(named(f"torchvision:{name}"))
    assert analysis.parameters == meta["num_params"] and analysis.auxiliary_parameters == 0
    assert analysis.multiply_adds / 1e9 == pytest.approx(meta["_ops"], rel=2e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("word", "parameters", "auxiliary"),
    [
        ("torchvision:inception_v3", 23_834_568, 3_326_696),
        ("torchvision:googlenet", 6_624_904, 6_379_984),
        ("timm:vit_huge_patch14_224", 632_045_800, 0),
        ("timm:inception_v4", 42_679_816, 0),
    ],
)
def test_auxiliary_heads_count_apart(word: str, parameters: int, auxiliary: int) -> None:
    analysis = trace(named(word, classes=1000))
    assert (analysis.parameters, analysis.auxiliary_parameters) == (parameters, auxiliary)
    assert bool(auxiliary) == any(row.auxiliary for row in analysis.layers)


@pytest.mark.parametrize(
    ("own", "other"), [("resnet-18", "torchvision:resnet18"), ("mobilenet-v2", "timm:mobilenetv2_100"), ("vgg-16", "torchvision:vgg16")]
)
def test_a_twin_comes_to_the_same_as_our_own_tree(own: str, other: str) -> None:
    ours, theirs = analyse(zoo.make(own, (3, 224, 224), 10)), trace(named(other, (3, 224, 224), 10))
    assert theirs.parameters == ours.parameters
    assert theirs.multiply_adds == ours.multiply_adds
    for kind in ("Convolution", "Linear"):
        worked = [
            [(row.formula, row.output, row.multiply_adds) for row in analysis.layers if row.kind == kind] for analysis in (ours, theirs)
        ]
        assert sorted(worked[0]) == sorted(worked[1]) and worked[0]


@pytest.mark.parametrize("word", ["torchvision:resnet18", "torchvision:swin_t", "timm:convnext_atto", "timm:vit_tiny_patch16_224"])
def test_rows_are_the_layers_in_order_with_the_shapes_that_they_give(word: str) -> None:
    network = named(word, classes=5)
    analysis, module = trace(network), make(network, None).eval()
    names = [row.name for row in analysis.layers]
    assert len(set(names)) == len(names)
    assert all(source < number for number, row in enumerate(analysis.layers) for source in row.sources)
    assert sum(row.parameters for row in analysis.layers) == sum(value.numel() for value in module.parameters())
    assert all(row.receptive_field is None and row.jump is None and row.offset is None for row in analysis.layers)
    heard: dict[str, torch.Size] = {}

    def listen(part: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        heard.setdefault(names_of[part], output.shape[1:])

    names_of = {part: name for name, part in module.named_modules()}
    for part in names_of:
        part.register_forward_hook(listen)
    with torch.inference_mode():
        module(torch.zeros(1, *network.input))
    for row in analysis.layers:
        if row.name in heard:
            tokens = row.form == "tokens"
            shape = (row.output[1], row.output[0]) if tokens else row.output if row.form == "maps" else row.output[:1]
            assert sorted(heard[row.name]) == sorted(shape)
    grids = [row for row in analysis.layers if row.form == "tokens" and row.kind == "Linear"]
    assert all(row.places[0] == row.places[1] for row in grids)


def test_paths_meet_in_rows_of_their_own() -> None:
    analysis = trace(named("torchvision:googlenet"))
    join = analysis.row("inception3a")
    assert join.kind == "Join" and join.output == (256, 28, 28)
    assert [analysis.layers[number].output[0] for number in join.sources] == [64, 128, 32, 32]
    transformer = trace(named("timm:vit_tiny_patch16_224"))
    assert transformer.row("blocks.3").kind == "Sum" and transformer.row("blocks.3.attn").multiply_adds == 2 * 197 * 197 * 192


def test_a_module_that_is_called_twice_has_two_rows_and_counts_once() -> None:
    analysis = trace(named("torchvision:resnet18"))
    assert analysis.row("layer1.0.relu:2").sources != analysis.row("layer1.0.relu").sources
    assert analysis.parameters == 11_689_512


def test_names_that_are_not_known_and_words_that_would_lead_elsewhere() -> None:
    with pytest.raises(NetworkError, match='torchvision has no network "resnet51"') as caught:
        named("torchvision:resnet51")
    assert "torchvision:resnet50" in caught.value.remedy
    with pytest.raises(NetworkError, match="timm:convnext_tiny"):
        named("timm:convnext_tinny")
    for word in ("timm:hf-hub:timm/resnet50", "timm:local-dir:/tmp", "torchvision:fasterrcnn_resnet50_fpn", "timm:resnet50.no_such_tag"):
        with pytest.raises(NetworkError):
            named(word)
        with pytest.raises(NetworkError):
            make_skeleton(NamedNetwork(word.partition(":")[0], word.partition(":")[2], "x", (3, 64, 64), 2))  # type: ignore[arg-type]
    assert named("timm:resnet50.a1_in1k").input == (3, 224, 224)


@pytest.mark.parametrize(
    ("word", "shape", "says"),
    [
        ("torchvision:vit_b_16", (3, 100, 100), "3×100×100"),
        ("torchvision:vit_b_16", (3, 224, 192), "square"),
        ("torchvision:alexnet", (3, 16, 16), "features"),
        ("timm:vit_tiny_patch16_224", (3, 8, 8), "8×8"),
    ],
)
def test_a_size_that_does_not_fit_is_refused_with_the_size_and_the_reason(word: str, shape: tuple[int, int, int], says: str) -> None:
    with pytest.raises(NetworkError, match=says) as caught:
        trace(named(word, shape, 3))
    assert "another input size" in caught.value.remedy and "\n" not in caught.value.message


def test_other_sizes_and_grey_pictures() -> None:
    for word in (
        "torchvision:mobilenet_v2",
        "torchvision:vit_b_32",
        "timm:vit_tiny_patch16_224",
        "timm:swin_tiny_patch4_window7_224",
        "timm:resnet18",
    ):
        network = named(word, (1, 64, 64), 7)
        assert trace(network).input == (1, 64, 64)
    small = named("torchvision:squeezenet1_1", (1, 40, 56), 7)
    with torch.inference_mode():
        assert make(small).eval()(torch.rand(2, 1, 40, 56)).shape == (2, 7)


def test_what_is_no_classifier_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "make_skeleton", lambda network: nn.Conv2d(3, 4, 3, device="meta"))
    with pytest.raises(NetworkError, match="is no classifier: it gives 4×"):
        trace(replace(named("torchvision:alexnet"), classes=12))


def test_weights_follow_the_seed_and_leave_torch_s_own_generator_alone() -> None:
    for word in ("torchvision:shufflenet_v2_x0_5", "timm:vit_tiny_patch16_224"):
        before = torch.get_rng_state()
        one, same, other = (make(named(word, classes=3), seed).state_dict() for seed in (1, 1, 2))
        assert torch.equal(before, torch.get_rng_state())
        assert all(torch.equal(one[name], same[name]) for name in one)
        assert not all(torch.equal(one[name], other[name]) for name in one)


def test_auxiliary_answers_reach_the_training_and_nothing_else() -> None:
    module = make(named("torchvision:googlenet", (3, 64, 64), 4))
    heads = [part for part in module.modules() if hasattr(part, "taken")]
    assert [head.share for head in heads] == [0.3, 0.3]
    assert module.train()(torch.rand(2, 3, 64, 64)).shape == (2, 4)
    assert all(head.taken().shape == (2, 4) for head in heads)
    assert module.eval()(torch.rand(2, 3, 64, 64)).shape == (2, 4)
    assert "aux1_answer" not in " ".join(module.state_dict())


def test_a_record_goes_to_a_file_and_back(tmp_path: Path) -> None:
    network = named("timm:resnet18", (1, 48, 48), 3)
    path = tmp_path / "network.json"
    path.write_bytes(files.dump(network))
    assert files.load_any(path) == network and network.made_with
    assert refit(network, (3, 32, 32), 5).input == (3, 32, 32)
    tree = zoo.make("lenet-5", (1, 32, 32), 10)
    path.write_bytes(files.dump(tree))
    assert files.load_any(path) == tree
    good = json.loads(files.dump(network))
    for change, says in (
        ({"library": "elsewhere"}, "elsewhere|Invalid enum"),
        ({"librry": 1}, "librry"),
        ({"classes": 0}, "classes"),
        ({"version": 99}, "version 99"),
        ({"input": [3, 0, 4]}, "input"),
    ):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(NetworkError, match=says):
            files.load_any(path)


def test_commands_list_and_describe() -> None:
    events: list[object] = []
    session = Session()
    session.run(ListLibraries(), CancelToken(), events.append)
    listed = events.pop()
    assert isinstance(listed, LibrariesListed) and not listed.missing
    found = {network.name: network for network in listed.networks}
    assert found["torchvision:inception_v3"].side == 299 and found["torchvision:resnet50"].pretrained
    assert found["timm:convnext_tiny"].pretrained and "timm:dm_nfnet_f0" in found
    assert not any("deeplab" in name or "rcnn" in name for name in found)
    session.run(DescribeNetwork("torchvision:resnet18", (1, 32, 32), 4), CancelToken(), events.append)
    described = events.pop()
    assert isinstance(described, NetworkDescribed) and described.analysis == analysis_of(
        resolve_any("torchvision:resnet18", (1, 32, 32), 4)
    )
    assert (described.network, described.input, described.classes) == ("torchvision:resnet18", (1, 32, 32), 4)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ImportError("No module named 'timm'", name="timm"), "is not installed"),
        (RuntimeError("operator torchvision::nms does not exist"), "cannot be loaded: operator torchvision::nms"),
        (ImportError("cannot import name x", name="torch"), "cannot be loaded: cannot import name x"),
    ],
)
def test_a_library_that_is_missing_or_broken_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception, says: str) -> None:
    def refuse(name: str) -> None:
        raise error

    libraries.network_names.cache_clear()
    monkeypatch.setattr(libraries.importlib, "import_module", refuse)
    with pytest.raises(UserError, match=says):
        named("timm:resnet18")
    events: list[object] = []
    libraries.list_libraries(Session(), ListLibraries(), CancelToken(), events.append)
    assert events[0].networks == () and events[0].missing == ("torchvision", "timm")  # type: ignore[attr-defined]


def test_how_pictures_are_prepared_is_what_the_weights_were_learned_with() -> None:
    assert wanted_input("torchvision:resnet50").mean == (0.485, 0.456, 0.406)
    assert wanted_input("torchvision:inception_v3").mean == (0.5, 0.5, 0.5)  # learned on values from -1 to 1
    assert wanted_input("timm:vit_tiny_patch16_224").deviation == (0.5, 0.5, 0.5)
    grey = wanted_input("torchvision:resnet50").of_channels(1)
    assert grey[0] == (pytest.approx(0.449),) and grey[1] == (pytest.approx(0.226),)


def test_libraries_load_only_when_they_are_wanted() -> None:
    code = "import sys, engine.training.fit, engine.networks.weights; print({'torchvision', 'timm'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert ran.stdout.strip() == "set()"


def test_the_largest_are_worked_out_in_seconds_and_without_memory_for_their_weights() -> None:
    named("timm:resnet18")
    before, begun = psutil.Process().memory_info().rss, time.monotonic()
    analysis = trace(named("timm:vit_huge_patch14_224", classes=999))
    assert analysis.parameters == 632_045_800 - 1281
    assert time.monotonic() - begun < 10  # one on a quiet machine
    assert psutil.Process().memory_info().rss - before < 200e6  # its weights would be 2.5e9


@pytest.mark.parametrize("seed", [None, 0])
def test_networks_that_draw_while_they_are_made(seed: int | None) -> None:
    """timm's pit begins with torch.randn, torchvision's regnets compute with small tensors."""
    for word in ("timm:pit_ti_224", "torchvision:regnet_y_400mf"):
        network, before = named(word, classes=3), torch.get_rng_state()
        assert all(value.is_meta for value in make_skeleton(network).parameters())
        assert make(network, seed).state_dict().keys() == make_skeleton(network).state_dict().keys()
        assert torch.equal(before, torch.get_rng_state())
