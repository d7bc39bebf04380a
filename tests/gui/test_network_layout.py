"""The layout of networks' drawings: everything is there once, nothing overlaps, sizes follow the signal."""

from __future__ import annotations

import itertools
import math
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_networks import HEAD, PLAIN, TREE, conv, network, networks

from engine.networks import zoo
from engine.networks.arithmetic import analyse, analyse_partly
from engine.networks.layers import Conv, Network, Pool, Residual, Sequence, walk
from gui.widgets.network_camera import Camera
from gui.widgets.network_drawing import boxes_of
from gui.widgets.network_layout import MARGIN, lay_out
from gui.widgets.network_outline import MOST_BLOCKS, Outline
from gui.widgets.network_records import Box, Drawing
from gui.widgets.network_shapes import Scale
from gui.widgets.network_sight import Sight, span_of
from gui.widgets.network_words import operation, size_text, tip_of_row, tone_of

VIEW = (1000.0, 400.0)


def measure(text: str) -> float:
    return 6.2 * len(text)


def outline_of(made: Network, rows_only: bool = False) -> Outline:
    rows, error = analyse_partly(made)
    return Outline(None if rows_only else made, rows, error)


def drawn(made: Network, opened: frozenset[str] | None = None, view=VIEW, **more) -> Drawing:
    outline = outline_of(made, more.pop("rows_only", False))
    return lay_out(outline, outline.all_containers() if opened is None else opened, measure, view, **more)


def from_zoo(name: str) -> Network:
    card = zoo.card(name)
    return zoo.make(name, card.default_input, card.default_classes or 10)


def names_in(drawing: Drawing) -> list[str]:
    """Every layer that is drawn, as often as it is."""
    own = [box.name for box in drawing.boxes if box.name and box.shape != "plate"]
    return own + [note.name for box in drawing.boxes for note in box.notes]


def box(drawing: Drawing, name: str) -> Box:
    return next(box for box in drawing.boxes if box.name == name)


def overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def assert_sound(drawing: Drawing) -> None:
    whole = (0.0, 0.0, drawing.width, drawing.height)
    for one in drawing.boxes:
        left, top, right, bottom = one.body_span()
        assert whole[0] <= left < right <= whole[2] and whole[1] <= top < bottom <= whole[3], one.name
        if one.notes:
            assert one.note_span(len(one.notes) - 1)[3] <= drawing.height
    for one, other in itertools.combinations(drawing.boxes, 2):
        assert not overlap(one.body_span(), other.body_span()), (one.name, other.name)
    for wire in drawing.wires:
        left, top, right, bottom = span_of(wire)
        assert left >= 0 and top >= 0 and right <= drawing.width and bottom <= drawing.height


def words_in(drawing: Drawing):
    """What all boxes and words cover."""
    for one in drawing.boxes:
        x, y = one.middle
        yield one.body_span()
        for number, text in enumerate(one.captions):
            top = one.bottom + 3 + 13 * number
            yield x - measure(text) / 2, top, x + measure(text) / 2, top + 12
        for number, note in enumerate(one.notes):
            wide, (_, top, _, bottom) = 0.9 * measure(note.text), one.note_span(number)
            yield x - wide / 2, top, x + wide / 2, bottom - 1
        wire = one.left - 8 - one.aside - (one.lead - one.aside - 12) / 2
        for text, top in ((one.above, y - 15), (one.below, y + 2)):
            if text:
                yield wire - measure(text) / 2, top, wire + measure(text) / 2, top + 12
    for tag in drawing.tags:
        yield tag.left, tag.top, tag.left + measure(tag.text), tag.top + 11
    for frame in drawing.frames:
        left, top, _, _ = frame.span
        yield left + 4, top + 2, left + 20 + measure(frame.title) + (8 + measure(frame.word) if frame.word else 0), top + 15


def assert_clear(drawing: Drawing) -> None:
    """No words lie on others or on a box."""
    for one, other in itertools.combinations(words_in(drawing), 2):
        assert not overlap(one, other), (one, other)


# ---------------------------------------------------------------- everything once, nothing on top of another


def test_a_tree_shows_each_layer_once():
    drawing = drawn(TREE)
    wanted = [row.name for row in analyse(TREE).layers]
    assert sorted(names_in(drawing)) == sorted(wanted)
    assert_sound(drawing)
    assert {frame.name for frame in drawing.frames} == {"block1", "mixed", "auxiliary", "stage", "stage.block2"}
    assert [tag.text for tag in drawing.tags] == ["branch1", "branch2", "branch3"]
    assert set(drawing.order) >= set(wanted)


