"""Sweeps: what can be varied, the trainings that come of it, and what is refused before anything begins."""

import math
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.host import EngineThread
from engine.messages import OpenSample, Outcome, Train, TrainingFinished
from engine.networks import zoo
from engine.training.recipe import GENTLE, Augmentation, Recipe
from engine.training.sweep_values import FIELDS, SweepError
from engine.training.sweeping import MOST_TRAININGS, order, place_of, rates, sweepables, trainings

LENET = zoo.make("lenet-5", (1, 32, 32), 10)
RESNET = zoo.make("resnet-20", (3, 32, 32), 10)
SWEEP = "2026-11-21T10:15:02"


def plain(network="lenet-5", **fields):
    return Train(network=network, recipe=Recipe(**fields))


def swept(field, values, command=None, **more):
    return trainings(SWEEP, field, values, command or plain(), **more)


@given(st.floats(1e-6, 10))
def test_rates_rise_by_factors_of_about_three(middle):
    found = [float(rate) for rate in rates(middle)]
    assert found[2] == pytest.approx(middle, rel=1e-11)
    for low, high in pairwise(found):
        assert 1.5 <= high / low <= 6


def test_what_is_suggested_can_be_trained():
    for name in ("lenet-5", "mlp", "alexnet", "resnet-20", "plain-56", "vgg-16", "mobilenet-v2"):
        network = zoo.make(name, zoo.card(name).default_input, 10)
        command = plain(name)
        for found in sweepables(command, network):
            made = trainings(SWEEP, found.field, found.suggested, command, network=network)
            assert len(made) == len(found.suggested) >= 2, found.field
            trainings(SWEEP, found.field, found.others or found.suggested, command, network=network)
            if found.now:
                assert found.now in (*found.suggested, *found.others), (name, found.field)


def test_the_value_that_a_plain_training_has_gives_that_training():
    for name, network in (("lenet-5", LENET), ("resnet-20", RESNET)):
        command = plain(name)
        for found in sweepables(command, network):
            (made,) = trainings(SWEEP, found.field, (found.now,), command, network=network)
            assert made.recipe == command.recipe, found.field
            assert made.network == name
            assert made.variant == (f"activation={found.now}" if found.field == "activation" else "")


def test_a_network_is_varied_in_what_it_has():
    def fields(network, command):
        return {found.field for found in sweepables(command, network)}

    assert not {"dropout", "shortcut", "normalisation", "network"} & fields(LENET, plain())
    assert {"shortcut", "normalisation", "network"} <= fields(RESNET, plain("resnet-20"))
    assert fields(None, plain("torchvision:resnet18")) == {
        "learning_rate", "augmentation", "initialisation", "optimiser", "batch", "weight_decay", "seed",
    }  # fmt: skip
    every = fields(zoo.make("alexnet", (3, 227, 227), 10), plain("alexnet")) | fields(RESNET, plain("resnet-20"))
    assert every == set(FIELDS)


def test_degradation_is_one_sweep():
    found = next(one for one in sweepables(plain("plain-20"), RESNET) if one.field == "network")
    assert found.suggested == ("plain-20", "plain-56", "plain-110", "resnet-20", "resnet-56", "resnet-110")
    made = swept("network", found.suggested, plain("plain-20"), network=zoo.make("plain-20", (3, 32, 32), 10))
    assert [command.network for command in made] == list(found.suggested)


def test_values_are_tidied_sorted_and_taken_once():
    made = swept("learning_rate", ("0.1", " 1e-3 ", "0,01", ".1", "0.100"))
    assert [place_of(command.sweep).value for command in made] == ["0.001", "0.01", "0.1"]
    assert [command.recipe.learning_rate for command in made] == [0.001, 0.01, 0.1]
    assert {command.recipe.preset for command in made} == {"own"}
    assert {place_of(command.sweep)[:2] for command in made} == {(SWEEP, "learning_rate")}


@given(st.sampled_from(FIELDS), st.text(min_size=1, max_size=30).filter(lambda text: "\n" not in text))
def test_a_place_is_read_as_it_was_written(field, value):
    assert place_of(f"{SWEEP} {field}={value}") == (SWEEP, field, value)


@pytest.mark.parametrize("text", ["", "x", "a b", "a b c=d", "2026 =3"])
def test_what_is_no_place_is_none(text):
    assert place_of(text) is None


def test_random_changes_are_what_suits_or_what_the_recipe_says_or_gentle():
    on, off = swept("augmentation", ("on", "off"), network=LENET)
    assert on.recipe == Recipe() and on.recipe.suit_augmentation
    assert off.recipe.augmentation == Augmentation() and not off.recipe.suit_augmentation
    own = Augmentation(rotate=9)
    on, off = swept("augmentation", ("off", "on"), plain(augmentation=own), network=LENET)
    assert (on.recipe.augmentation, off.recipe.augmentation) == (own, Augmentation())
    mlp = zoo.make("mlp", (1, 28, 28), 10)  # for which nothing suits
    on, off = swept("augmentation", ("on", "off"), plain("mlp"), network=mlp)
    assert (on.recipe.augmentation, off.recipe.augmentation) == (GENTLE, Augmentation())


