"""What the next training will be, and what stands in its way."""

import msgspec
import numpy as np
import pytest
from made import opened, run_record

from engine.messages import ClassesChanged, PictureReady, Remember, WantPicture
from engine.networks.arithmetic import NetworkError
from engine.training.presets import PRESETS
from engine.training.recipe import FEW_GREY, PHOTOGRAPHS, Augmentation, Recipe
from gui import plan
from gui.reducing import reduce
from gui.state import AppState


def state_of(**memory) -> AppState:
    return reduce(AppState(), opened(memory=memory))


def typical(channels=1, height=28, width=28) -> str:
    return msgspec.json.encode(plan.Typical(12, channels, height, width)).decode()


def test_the_network_is_the_chosen_one_else_the_newest_runs_else_what_suits():
    assert plan.network_name(state_of(network="mlp")) == "mlp"
    assert plan.network_name(state_of(network="gone")) == "lenet-5"
    assert plan.network_name(state_of(typical=typical(channels=3))) == "small-cnn"
    assert plan.network_name(reduce(AppState(), opened(runs=(run_record(network="softmax"),)))) == "softmax"


def test_the_input_follows_the_pictures_unless_a_size_is_chosen():
    assert plan.input_shape(state_of(typical=typical(1, 20, 24)), "mlp") == (1, 20, 24)
    assert plan.input_shape(state_of(typical=typical(3, 500, 400)), "lenet-5") == (3, 32, 32)
    chosen = state_of(**{plan.SIZE: "48", "typical": typical()})
    assert plan.input_shape(chosen, "mlp") == (1, 48, 48) and plan.size(chosen) == 48
    for nonsense in ("", "-3", "0", "many", "99999999999"):
        assert plan.size(state_of(**{plan.SIZE: nonsense})) is None


def test_a_size_that_is_too_small_is_refused_with_the_arithmetic():
    with pytest.raises(NetworkError, match="20×20 is too small for layer conv5: 2×2 is smaller than its 5×5 kernel"):
        plan.analysis(state_of(**{plan.SIZE: "20"}), "lenet-5")
    assert plan.analysis(state_of(), "nearest-neighbour") is None
    obstacle = plan.obstacle(state_of(**{plan.SIZE: "20", "network": "lenet-5"}))
    assert obstacle is not None and obstacle.page == "model" and "conv5" in obstacle.text


def test_recipes_that_cannot_be_read_give_the_solid_one():
    assert plan.recipe(AppState()).preset == "solid"
    for kept in ("", "{", '{"epochs": 0}', '{"epoch": 3}', "null"):
        assert plan.recipe(state_of(recipe=kept)).preset == "solid"
    kept = msgspec.json.encode(Recipe(preset="own", epochs=7)).decode()
    assert plan.recipe(state_of(recipe=kept), "cpu") == Recipe(preset="own", epochs=7, device="cpu")


@pytest.mark.parametrize(
    ("event", "page", "words"),
    [
        (None, "start", "No project"),
        (opened(0), "data", "no pictures"),
        (opened(6, [-1] * 6), "data", "None of the 6"),
        (opened(6, [1] * 6), "data", "one class"),
        (opened(read_only="another program has it open"), "start", "another program has it open"),
        (opened(), "", ""),
    ],
)
def test_obstacles_are_named_and_lead_on(event, page, words):
    state = AppState() if event is None else reduce(AppState(), event)
    obstacle = plan.obstacle(state)
    if not words:
        assert obstacle is None
    else:
        assert obstacle is not None and obstacle.page == page and words in obstacle.text and obstacle.act


def test_memory_counts_weights_four_times_and_activations_twice():
    worked = plan.analysis(state_of(network="softmax", typical=typical(1, 8, 8)), "softmax")
    assert worked is not None
    values = 64 + sum(int(np.prod(row.output)) for row in worked.layers)
    assert plan.memory_estimate(worked, 10) == 4 * (4 * worked.parameters + 2 * 10 * values)


def test_the_last_layer_alone_takes_less_memory_and_few_pictures_make_small_batches():
    worked = plan.analysis(state_of(network="softmax", typical=typical(1, 8, 8)), "softmax")
    assert worked is not None
    assert plan.memory_estimate(worked, 10, last_alone=True) < plan.memory_estimate(worked, 10)
    state = state_of(**{plan.WEIGHTS: "a.pth", "network": "lenet-5", plan.RECIPE: '{"probe": true, "batch": 96}'})
    assert plan.last_layer_alone(state) and not plan.freeze(state)
    assert plan.batch_taken(state) == min(96, max(1, plan.training_pictures(state)))