@settings(max_examples=60, deadline=None)
@given(networks, st.sampled_from([(400.0, 300.0), (1000.0, 400.0), (3000.0, 200.0)]), st.booleans(), st.booleans())
def test_random_trees_are_drawn_whole_and_nothing_overlaps(made, view, editable, rows_only):
    rows, error = analyse_partly(made)
    assert error is None
    drawing = drawn(made, view=view, editable=editable, rows_only=rows_only)
    assert sorted(names_in(drawing)) == sorted(row.name for row in rows)
    assert_sound(drawing)
    assert_clear(drawing)
    for frame in drawing.frames:
        left, top, right, bottom = frame.span
        for one in drawing.boxes:
            if one.name.startswith(frame.name + "."):
                inner = one.body_span()
                assert left <= inner[0] and top <= inner[1] and right >= inner[2] and bottom >= inner[3]


@settings(max_examples=40, deadline=None)
@given(networks, st.data())
def test_whatever_is_closed_is_one_block(made, data):
    outline = outline_of(made)
    everything = sorted(outline.all_containers())
    opened = frozenset(data.draw(st.sets(st.sampled_from(everything)))) if everything else frozenset()
    drawing = lay_out(outline, opened, measure, VIEW, editable=True)
    assert_sound(drawing)
    closed = [one.name for one in drawing.boxes if one.shape == "closed"]
    seen = names_in(drawing)
    for name in [row.name for row in outline.rows]:
        holders = [block for block in closed if name == block or name.startswith(block + ".")]
        assert len(holders) == 1 if name not in seen or name in closed else not holders
    assert sum(name in seen or any(name.startswith(block + ".") for block in closed) for name in (row.name for row in outline.rows)) == len(
        outline.rows
    )


@pytest.mark.parametrize("rows_only", [False, True])
@pytest.mark.parametrize("name", ["lenet-5-1998", "resnet-18", "googlenet", "vit-tiny", "mobilenet-v3-small"])
def test_words_of_known_networks_do_not_collide(name, rows_only):
    drawing = drawn(from_zoo(name), view=(1500.0, 600.0), rows_only=rows_only)
    assert_sound(drawing)
    assert_clear(drawing)


def test_long_rows_are_folded_like_text():
    made = network(*(conv(f"conv{number}") for number in range(30)), *HEAD)
    narrow, wide = drawn(made, view=(600.0, 600.0)), drawn(made, view=(9000.0, 200.0))
    assert narrow.width < wide.width and narrow.height > wide.height
    assert len({one.middle[1] for one in wide.boxes}) == 1 and len({round(one.middle[1]) for one in narrow.boxes}) > 2
    zoom = min(600 / narrow.width, 600 / narrow.height)
    assert zoom > 600 / wide.width * 1.5
    assert_sound(narrow)


# ---------------------------------------------------------------- what it looks like


def test_boxes_are_to_scale():
    drawing = drawn(PLAIN)
    first, second = box(drawing, "conv1"), box(drawing, "conv2")
    assert first.height > second.height and first.width > second.width and first.depth < second.depth
    assert first.height / second.height == pytest.approx(math.sqrt(32 / 16))
    assert first.captions == ("16 × 32 × 32",) and box(drawing, "linear").captions == ("10",)
    assert (first.above, first.below) == ("conv", "3×3") and box(drawing, "conv2").below == "3×3 / 2"
    assert [note.text for note in first.notes] == ["ReLU"] and box(drawing, "mean").notes[0].text == "Flatten"
    assert drawing.boxes[0].captions == ("input", "3 × 32 × 32")


@given(st.integers(1, 512), st.integers(1, 512), st.integers(1, 4096), st.integers(1, 4096))
def test_larger_maps_are_never_drawn_smaller(one, other, few, many):
    scale = Scale(512, 4096, 4096, 1)
    (one, other), (few, many) = sorted((one, other)), sorted((few, many))
    _, width, height, depth = scale.box((few, one + 1, one + 1), "maps")
    _, wider, higher, deeper = scale.box((many, other + 1, other + 1), "maps")
    assert width <= wider and height <= higher and depth <= deeper
    assert scale.box((few, 1, 1), "flat")[2] <= scale.box((many, 1, 1), "flat")[2]


