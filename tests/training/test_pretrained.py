"""Trainings that begin with learned weights, networks of other libraries trained and kept, and what is refused before it is tried."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.failure import UserError
from engine.insight.fields import feature_maps, layer_names, probe_on_map
from engine.memory import Memory
from engine.messages import Event, Notice, TrainingStarted
from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.build import build
from engine.networks.layers import NamedNetwork
from engine.networks.libraries import make, named
from engine.networks.resolve import analysis_of
from engine.networks.tracing import trace
from engine.project.records import RunRecord
from engine.training import freezing, room
from engine.training.fit import fit
from engine.training.presets import PRESETS
from engine.training.ready_made import ready_made
from engine.training.recipe import Recipe
from engine.training.room import check_room
from engine.training.saved import NETWORK, WEIGHTS, load_run

QUICK = Recipe(epochs=1, batch=8, suit_augmentation=False)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Forty colour pictures of noise in two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0)
    for name, colour in (("dark", 40), ("light", 180)):
        (folder / name).mkdir()
        for number in range(20):
            cv2.imwrite(str(folder / name / f"{number}.png"), noise.integers(colour, colour + 70, (40, 48, 3), np.uint8))
    return data.from_source(scan(folder))


def trained(
    dataset: Dataset, folder: Path, network: str, events: list[Event] | None = None, size: int | None = 32, **begin: object
) -> RunRecord:
    seen = events if events is not None else []
    return fit(dataset, network, QUICK, size, folder, CancelToken(), seen.append, threads=1, **begin)  # type: ignore[arg-type]


def file_of(module: torch.nn.Module, path: Path) -> str:
    torch.save(module.state_dict(), path)
    return str(path)


@pytest.mark.parametrize("word", ["torchvision:shufflenet_v2_x0_5", "timm:test_vit", "torchvision:googlenet"])
def test_another_library_s_network_is_trained_kept_and_loaded(pictures: Dataset, tmp_path: Path, word: str) -> None:
    events: list[Event] = []
    side = 64 if "googlenet" in word else 32
    record = trained(pictures, tmp_path / "run", word, events, size=side)
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert (
        record.network == started.network == word
        and started.parameters == record.parameters == trace(named(word, (3, side, side), 2)).parameters
    )
    assert record.outcome == "completed" and record.steps > 0
    run = load_run(tmp_path / "run")
    assert isinstance(run.network, NamedNetwork) and run.network.word == word and run.network.classes == 2
    pixels = np.random.default_rng(1).integers(0, 256, (3, side, side, 3), np.uint8)
    shares = run.probabilities(pixels)
    assert shares.shape == (3, 2) and np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    tensors = load_file(tmp_path / "run" / WEIGHTS)
    assert tensors.keys() == make(run.network, None).state_dict().keys()


def test_grey_pictures_and_a_run_of_another_library_that_is_damaged(tmp_path: Path) -> None:
    digits = data.from_source(scan("digits"))
    few = msgspec.structs.replace(
        digits, images=digits.images[:60], labels=digits.labels[:60], splits=digits.splits[:60], locators=digits.locators[:60]
    )
    record = trained(few, tmp_path / "run", "torchvision:squeezenet1_1")
    assert record.preprocessing.channels == 1 and load_run(tmp_path / "run").network == named("torchvision:squeezenet1_1", (1, 32, 32), 10)
    text = (tmp_path / "run" / NETWORK).read_text(encoding="utf-8")
    (tmp_path / "run" / NETWORK).write_text(text.replace("squeezenet1_1", "squeezenet1_0"), encoding="utf-8")
    with pytest.raises(UserError, match=r"are damaged .*They were learned with torchvision"):
        load_run(tmp_path / "run")
    (tmp_path / "run" / NETWORK).write_text(text.replace("squeezenet1_1", "squeezenet9"), encoding="utf-8")
    with pytest.raises(UserError, match="torchvision has no network"):
        load_run(tmp_path / "run")


def test_the_network_file_of_a_run_serves_as_a_network(pictures: Dataset, tmp_path: Path) -> None:
    first = trained(pictures, tmp_path / "run", "torchvision:shufflenet_v2_x0_5")
    again = trained(pictures, tmp_path / "again", str(tmp_path / "run" / NETWORK), size=None)
    assert again.parameters == first.parameters and again.preprocessing.height == 32


def test_one_seed_gives_the_same_weights(pictures: Dataset, tmp_path: Path) -> None:
    for name in ("a", "b"):
        torch.rand(len(name))
        trained(pictures, tmp_path / name, "torchvision:shufflenet_v2_x0_5")
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()


def test_freezing_leaves_all_but_the_last_layer_bit_for_bit(pictures: Dataset, tmp_path: Path) -> None:
    source = make(named("torchvision:mobilenet_v2", classes=1000), 3)
    with torch.no_grad():
        for name, value in source.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(0))
    events: list[Event] = []
    file = file_of(source, tmp_path / "w.pth")
    record = trained(pictures, tmp_path / "run", "mobilenet-v2", events, weights=file, freeze=True)
    after = load_file(tmp_path / "run" / WEIGHTS)
    start = build(zoo.make("mobilenet-v2", (3, 32, 32), 2)).state_dict()
    state = source.state_dict()
    theirs = {tuple(value.flatten()[:40].tolist()) for value in state.values()}
    same = [name for name, value in after.items() if tuple(value.flatten()[:40].tolist()) in theirs]
    assert set(after) - set(same) == {"linear.weight", "linear.bias"}  # means and deviations of batch norm among those that stay
    assert not torch.equal(after["linear.weight"], start["linear.weight"])
    assert record.begun_with == "w.pth (torchvision's mobilenet_v2)" and record.frozen
    assert record.preprocessing.mean == (0.485, 0.456, 0.406) and record.preprocessing.std == (0.229, 0.224, 0.225)
    said = " ".join(event.text for event in events if isinstance(event, Notice))
    assert "2,223,872 of 2,226,434 parameters come from w.pth (torchvision's mobilenet_v2)" in said
    assert "linear" in said and "2,562 parameters learn" in said


def test_without_freezing_everything_learns_and_size_follows_the_weights(pictures: Dataset, tmp_path: Path) -> None:
    file = file_of(make(named("torchvision:squeezenet1_1", classes=1000), 0), tmp_path / "w.pth")
    trained(pictures, tmp_path / "all", "torchvision:squeezenet1_1", weights=file)
    after, before = load_file(tmp_path / "all" / WEIGHTS), torch.load(file, weights_only=True)
    assert not any(torch.equal(after[name], before[name]) for name in after)
    few = msgspec.structs.replace(
        pictures, images=pictures.images[::5], labels=pictures.labels[::5], splits=pictures.splits[::5], locators=pictures.locators[::5]
    )
    large = trained(few, tmp_path / "large", "torchvision:squeezenet1_1", size=None, weights=file, freeze=True)
    assert (large.preprocessing.height, large.preprocessing.width) == (224, 224)


def test_what_makes_no_sense_is_refused_before_anything_is_decoded(pictures: Dataset, tmp_path: Path) -> None:
    file = file_of(make(named("torchvision:resnet18", classes=1000), None), tmp_path / "resnet18-f37072fd.pth")
    for network, begin, says in (
        ("mobilenet-v2", {"freeze": True}, "There are no weights yet"),
        ("nearest-neighbour", {"weights": file}, "has no weights to begin with"),
        ("mobilenet-v2", {"weights": file}, "weights of another network, torchvision's resnet18"),
        ("lenet-5", {"weights": "pretrained"}, "No library offers weights"),
        ("mobilenet-v2", {"weights": str(tmp_path / "nothing.pth")}, "There is no file"),
    ):
        with pytest.raises(UserError, match=says):
            trained(pictures, tmp_path / "run", network, **begin)
        assert not (tmp_path / "run").exists()


def test_frozen_parts_stay_as_they_classify() -> None:
    module = make(named("torchvision:googlenet", (3, 64, 64), 4))
    freezing.freeze(module, {"fc.weight", "fc.bias"})
    freezing.to_training(module)
    assert module.training and module.get_submodule("dropout").training and not module.get_submodule("conv1").training
    assert not module.get_submodule("aux1").training and freezing.learning(module) == 1025 * 4
    plain = build(zoo.make("lenet-5", (1, 32, 32), 10))
    freezing.freeze(plain, ())
    names = [name for name, value in plain.named_parameters() if value.requires_grad]
    assert len(names) == 2 and names[0].rpartition(".")[0] == list(dict(plain.named_parameters()))[-1].rpartition(".")[0]


# ---------------------------------------------------------------- memory


def test_a_network_far_too_large_for_the_memory_is_refused_with_both_figures(
    monkeypatch: pytest.MonkeyPatch, pictures: Dataset, tmp_path: Path
) -> None:
    monkeypatch.setattr(room, "memory_of", lambda device: Memory(int(7e9), int(16e9)))
    large = analyse(zoo.make("vit-h-14", (3, 224, 224), 10))
    device = torch.device("cpu")
    with pytest.raises(UserError, match=r"ViT-H/14 needs about \d\d+ GB of memory, but 7\.0 GB are free") as caught:
        check_room("ViT-H/14", large, 32, device, learns=True)
    assert "smaller" in caught.value.remedy
    check_room("ViT-H/14", large, 8, device, learns=False)
    check_room("LeNet-5", analyse(zoo.make("lenet-5", (1, 32, 32), 10)), 128, device, learns=True)
    monkeypatch.setattr(room, "memory_of", lambda device: Memory(int(1e6), int(16e9)))
    with pytest.raises(UserError, match="of memory, but"):
        trained(pictures, tmp_path / "run", "resnet-18")


# ---------------------------------------------------------------- looking into them


def prepared(side: int) -> Normalise:
    return Normalise(Preprocessing(side, side, 3, mean=(0.5,) * 3, std=(0.25,) * 3), torch.device("cpu"))


@pytest.mark.parametrize("word", ["torchvision:swin_t", "timm:vit_tiny_patch16_224"])
def test_every_layer_of_another_library_s_network_shows_its_maps(word: str, pictures: Dataset) -> None:
    network = named(word, (3, 64, 64), 3)
    module = make(network, 0).eval().requires_grad_(False)
    normalise = prepared(64)
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    names = layer_names(network)
    analysis = analysis_of(network)
    chosen = [*names[:4], *names[len(names) // 2 : len(names) // 2 + 6], *names[-3:]]
    for name in chosen:
        maps, row = feature_maps(module, normalise, pixels, name, network), analysis.row(name)
        expected = (row.output[0], *row.places) if row.form == "tokens" and row.places != (row.output[1], 1) else row.output
        assert maps.shape == expected and np.isfinite(maps).all()
        field = probe_on_map(module, network, normalise, pixels, name, 0, -1, -1)
        assert field.activation == pytest.approx(float(maps[0, field.row, field.column]), abs=1e-3)
        top, left, bottom, right = field.box
        outside = field.heat.copy()
        outside[top:bottom, left:right] = 0
        assert not outside.any()
    assert len(names) > 15


def test_what_a_layer_answers_is_shown_as_it_was_before_others_changed_it_in_place() -> None:
    network = named("torchvision:resnet18", (3, 64, 64), 3)
    module = make(network, 0).eval().requires_grad_(False)
    normalise = prepared(64)
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    before, after = (feature_maps(module, normalise, pixels, name, network) for name in ("bn1", "relu"))
    assert (before < 0).any() and np.array_equal(after, before.clip(0))
    once, twice = (feature_maps(module, normalise, pixels, name, network) for name in ("layer1.0.relu", "layer1.0.relu:2"))
    assert not np.array_equal(once, twice)
    with pytest.raises(UserError, match=r"no layer|takes no part|There is no layer"):
        feature_maps(module, normalise, pixels, "layer1.0.relu:3", network)


def test_attention_of_torch_s_own_answers_with_its_tokens() -> None:
    network = named("torchvision:vit_b_32", (3, 64, 64), 3)
    pixels = torch.zeros(64, 64, 3, dtype=torch.uint8)
    module = make(network, None).eval().requires_grad_(False)
    assert feature_maps(module, prepared(64), pixels, "encoder.layers.encoder_layer_0.self_attention", network).shape == (768, 2, 2)


def test_tokens_of_our_own_lie_at_their_places() -> None:
    network = zoo.make("vit-tiny", (3, 32, 32), 4)
    module = build(network).eval().requires_grad_(False)
    normalise = prepared(32)
    pixels = torch.zeros(32, 32, 3, dtype=torch.uint8)
    pixels[8:12, 20:24] = 255  # one patch of 4 × 4: row 2, column 5
    patches = next(row.name for row in analyse(network).layers if row.kind == "Patch embedding")
    maps = feature_maps(module, normalise, pixels, patches, network)
    odd = np.abs(maps - maps[:, :1, :1]).max(axis=0) > 1e-4
    assert maps.shape[1:] == (8, 8) and odd[2, 5] and odd.sum() == 1
    field = probe_on_map(module, network, normalise, pixels, "position", 0, 2, 5)
    assert field.box == (8, 20, 12, 24) and (field.row, field.column) == (2, 5)
    with pytest.raises(UserError, match="no unit at row 8"):
        probe_on_map(module, network, normalise, pixels, "position", 0, 8, 0)


# ---------------------------------------------------------------- real weights


@pytest.mark.shared_data
def test_the_last_layer_alone_learns_beach_and_desert(shared_data: Path, tmp_path: Path) -> None:
    source = data.from_source(scan(shared_data / "beach-desert-aid"))
    some = slice(None, None, 3)
    few = msgspec.structs.replace(
        source, images=source.images[some], labels=source.labels[some], splits=source.splits[some], locators=source.locators[some]
    )
    file = str(shared_data / "weights" / "mobilenet_v2-888877bc.pth")
    recipe = Recipe(epochs=2, batch=16, suit_augmentation=False)
    record = fit(few, "mobilenet-v2", recipe, 64, tmp_path / "run", CancelToken(), lambda event: None, threads=1, weights=file, freeze=True)
    assert record.validation_accuracy is not None and record.validation_accuracy > 0.85
    assert load_run(record.folder).classes == ("Beach", "Desert")


@pytest.mark.shared_data
def test_fine_tuning_keeps_what_weights_without_norms_know(shared_data: Path, tmp_path: Path) -> None:
    """The norms of these weights are folded into the convolutions: norms that measured few pictures anew lost everything (57 %)."""
    source = data.from_source(scan(shared_data / "beach-desert-aid"))
    some = slice(None, None, 2)
    few = msgspec.structs.replace(
        source, images=source.images[some], labels=source.labels[some], splits=source.splits[some], locators=source.locators[some]
    )
    recipe = msgspec.structs.replace(PRESETS["fine-tune"].recipe, epochs=2, mixed_precision="off")
    file = str(shared_data / "weights" / "mobilenet_v2-888877bc.pth")
    record = fit(few, "mobilenet-v2", recipe, 64, tmp_path / "run", CancelToken(), lambda event: None, threads=1, weights=file)
    assert record.test_accuracy is not None and record.test_accuracy > 0.85


@pytest.mark.shared_data
def test_photographs_are_named_as_torchvision_names_them(shared_data: Path) -> None:
    import torchvision
    from PIL import Image

    file = shared_data / "weights" / "mobilenet_v2-888877bc.pth"
    made = ready_made("mobilenet-v2", str(file), torch.device("cpu"), CancelToken(), lambda event: None)
    reference = torchvision.models.mobilenet_v2()
    reference.load_state_dict(torch.load(file, weights_only=True))
    prepare = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    answers = {}
    for name in ("cat_720p.jpg", "dog_samoyed_pytorch_hub.jpg", "parrot.jpg", "hot_dog.jpg", "dragonfly.png"):
        shares = made.run.probabilities(made.pixels_of(shared_data / "photos" / name)[None])[0]
        with torch.inference_mode(), Image.open(shared_data / "photos" / name) as picture:
            expected = reference.eval()(prepare(picture.convert("RGB"))[None]).softmax(1)[0].numpy()
        assert shares.argmax() == expected.argmax() and abs(shares.max() - expected.max()) < 0.3  # pictures are scaled by areas here
        answers[name] = made.run.classes[int(shares.argmax())]
    assert answers["dog_samoyed_pytorch_hub.jpg"] == "Samoyed" and answers["parrot.jpg"] == "macaw"
    assert answers["hot_dog.jpg"] == "hotdog" and "cat" in answers["cat_720p.jpg"]