def test_dropout_is_off_as_it_is_or_of_a_rate():
    alexnet = zoo.make("alexnet", (3, 227, 227), 10)
    made = swept("dropout", ("0.25", "off", "on"), plain("alexnet"), network=alexnet)
    assert [command.recipe.dropout for command in made] == [None, 0.0, 0.25]
    (on,) = swept("dropout", ("on",), plain("alexnet", dropout=0.0), network=alexnet)
    assert on.recipe.dropout is None


def test_variants_add_to_what_the_command_has():
    command = Train(network="resnet-20", recipe=Recipe(), variant="activation=tanh")
    on, off = swept("shortcut", ("on", "off"), command, network=RESNET)
    assert (on.variant, off.variant) == ("activation=tanh", "activation=tanh,shortcut=off")
    relu, tanh = swept("activation", ("relu", "tanh"), command, network=RESNET)
    assert (relu.variant, tanh.variant) == ("activation=relu", "activation=tanh")


def test_repeats_have_seeds_of_their_own():
    made = swept("activation", ("relu", "sigmoid"), plain(seed=7), repeats=3, network=LENET)
    assert [(place_of(command.sweep).value, command.recipe.seed) for command in made] == [
        ("relu", 7), ("relu", 8), ("relu", 9), ("sigmoid", 7), ("sigmoid", 8), ("sigmoid", 9),
    ]  # fmt: skip
    assert {command.recipe.preset for command in made} == {"solid"}


@pytest.mark.parametrize(
    ("field", "values", "more", "words", "culprit"),
    [
        ("learning_rate", ("0.1", "fast"), {}, '"fast" is no number', "fast"),
        ("learning_rate", ("nan",), {}, "no number", "nan"),
        ("learning_rate", ("0.1", "-1"), {}, "-1: The learning rate is -1", "-1"),
        ("batch", ("64", "1.5"), {}, "no whole number", "1.5"),
        ("batch", ("0",), {}, "The batch is 0", "0"),
        ("optimiser", ("lion",), {}, "no choice", "lion"),
        ("optimiser", ("sgd", "muon"), {"command": plain(momentum=0.0)}, "muon: Muon makes", "muon"),
        ("dropout", ("2",), {}, "2: The dropout is 2", "2"),
        ("activation", ("softmax",), {}, "no choice", "softmax"),
        ("shortcut", ("off",), {"network": LENET}, "no shortcuts", "off"),
        ("network", ("resnet-21",), {}, "not a network", "resnet-21"),
        ("network", ("nearest-neighbour",), {"network": LENET}, "no layers", "nearest-neighbour"),
        ("colour", ("red",), {}, "cannot be varied", ""),
        ("seed", ("1", "2"), {"repeats": 2}, "other seeds", ""),
        ("seed", ("1",), {"repeats": 0}, "cannot be trained 0 times", ""),
        ("seed", (), {}, "nothing to train", ""),
        ("seed", tuple(map(str, range(MOST_TRAININGS + 1))), {}, "too many", ""),
    ],
)
def test_what_cannot_be_trained_is_named_with_its_reason(field, values, more, words, culprit):
    with pytest.raises(SweepError, match=words) as refused:
        swept(field, values, **more)
    assert refused.value.value == culprit
    assert refused.value.remedy


def test_numbers_are_sorted_by_size_and_choices_as_they_are_offered():
    assert sorted(("10", "9", "0.5", "1e-3"), key=lambda value: order("learning_rate", value)) == ["1e-3", "0.5", "9", "10"]
    assert sorted(("0.5", "off", "on", "0.25"), key=lambda value: order("dropout", value)) == ["on", "off", "0.25", "0.5"]
    names = ("resnet-20", "plain-110", "plain-20", "own")
    assert sorted(names, key=lambda value: order("network", value)) == ["own", "plain-20", "plain-110", "resnet-20"]


def test_torch_is_not_needed():
    code = "import sys, engine.training.sweeping; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sweep_of_three_rates_is_trained(tmp_path, monkeypatch):
    """Three runs, one a rate, whose records tell their place; the largest rate learns most of the digits in one epoch."""
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path))
    host = EngineThread()
    host.start()
    try:
        job = host.submit(OpenSample())
        assert list(host.wait(job))[-1].outcome is Outcome.COMPLETED
        command = plain("mlp", epochs=1, suit_augmentation=False, least_steps=0)
        made = trainings(SWEEP, "learning_rate", ("1e-7", "1e-4", "0.003"), command)
        jobs = [host.submit(one) for one in made]
        records = [event.record for job in jobs for event in host.wait(job) if isinstance(event, TrainingFinished)]
    finally:
        host.close()
    assert [record.sweep for record in records] == [f"{SWEEP} learning_rate={value}" for value in ("1e-07", "0.0001", "0.003")]
    assert [record.recipe.learning_rate for record in records] == [1e-7, 1e-4, 0.003]
    losses = [record.train_loss for record in records]
    assert all(math.isfinite(loss) for loss in losses) and losses == sorted(losses, reverse=True)