def test_a_residual_has_its_shortcut_above_and_a_sum():
    drawing = drawn(TREE)
    body, meet = box(drawing, "block1.body.conv1"), box(drawing, "block1")
    assert meet.shape == "sum" and meet.left > body.left
    arcs = [wire for wire in drawing.wires if wire.points[-1][0] == pytest.approx(meet.middle[0]) and wire.points[-1][1] < meet.middle[1]]
    assert len(arcs) == 1 and min(point[1] for point in arcs[0].points) < body.body_span()[1]
    projected = box(drawing, "stage.block2.shortcut.conv")
    assert projected.bottom < box(drawing, "stage.block2.body.conv").body_span()[1]
    assert [note.name for note in meet.notes] == ["relu2"]
    plate = box(drawing, "block1.body.norm1")
    assert plate.shape == "plate" and [note.name for note in plate.notes] == ["block1.body.norm1", "block1.body.relu1"]


def test_branches_lie_below_each_other_and_join():
    drawing = drawn(TREE)
    first, third, meet = box(drawing, "mixed.branch1.conv"), box(drawing, "mixed.branch3.a"), box(drawing, "mixed")
    assert first.middle[1] < meet.middle[1] < third.middle[1] and meet.left > box(drawing, "mixed.branch3.b").left
    assert meet.captions == ("32 × 32 × 32",)
    into = [wire for wire in drawing.wires if wire.points[-1] == (pytest.approx(meet.left), pytest.approx(meet.middle[1]))]
    assert len(into) == 3


def test_an_auxiliary_head_hangs_dashed_below():
    drawing = drawn(TREE)
    head = [one for one in drawing.boxes if one.name.startswith("auxiliary.")]
    assert head and all(one.dashed and one.middle[1] > box(drawing, "mixed").middle[1] for one in head)
    assert any(wire.dashed for wire in drawing.wires) and not box(drawing, "linear").dashed
    again = drawn(TREE, rows_only=True)
    assert all(one.dashed for one in again.boxes if one.name.startswith("auxiliary."))
    assert not box(again, "linear").dashed


def test_a_closed_container_tells_its_layers_and_its_size():
    drawing = drawn(TREE, opened=frozenset())
    closed = {one.name: one for one in drawing.boxes if one.shape == "closed"}
    assert closed["block1"].captions == ("block1", "16 × 32 × 32", "4 layers")
    assert closed["stage"].captions == ("stage", "32 × 16 × 16", "3 layers")
    assert closed["auxiliary"].captions == ("auxiliary", "3 layers") and closed["auxiliary"].dashed
    assert not drawing.frames


def test_a_block_of_one_residual_has_one_frame():
    made = from_zoo("resnet-18")
    drawing = drawn(made)
    assert "stage1.block1" in {frame.name for frame in drawing.frames} and "stage1.block1.residual" not in {
        frame.name for frame in drawing.frames
    }
    assert box(drawing, "stage1.block1.residual").notes[0].text == "ReLU"


def test_tokens_are_sheets():
    drawing = drawn(from_zoo("vit-tiny"), view=(1500.0, 600.0))
    assert box(drawing, "patches").shape == "tokens" and box(drawing, "patches").captions == ("64 × 128",)
    assert box(drawing, "token").captions == ("65 × 128",) and box(drawing, "token").notes[0].text == "+ position"
    attention = box(drawing, "block1.attention.body.attention")
    assert (attention.above, attention.below, attention.tone) == ("attention", "4 heads", "tokens")


# ---------------------------------------------------------------- networks that are not yet right


def test_what_comes_after_an_error_is_grey_and_without_sizes():
    made = network(conv("conv1"), Residual("block", (conv("conv", 32),)), Sequence("after", (conv("a"), conv("b"))), *HEAD)
    drawing = drawn(made)
    assert box(drawing, "block").state == "wrong" and box(drawing, "block.body.conv").state == ""
    for name in ("after.a", "after.b", "mean", "linear"):
        assert box(drawing, name).state == "unknown" and not box(drawing, name).captions
    assert box(drawing, "after.a").below == "3×3" and box(drawing, "mean").above == "global mean"
    closed = drawn(made, opened=frozenset())
    assert {one.name: one.state for one in closed.boxes} == {
        "": "", "conv1": "", "block": "wrong", "after": "unknown", "mean": "unknown", "linear": "unknown"
    }  # fmt: skip


def test_an_error_within_a_closed_container_shows_on_it():
    made = network(conv("conv1"), Sequence("stage", (conv("a"), Pool("pool", "max", (99, 99), (1, 1)))), *HEAD)
    assert box(drawn(made, opened=frozenset()), "stage").state == "wrong"
    assert box(drawn(made), "stage.pool").state == "wrong"


