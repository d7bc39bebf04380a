"""Editing of trees: what is meant changes, nothing else does, and what comes out can be kept."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from torch import nn

from engine.networks import editing, zoo
from engine.networks.arithmetic import NetworkError, analyse, analyse_partly
from engine.networks.editing.names import TAKEN_BY_TORCH
from engine.networks.editing.places import leaving, places
from engine.networks.files import dump, parse
from engine.networks.kinds import Signal, effect_of
from engine.networks.layers import (
    LAYER_TYPES,
    Activation,
    Attention,
    Auxiliary,
    Branches,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Network,
    Norm,
    PatchEmbedding,
    Pool,
    Residual,
    Sequence,
    TokenPool,
    walk,
)


def named(network: Network) -> list[str]:
    return [name for name, _ in walk(network.body)]


def kinds(network: Network) -> list[str]:
    return sorted(type(layer).__name__ for _, layer in walk(network.body))


def network(*layers, input=(3, 16, 16), classes=5) -> Network:
    return Network("own", "Own", 0, "own", input, classes, Sequence("body", layers))


def same(kernel):
    return (kernel, kernel), (1, 1), (kernel // 2, kernel // 2)


@st.composite
def networks(draw) -> Network:
    """A valid network with every kind of container, on maps and perhaps on tokens."""
    width = draw(st.sampled_from([4, 8]))
    number = iter(range(100))

    def conv(channels=width, stride=1):
        return Conv(f"conv{next(number)}", channels, (3, 3), (stride, stride), (1, 1))

    layers = [conv()]
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["conv", "norm", "residual", "projected", "branches", "block", "head", "empty"]))
        name = f"{kind}{next(number)}"
        if kind == "conv":
            layers.append(conv())
        elif kind == "norm":
            layers.append(Norm(name))
        elif kind == "residual":
            layers.append(Residual(name, (conv(), Activation("relu"), conv())))
        elif kind == "projected":
            layers.append(Residual(name, (conv(stride=2), Norm("norm")), (Conv("conv", width, (1, 1), (2, 2)),)))
        elif kind == "branches":
            layers.append(Branches(name, (Sequence("a", (conv(),)), Sequence("b", ()), Sequence("c", (conv(3), Norm("norm"))))))
            layers.append(conv())
        elif kind == "block":
            layers = [Sequence(name, tuple(layers))]
        elif kind == "head":
            layers.append(Auxiliary(name, (GlobalPool("pool"), Flatten("flatten"), Linear("linear", 5))))
        else:
            layers.append(Sequence(name, ()))
    if draw(st.booleans()):
        attention = Residual("attention", (Norm("norm", "layer"), Attention("attention", 2)))
        layers += [PatchEmbedding("patches", 8, (1, 1)), attention, TokenPool("pool", "mean")]
    else:
        layers += [GlobalPool("pool"), Flatten("flatten")]
    return network(*layers, Linear("linear", 5))


def check_kept(before: Network, after: Network) -> None:
    """Names are unique, a file holds it, and layers of a name that was there before are as they were."""
    names = named(after)
    assert len(names) == len(set(names))
    assert parse(dump(after), "own.json", complete=False) == after
    old = dict(walk(before.body))
    for name, layer in walk(after.body):
        if name in old and not editing.is_container(layer):
            assert layer == old[name]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.data())
def test_operations_leave_all_else_as_it_is(before, data):
    analyse(before)
    copy = parse(dump(before), "own.json")
    names = named(before)
    name = data.draw(st.sampled_from(names))
    container, own = editing.split_name(name)
    where, index = data.draw(st.sampled_from(list(places(before))))
    inserted = editing.insert(before, where, index, Norm("norm"))
    (added,) = editing.new_names(before, inserted)
    assert editing.layer_at(inserted, added).name.startswith("norm")
    assert editing.remove(inserted, [added]) == before
    check_kept(before, inserted)
    removed = editing.remove(before, [name])
    assert name not in named(removed) and not any(left.startswith(name + ".") for left in named(removed))
    check_kept(before, removed)
    doubled = editing.duplicate(before, [name])
    (twin,) = editing.new_names(before, doubled)
    assert replace(editing.layer_at(doubled, twin), name=own) == editing.layer_at(before, name)
    check_kept(before, doubled)
    renamed = editing.replace_layer(before, name, replace(editing.layer_at(before, name), name="another"))
    assert editing.replace_layer(renamed, editing.joined(container, "another"), editing.layer_at(before, name)) == before
    check_kept(before, renamed)
    for steps in (1, -1):
        check_kept(before, editing.step(before, name, steps))
    if where == name or where.startswith(name + "."):
        with pytest.raises(NetworkError, match="into itself"):
            editing.move(before, name, where, index)
    else:
        moved = editing.move(before, name, where, index)
        assert kinds(moved) == kinds(before)
        check_kept(before, moved)
    for wrap in (editing.wrap_residual, editing.wrap_branches, editing.wrap_sequence):
        try:
            wrapped = wrap(before, [name])
        except NetworkError:
            continue
        check_kept(before, wrapped)
        (holder,) = editing.new_names(before, wrapped)
        if not editing.is_branching(before, container):
            assert editing.unwrap(wrapped, holder) == before
    assert before == copy, "undo is the old tree, which nothing has changed"


@settings(max_examples=100, deadline=None)
@given(networks(), st.data())
def test_wrapped_layers_work_at_once(before, data):
    """A residual never changes the shape, so that the whole network stays valid; branches meet in maps of one size."""
    container = data.draw(st.sampled_from(sorted({where for where, _ in places(before)})))
    inside = editing.contents(before, container)
    if not inside:
        return
    first = data.draw(st.integers(0, len(inside) - 1))
    last = data.draw(st.integers(first, len(inside) - 1))
    names = [editing.joined(container, layer.name) for layer in inside[first : last + 1]]
    try:
        wrapped = editing.wrap_residual(before, names)
    except NetworkError as error:
        assert "No shortcut leads from" in error.message
    else:
        assert analyse(wrapped).layers[-1].output == (5, 1, 1)
    try:
        wrapped = editing.wrap_branches(before, names)
    except NetworkError as error:
        assert "cannot be joined" in error.message or "No shortcut" in error.message
    else:
        (holder,) = editing.new_names(before, wrapped)
        rows, error = analyse_partly(wrapped)
        assert error is None or error.layer != holder
        grown = editing.add_branch(wrapped, holder)
        rows, error = analyse_partly(grown)
        assert (error is None or error.layer != holder) and holder in [row.name for row in rows]


@settings(max_examples=60, deadline=None)
@given(networks(), st.data())
def test_a_new_layer_fits_where_it_is_put(before, data):
    rows = {row.name: row for row in analyse(before).layers}
    where, index = data.draw(st.sampled_from(list(places(before))))
    signal = editing.signal_at(before, where, index, rows)
    probed = editing.insert(before, where, index, Activation("probe"))
    (name,) = editing.new_names(before, probed)
    assert {row.name: row for row in analyse(probed).layers}[name].entering == signal
    kind = data.draw(st.sampled_from(sorted(editing.KINDS)))
    reason = editing.why_not(kind, signal)
    if reason is not None:
        with pytest.raises(NetworkError):
            editing.new_layer(kind, signal, before.classes)
        return
    made = editing.new_layer(kind, signal, before.classes)
    after = editing.insert(before, where, index, made)
    check_kept(before, after)
    (name,) = editing.new_names(before, after)
    _, error = analyse_partly(after)
    assert error is None or not (error.layer == name or error.layer.startswith(name + ".")), str(error)
    if not editing.is_container(made):
        effect_of(made, signal)


@pytest.mark.parametrize("signal", [None, Signal((1, 1, 1)), Signal((3, 1, 9)), Signal((7, 224, 224)), Signal((84, 1, 1), "flat")])
@pytest.mark.parametrize("kind", sorted(editing.KINDS))
def test_every_kind_can_be_made(kind, signal):
    made = editing.plain_layer(kind, signal, 10)
    editing.check_fields(made, "new")
    if editing.why_not(kind, signal) is None:
        assert editing.new_layer(kind, signal, 10) == made


def test_every_record_can_be_added():
    tags = {str(record.__struct_config__.tag) for record in LAYER_TYPES}
    assert tags <= set(editing.KINDS)
    for kind in editing.KINDS:
        made = editing.plain_layer(kind, None)
        if kind.split(":")[0] in tags:
            assert msgspec.to_builtins(made)["type"] == kind.split(":")[0]


def test_new_layers_follow_what_comes_before():
    maps, tokens = Signal((64, 28, 28)), Signal((192, 65, 1), "tokens", (8, 8), 1)
    assert editing.new_layer("conv", maps) == Conv("conv1", 64, *same(3))
    assert editing.new_layer("pool", Signal((8, 1, 6))) == Pool("pool1", "max", (1, 2), (1, 2))
    assert editing.new_layer("patch-embedding", Signal((3, 224, 224))).patch == (16, 16)
    assert editing.new_layer("patch-embedding", maps).patch == (7, 7)
    assert editing.new_layer("attention", tokens).heads == 3
    assert editing.new_layer("norm", tokens).kind == "layer" and editing.new_layer("activation", tokens).kind == "gelu"
    assert editing.new_layer("token-pool", tokens).kind == "class"
    reason, remedy = editing.why_not("linear", maps)
    assert reason == "This layer needs a row of values, but gets maps of 64×28×28." and remedy == "Put a flatten layer before it."
    assert editing.why_not("norm:batch", tokens) is not None and editing.why_not("branches", tokens) is not None
    with pytest.raises(NetworkError, match="no layer of kind"):
        editing.new_layer("konv", maps)


# ---------------------------------------------------------------- places, by name

SMALL = network(
    Conv("conv1", 8, *same(3)),
    Residual("block1", (Conv("conv1", 8, *same(3)), Norm("norm1")), (Norm("norm"),)),
    Branches("mixed", (Sequence("branch1", (Conv("conv1", 4, (1, 1)),)), Sequence("branch2", ()))),
    Auxiliary("aux1", (GlobalPool("pool"), Flatten("flatten"), Linear("linear", 5))),
    GlobalPool("pool"),
    Flatten("flatten"),
    Linear("linear", 5),
)


def test_containers_are_addressed_as_rows_are_named():
    for where in ("", "block1.body", "block1.shortcut", "mixed.branch1", "mixed.branch2", "aux1"):
        after = editing.insert(SMALL, where, 0, Activation("relu"))
        assert editing.new_names(SMALL, after) == (editing.joined(where, "relu"),)
    branch = editing.insert(SMALL, "mixed", 1, Activation("relu"))
    assert editing.contents(branch, "mixed")[1] == Sequence("branch3", (Activation("relu"),))
    for where in ("conv1", "block1", "block1.middle", "nowhere", "mixed.branch9"):
        with pytest.raises(NetworkError):
            editing.insert(SMALL, where, 0, Activation("relu"))


def test_a_taken_name_gets_the_next_number():
    after = editing.insert(SMALL, "", 1, Conv("conv1", 8, (1, 1)))
    assert editing.contents(after, "")[1].name == "conv2"
    assert editing.fresh_name(("a" + 63 * "9",), "a" + 63 * "9") != "a" + 63 * "9"
    assert editing.fresh_name(("conv9",), "conv9") == "conv10"


def test_the_last_branch_takes_the_branching_with_it():
    one = editing.remove(SMALL, ["mixed.branch2"])
    assert [layer.name for layer in editing.contents(one, "mixed")] == ["branch1"]
    assert "mixed" not in named(editing.remove(one, ["mixed.branch1"]))
    assert "mixed" not in named(editing.remove(SMALL, ["mixed.branch1", "mixed", "mixed.branch2"]))


def test_layers_move_in_and_out_of_containers():
    after = editing.move(SMALL, "conv1", "block1.body", 0)
    assert [layer.name for layer in editing.contents(after, "block1.body")] == ["conv2", "conv1", "norm1"]
    assert editing.move(SMALL, "pool", "", 4) == editing.move(SMALL, "pool", "", 5) == SMALL
    assert [layer.name for layer in editing.move(SMALL, "pool", "", 6).body.layers][-3:] == ["flatten", "pool", "linear"]
    with pytest.raises(NetworkError, match="cannot be moved into itself"):
        editing.move(SMALL, "block1", "block1.shortcut", 0)
    with pytest.raises(NetworkError, match="cannot be moved into itself"):
        editing.move(SMALL, "mixed.branch1", "mixed.branch1", 0)


def test_steps_lead_along_the_signal_and_back():
    seen, current, name = [], SMALL, "conv1"
    while True:
        after = editing.step(current, name, 1)
        if after == current:
            break
        brought = editing.new_names(current, after)
        current, name = after, brought[0] if brought else name
        seen.append(editing.split_name(name)[0])
    inside = ["block1.body"] * 3 + ["block1.shortcut"] * 2 + [""] + ["mixed.branch1"] * 2 + ["mixed.branch2", ""] + ["aux1"] * 4
    assert seen == [*inside, "", "", "", ""]
    turned = editing.step(SMALL, "mixed.branch2", -1)
    assert [layer.name for layer in editing.contents(turned, "mixed")] == ["branch2", "branch1"]
    assert editing.step(turned, "mixed.branch2", -1) == turned


def test_a_projection_is_found_where_shapes_differ():
    strided = network(Conv("conv1", 8, (3, 3), (2, 2), (1, 1)), Norm("norm"), GlobalPool("pool"), Flatten("flatten"), Linear("linear", 5))
    wrapped = editing.wrap_residual(strided, ["conv1", "norm"])
    residual = editing.layer_at(wrapped, "residual1")
    assert residual.shortcut == (Conv("conv", 8, (1, 1), (2, 2), bias=False), Norm("norm"))
    shrinking = network(Conv("conv1", 8, (5, 5)), GlobalPool("pool"), Flatten("flatten"), Linear("linear", 5))
    for wrap in (editing.wrap_residual, editing.wrap_branches):
        assert analyse(wrap(shrinking, ["conv1"])).layers[0].output == (8, 12, 12)
    (conv,) = editing.layer_at(editing.wrap_residual(shrinking, ["conv1"]), "residual1").shortcut
    assert conv == Conv("conv", 8, (5, 5))
    growing = network(Conv("conv1", 8, (1, 1), (1, 1), (0, 0)), Conv("conv2", 8, (2, 2), (1, 1), (1, 1)), *shrinking.body.layers[1:])
    assert analyse(editing.wrap_residual(growing, ["conv2"])).layers
    with pytest.raises(NetworkError, match="do not follow each other"):
        editing.wrap_residual(SMALL, ["conv1", "mixed"])
    with pytest.raises(NetworkError, match="do not follow each other"):
        editing.wrap_sequence(SMALL, ["conv1", "block1.body.conv1"])
    with pytest.raises(NetworkError, match="beside each other"):
        editing.wrap_sequence(SMALL, ["mixed.branch1", "mixed.branch2"])
    with pytest.raises(NetworkError, match="no layer to wrap"):
        editing.wrap_residual(SMALL, ["mixed.branch2"])


def test_a_branch_stays_a_branch():
    wrapped = editing.wrap_residual(SMALL, ["mixed.branch1"])
    assert editing.new_names(SMALL, wrapped) == ("mixed.branch1.residual1",)
    with pytest.raises(NetworkError, match="is a branch"):
        editing.unwrap(SMALL, "mixed.branch1")
    with pytest.raises(NetworkError, match="must be a sequence"):
        editing.replace_layer(SMALL, "mixed.branch1", Norm("branch1"))
    with pytest.raises(NetworkError, match="holds no layers"):
        editing.unwrap(SMALL, "conv1")
    with pytest.raises(NetworkError, match="has no branches"):
        editing.add_branch(SMALL, "conv1")


def test_unwrapping_gives_fresh_names():
    after = editing.unwrap(SMALL, "block1")
    assert [layer.name for layer in after.body.layers][:3] == ["conv1", "conv2", "norm1"]


def test_nothing_is_nested_too_deep():
    deep = SMALL
    with pytest.raises(NetworkError, match="nested more than 64 deep"):
        for _ in range(70):
            deep = editing.wrap_sequence(deep, [deep.body.layers[0].name])
    assert analyse(deep) and parse(dump(deep), "own.json") == deep


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Conv("conv1", 0, (3, 3)), "filters"),
        (Conv("conv1", 8, (0, 3)), "kernel"),
        (Conv("", 8, (3, 3)), "needs a name"),
        (Conv("1st", 8, (3, 3)), 'cannot be called "1st"'),
        (Conv("a.b", 8, (3, 3)), "cannot be called"),
        (Conv("x" * 65, 8, (3, 3)), "cannot be called"),
        (Conv("forward", 8, (3, 3)), "meaning in torch"),
        (Conv("pool", 8, (3, 3)), "There is a layer called pool"),
    ],
)
def test_a_record_that_cannot_be_is_refused(record, words):
    with pytest.raises(NetworkError, match=words):
        editing.replace_layer(SMALL, "conv1", record)


def test_words_of_torch_are_known_without_it():
    visible = {word for word in dir(nn.Sequential) if not word.startswith("_")}
    assert visible <= TAKEN_BY_TORCH


def test_the_head_follows_the_classes():
    wider = editing.fitted(SMALL, (1, 32, 32), 7)
    assert editing.layer_at(wider, "linear").units == editing.layer_at(wider, "aux1.linear").units == 7
    assert analyse(wider).classes == 7
    assert editing.fitted(SMALL, SMALL.input, 5) is SMALL
    headless = network(Conv("conv1", 8, (3, 3)))
    assert editing.fitted(headless, (1, 9, 9), 2).body is headless.body
    with pytest.raises(NetworkError, match="does not end in a linear layer"):
        editing.fit_head(headless)


def test_records_beside_the_way_stay_the_same_objects():
    deep = zoo.make("resnet-50", (3, 64, 64), 10)
    name = next(name for name, layer in walk(deep.body) if isinstance(layer, Conv) and name.count(".") > 2)
    after = editing.replace_layer(deep, name, replace(editing.layer_at(deep, name), bias=True))
    old, new = dict(walk(deep.body)), dict(walk(after.body))
    changed = {key for key in old if old[key] is not new[key]}
    assert changed == {key for key in old if name == key or name.startswith(key + ".")}


def test_what_leaves_a_row_is_what_enters_the_next():
    rows = analyse(zoo.make("vit-tiny", (3, 32, 32), 10)).layers
    for row in rows:
        for source in row.sources:
            if source >= 0:
                assert leaving(rows[source]) == row.entering