def test_a_few_pictures_are_looked_at_once(bridge, host):
    finder = plan.typical_finder(bridge)
    assert plan.typical_finder(bridge) is finder
    host.emit(opened(12))
    bridge.tick()
    finder.look(bridge.state)
    for _ in range(plan.SAMPLE):
        asked = host.sent(WantPicture)[-1]
        pixels = np.full((9, 7, 3), 50, np.uint8)
        host.emit(PictureReady(image=asked.image, pixels=pixels, original_width=70, original_height=90, path=""))
        bridge.tick()
        finder.look(bridge.state)
    assert len(host.sent(WantPicture)) == plan.SAMPLE
    assert plan.typical(bridge.state) == plan.Typical(12, 1, 90, 70)
    assert [command.key for command in host.sent(Remember)] == [plan.TYPICAL]
    finder.look(bridge.state)
    assert len(host.sent(WantPicture)) == plan.SAMPLE


def test_resize_and_ground_are_kept_and_nonsense_is_not_taken():
    assert plan.resize(state_of()) is None and plan.ground(state_of()) == (255, 255, 255)
    chosen = state_of(**{plan.RESIZE: "crop", plan.GROUND: "#0a0b0c"})
    assert plan.resize(chosen) == "crop" and plan.ground(chosen) == (10, 11, 12)
    for nonsense in ("", "#", "#12", "white", "#1234567", "#00000000"):
        wrong = state_of(**{plan.RESIZE: nonsense, plan.GROUND: nonsense})
        assert plan.resize(wrong) is None and plan.ground(wrong) == (255, 255, 255)


def test_the_way_to_the_size_is_the_one_that_the_engine_will_take():
    measured = opened(memory={"typical": typical(1, 28, 28)})
    same = msgspec.structs.replace(measured.images, widths=np.full(12, 28, np.int32), heights=np.full(12, 28, np.int32))
    even = reduce(AppState(), msgspec.structs.replace(measured, images=same))
    assert plan.resize_taken(even, 32, 32) == "centre" and plan.resize_taken(even, 48, 48) == "squash"
    other = msgspec.structs.replace(same, widths=np.arange(20, 32, dtype=np.int32))
    assert plan.resize_taken(reduce(AppState(), msgspec.structs.replace(measured, images=other)), 32, 32) == "squash"
    assert plan.resize_taken(state_of(**{plan.RESIZE: "pad", "typical": typical()}), 32, 32) == "pad"


def test_the_augmentation_is_the_recipe_s_or_what_suits_network_and_pictures():
    def kept(**more) -> str:
        return msgspec.json.encode(Recipe(**more)).decode()

    assert plan.augmentation_taken(state_of(network="lenet-5", typical=typical())) == FEW_GREY
    assert plan.augmentation_taken(state_of(network="small-cnn", typical=typical(3, 64, 64))) == PHOTOGRAPHS
    assert plan.augmentation_taken(state_of(network="mlp", typical=typical())) == Augmentation()
    own = Augmentation(rotate=9)
    assert plan.augmentation_taken(state_of(network="mlp", recipe=kept(augmentation=own))) == own
    assert plan.augmentation_taken(state_of(network="nearest-neighbour", recipe=kept(augmentation=own))) == Augmentation()
    assert plan.augmentation_taken(state_of(network="lenet-5", recipe=kept(suit_augmentation=False))) == Augmentation()


def test_a_field_of_the_recipe_is_changed_from_elsewhere(bridge, host):
    host.emit(opened())
    bridge.tick()
    plan.with_recipe_field(bridge, "class_weights", True)
    plan.with_recipe_field(bridge, "augmentation.shift", 0.25)
    made = plan.recipe(bridge.state)
    assert made.class_weights and made.augmentation.shift == 0.25 and made.preset == "own"
    assert [command.key for command in host.sent(Remember)] == [plan.RECIPE] * 2
    with pytest.raises(ValueError, match="shift"):
        plan.with_recipe_field(bridge, "augmentation.shift", 3.0)
    assert plan.recipe(bridge.state) == made


def test_classes_count_and_ten_stand_for_none():
    state = reduce(AppState(), opened())
    assert plan.class_number(state) == 3
    assert plan.class_number(reduce(state, ClassesChanged(classes=()))) == 10


def test_learned_weights_are_fine_tuned_unless_a_preset_was_chosen(bridge, host):
    host.emit(opened())
    bridge.tick()
    assert plan.recipe(bridge.state).preset == "solid"
    plan.keep(bridge, plan.NETWORK, "torchvision:resnet18")
    plan.keep(bridge, plan.WEIGHTS, "pretrained")
    bridge.tick()
    assert plan.recipe(bridge.state) == PRESETS["fine-tune"].recipe
    plan.keep_recipe(bridge, PRESETS["best"].recipe)
    bridge.tick()
    assert plan.recipe(bridge.state).preset == "best"