def test_unfinished_and_odd_networks_are_drawn():
    for made in (
        network(),
        network(Sequence("empty", ())),
        network(Residual("block", ())),
        network(conv("twice"), conv("twice")),
        network(Conv("wide", 5, (40, 40))),
    ):
        rows, error = analyse_partly(made)
        outline = Outline(made, rows, error)
        assert_sound(lay_out(outline, outline.all_containers(), measure, VIEW, editable=True))
    assert lay_out(Outline(None, ()), frozenset(), measure, VIEW).boxes


def test_every_place_among_layers_can_be_dropped_into():
    slots = {(slot.container, slot.index) for slot in drawn(TREE, editable=True).slots}
    wanted = {("", number) for number in range(len(TREE.body.layers) + 1)}
    for container, length in {
        "block1.body": 4, "block1.shortcut": 0, "mixed.branch1": 2, "mixed.branch2": 0, "mixed.branch3": 2, "auxiliary": 3, "stage": 2,
        "stage.block2.body": 1, "stage.block2.shortcut": 1,
    }.items():  # fmt: skip
        wanted |= {(container, number) for number in range(length + 1)}
    assert slots == wanted
    assert not drawn(TREE).slots


@settings(max_examples=40, deadline=None)
@given(networks)
def test_places_to_drop_are_those_of_the_tree(made):
    wanted = set()
    for name, layer in (("", made.body), *walk(made.body)):
        if isinstance(layer, Residual):
            parts = ((f"{name}.body", layer.body), (f"{name}.shortcut", layer.shortcut))
        else:
            parts = ((name, layer.layers),) if isinstance(layer, Sequence) else ()
        wanted |= {(part, number) for part, layers in parts for number in range(len(layers) + 1)}
    assert {(slot.container, slot.index) for slot in drawn(made, editable=True).slots} == wanted


# ---------------------------------------------------------------- what is open at first


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.card(name).kind == "network" and not name.startswith("plain")])
def test_the_zoo_shows_about_forty_blocks_at_first(name):
    outline = outline_of(from_zoo(name))
    blocks = sum(not node.quiet for node in outline.body().nodes)
    drawing = lay_out(outline, outline.open_at_first(), measure, VIEW, editable=False)
    loud = sum(one.shape != "plate" for one in drawing.boxes) - 1
    assert loud <= max(MOST_BLOCKS, blocks)
    assert_sound(drawing)
    everything = sum(not node.quiet for top in outline.body().nodes for node in outline.leaves(top))
    meetings = sum(row.kind in ("Sum", "Join") for row in outline.rows)
    if everything + meetings <= MOST_BLOCKS:
        assert not any(one.shape == "closed" for one in drawing.boxes)


def test_deep_networks_are_laid_out_in_no_time():
    rows = analyse(made := from_zoo("resnet-1202")).layers
    begin = time.perf_counter()
    outline = Outline(made, rows)
    drawing = lay_out(outline, outline.open_at_first(), measure, VIEW)
    first = time.perf_counter() - begin
    everything = lay_out(outline, outline.all_containers(), measure, VIEW)
    assert first < 0.1 and time.perf_counter() - begin < 2
    assert len(drawing.boxes) < 50 and len(everything.boxes) > 1700
    assert everything.height < 3 * everything.width


# ---------------------------------------------------------------- networks known by rows alone


def test_rows_alone_are_grouped_by_their_names():
    drawing = drawn(from_zoo("resnet-18"), rows_only=True)
    rows = analyse(from_zoo("resnet-18")).layers
    assert sorted(set(names_in(drawing))) == sorted(row.name for row in rows)
    assert {"stage1", "stage1.block1", "stage2.block1.residual.shortcut"} <= {frame.name for frame in drawing.frames}
    body, shortcut = box(drawing, "stage2.block1.residual.body.conv1"), box(drawing, "stage2.block1.residual.shortcut.conv")
    assert body.middle[1] != shortcut.middle[1]


def test_rows_without_sources_follow_each_other():
    rows = tuple(msgspec.structs.replace(row, sources=(), jump=None, receptive_field=None, offset=None) for row in analyse(PLAIN).layers)
    outline = Outline(None, rows)
    drawing = lay_out(outline, frozenset(), measure, VIEW)
    assert [one.name for one in drawing.boxes] == ["", "conv1", "conv2", "mean", "linear"]
    assert "receptive field" not in tip_of_row(rows[0]) and "3 × 32 × 32 → 16 × 32 × 32" in tip_of_row(rows[0])


# ---------------------------------------------------------------- words, small pictures


def test_words_of_layers():
    rows = analyse(from_zoo("mobilenet-v2")).by_name()
    tree = dict(walk(from_zoo("mobilenet-v2").body))
    depthwise = next(name for name, row in rows.items() if row.kind == "Depthwise convolution")
    assert operation(rows[depthwise], tree[depthwise])[0] == "depthwise" and tone_of(rows[depthwise], None) == "convolution"
    assert size_text((768, 197, 1), "tokens") == "197 × 768" and size_text((4096, 1, 1), "flat") == "4096"
    tip = tip_of_row(rows[depthwise])
    assert "size 1 +" in tip and "receptive field" in tip and "multiply-adds" in tip


@pytest.mark.parametrize("name", ["resnet-1202", "googlenet", "vit-h-14", "vgg-19", "lenet-5"])
def test_small_pictures_have_few_boxes_and_all_layers(name):
    worked = analyse(from_zoo(name))
    boxes = boxes_of(worked, "input")
    assert len(boxes) <= 12
    assert sorted(layer for one in boxes for layer in one.layers) == sorted(row.name for row in worked.layers)
    assert all(len(one.tip.splitlines()) < 30 for one in boxes)
    assert boxes[-1].shape == worked.layers[-1].output
    assert any(one.shortcut for one in boxes) == name.startswith(("resnet", "vit")) and any(one.lanes > 1 for one in boxes) == (
        name == "googlenet"
    )


# ---------------------------------------------------------------- finding, and the camera


def test_what_is_seen_is_what_touches_the_view():
    drawing = drawn(from_zoo("resnet-50"), view=(600.0, 400.0))
    sight = Sight(drawing)
    whole = sight.seen((0.0, 0.0, drawing.width, drawing.height))
    assert len(whole.boxes) == len(drawing.boxes)
    part = (300.0, 200.0, 700.0, 500.0)
    seen = {id(one) for one in sight.seen(part).boxes}
    assert {id(one) for one in drawing.boxes if overlap(one.span(), part)} <= seen and len(seen) < len(drawing.boxes)
    for one in drawing.boxes:
        if one.name and one.shape != "closed":
            hit = sight.at(*one.middle)
            assert hit is not None and hit.name == one.name
    assert sight.shown("stage1.block1.residual.body.conv1.nothing") == "stage1.block1.residual.body.conv1" and sight.shown("nothing") == ""


def test_arrows_reach_everything():
    drawing = drawn(TREE)
    sight = Sight(drawing)
    reached, name = [], ""
    for _ in drawing.order:
        name = sight.next(name, 1)
        reached.append(name)
    assert tuple(reached) == drawing.order and sight.next(reached[-1], 1) == reached[-1]
    assert sight.beside("mixed.branch1.conv", down=True) != "mixed.branch1.conv"


@given(st.lists(st.tuples(st.sampled_from(["pan", "zoom", "centre", "fit"]), st.floats(-900, 900), st.floats(-900, 900)), max_size=12))
def test_the_camera_never_loses_the_drawing(moves):
    camera = Camera()
    camera.set_sizes((1000.0, 400.0), (3000.0, 5000.0))
    for move, x, y in moves:
        if move == "pan":
            camera.pan(x, y)
        elif move == "zoom":
            before = camera.to_scene(500.0, 200.0)
            old = camera.seen
            camera.zoom_by(2 ** (x / 400), (500.0, 200.0))
            if camera.seen[0] > 0 and camera.seen[2] < 3000 and old[0] > 0 and old[2] < 3000:
                assert camera.to_scene(500.0, 200.0)[0] == pytest.approx(before[0])
        elif move == "centre":
            camera.centre(x, y)
        else:
            camera.fit()
        left, top, right, bottom = camera.seen
        assert right > 0 and bottom > 0 and left < 3000 and top < 5000
        assert camera.to_view(*camera.to_scene(12.0, 34.0)) == (pytest.approx(12.0), pytest.approx(34.0))
    camera.reveal((100.0, 100.0, 140.0, 160.0), 0.0)
    left, top, right, bottom = camera.seen
    assert left <= 100.001 and top <= 100.001 and (right >= 139.999 or right - left < 40) and (bottom >= 159.999 or bottom - top < 60)


def test_margins_hold():
    drawing = drawn(PLAIN)
    assert min(one.body_span()[0] for one in drawing.boxes) >= MARGIN
