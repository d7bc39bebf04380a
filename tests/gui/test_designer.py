"""The designer: edits as steps, kept in the project, with the plan following names; by key, by drag, by menu."""

import time
from random import Random

import msgspec
import pytest
from made import opened
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.messages import DeleteNetwork, NetworksChanged, Outcome, ProjectOpened, Remember, SaveNetwork
from engine.networks import editing, zoo
from engine.networks.arithmetic import analyse
from engine.networks.editing.places import places
from engine.networks.files import dump, parse
from engine.networks.layers import Activation, Conv, Flatten, GlobalPool, Linear, Network, Sequence, walk
from gui import plan
from gui.design_actions import DEEDS
from gui.design_history import MERGED_SECONDS, History, Step
from gui.design_holder import QUICK_SECONDS
from gui.design_keeper import KEPT_MILLISECONDS
from gui.designer import Designer

NETWORK = Network(
    "mine",
    "Mine",
    0,
    "own",
    (3, 32, 32),
    3,
    Sequence(
        "body",
        (
            Conv("conv1", 8, (3, 3), (1, 1), (1, 1)),
            Activation("relu1"),
            Conv("conv2", 8, (3, 3), (1, 1), (1, 1)),
            GlobalPool("pool"),
            Flatten("flatten"),
            Linear("linear", 3),
        ),
    ),
)
TYPICAL = '{"pictures":12,"channels":3,"height":32,"width":32}'


def project(networks=(NETWORK,), name="own:mine", read_only="") -> list:
    memory = {plan.NETWORK: name, plan.TYPICAL: TYPICAL, plan.SIZE: "32"}
    return [opened(memory=memory, read_only=read_only), NetworksChanged(networks=tuple(networks))]


def answer_saves(host, bridge) -> None:
    """Let the host keep networks as the project does."""

    def keep(command: SaveNetwork, job: int):
        known = {network.name: network for network in bridge.state.networks if network.name != command.before}
        known[command.network.name] = command.network
        return [NetworksChanged(job=job, networks=tuple(known.values()), added=command.network.name)]

    def delete(command: DeleteNetwork, job: int):
        return [NetworksChanged(job=job, networks=tuple(kept for kept in bridge.state.networks if kept.name != command.name))]

    host.answers[SaveNetwork], host.answers[DeleteNetwork] = keep, delete


@pytest.fixture
def designer(bridge, host) -> Designer:
    host.emit(*project())
    bridge.tick()
    answer_saves(host, bridge)
    made = Designer(bridge)
    made.follow(bridge.state, "own:mine")
    return made


def layers(designer: Designer, container="") -> list[str]:
    return [layer.name for layer in editing.contents(designer.network, container)]


def widen(designer: Designer, filters: int, name="conv1") -> None:
    designer.change_layer(name, replace(designer.layer(name), filters=filters))


# ---------------------------------------------------------------- opening


def test_what_is_shown_fits_the_pictures_and_only_own_networks_can_be_edited(designer, bridge, host):
    assert designer.editable and designer.network == NETWORK and designer.name == "own:mine" and designer.error is None
    designer.follow(bridge.state, "lenet-5")
    assert not designer.editable and designer.why_not and designer.network.input == (3, 32, 32)
    assert not any(action.isEnabled() for action in designer.actions.values())
    designer.select("conv1")
    designer.act("remove")
    assert designer.layer("conv1") is not None
    designer.follow(bridge.state, "nearest-neighbour")
    assert designer.network is None and designer.rows == () and not designer.editable


def test_a_project_that_can_only_be_read_says_why(bridge, host):
    host.emit(*project(read_only="Another program has it open."))
    bridge.tick()
    designer = Designer(bridge)
    designer.follow(bridge.state, "own:mine")
    refused = []
    designer.refused.connect(refused.append)
    widen(designer, 9)
    assert not designer.editable and "Another program has it open." in designer.why_not
    assert refused == [designer.why_not] and designer.network == NETWORK


def test_other_pictures_change_input_and_head_but_nothing_that_is_kept(designer, bridge, host):
    designer.click("conv1")
    bridge.submit(Remember(plan.SIZE, "48"))
    designer.follow(bridge.state, "own:mine")
    assert designer.network.input == (3, 48, 48) and designer.selection == ("conv1",) and not designer.can_undo
    designer.flush()
    assert not host.sent(SaveNetwork)


def test_a_copy_of_the_zoo_becomes_ones_own_and_the_plan_chooses_it(designer, bridge, host):
    designer.follow(bridge.state, "lenet-5")
    name = designer.edit_copy(designer.network)
    assert name == "own:lenet-5-copy" and designer.editable and designer.network.title == "LeNet-5 copy"
    designer.follow(bridge.state, plan.network_name(bridge.state))
    assert designer.name == name, "the project does not know it yet, so what is edited stays"
    bridge.tick()
    assert plan.network_name(bridge.state) == name
    designer.follow(bridge.state, name)
    assert designer.editable and designer.name == name
    assert designer.edit_copy(designer.network) == "own:lenet-5-copy-copy"
    bridge.tick()
    designer.follow(bridge.state, plan.network_name(bridge.state))
    designer.follow(bridge.state, "lenet-5")
    assert designer.edit_copy(designer.network) == "own:lenet-5-copy-2" and designer.network.title == "LeNet-5 copy 2"


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 1, 1), (3, 224, 160)])
def test_an_empty_beginning_works_at_once(designer, bridge, shape):
    assert designer.start_empty(shape, 4) == "own:my-network"
    assert designer.error is None and designer.editable
    assert analyse(designer.network).layers[-1].output == (4, 1, 1)


# ---------------------------------------------------------------- steps


def test_each_change_is_a_step_and_undo_gives_the_old_tree(designer, bridge):
    told = []
    designer.changed.connect(lambda: told.append(designer.network))
    designer.select("conv2")
    designer.act("remove")
    assert "conv2" not in layers(designer) and designer.selection == ("pool",)
    assert designer.undo_text == "Undo: remove conv2" and designer.actions["undo"].text() == "Undo: remove conv2"
    designer.act("duplicate")
    assert designer.selection == ("pool2",)
    designer.undo()
    designer.undo()
    assert designer.network == NETWORK and designer.selection == ("conv2",) and not designer.can_undo
    assert designer.redo_text == "Redo: remove conv2"
    designer.redo()
    assert "conv2" not in layers(designer)
    widen(designer, 5)
    assert not designer.can_redo
    assert told[-1] is designer.network and len(told) == 6


def test_edits_of_one_field_that_follow_quickly_are_one_step(designer):
    for filters in (1, 16, 160):
        widen(designer, filters)
    designer.change_layer("conv1", replace(designer.layer("conv1"), kernel=(5, 5)))
    for name in ("conv1x", "conv1xy"):
        designer.change_layer(name[:-1], replace(designer.layer(name[:-1]), name=name))
    designer.undo()
    assert designer.layer("conv1").kernel == (5, 5)
    designer.undo()
    assert designer.layer("conv1") == replace(NETWORK.body.layers[0], filters=160)
    assert designer.undo_text == "Undo: change filters of conv1"
    designer.undo()
    assert designer.network == NETWORK and not designer.can_undo


def test_slow_edits_are_steps_of_their_own():
    now = [0.0]
    history = History(clock=lambda: now[0])
    for number, seconds in enumerate((0, 0.5, MERGED_SECONDS * 2)):
        now[0] += seconds
        network = replace(NETWORK, year=number + 1)
        history.add(Step(replace(NETWORK, year=number), network, (), (), "year", "year"), "year")
    assert [(step.before.year, step.after.year) for step in history.done] == [(0, 2), (2, 3)]
    history.back()
    now[0] += 0.1
    history.add(Step(replace(NETWORK, year=2), replace(NETWORK, year=9), (), (), "year", "year"), "year")
    assert len(history.done) == 2 and not history.undone


def test_steps_stay_when_another_network_is_looked_at(designer, bridge):
    widen(designer, 5)
    designer.follow(bridge.state, "lenet-5")
    assert not designer.can_undo
    bridge.tick()
    designer.follow(bridge.state, "own:mine")
    assert designer.layer("conv1").filters == 5
    designer.undo()
    assert designer.layer("conv1").filters == 8


def test_what_cannot_be_is_refused_in_a_sentence_and_leaves_no_step(designer):
    refused = []
    designer.refused.connect(refused.append)
    designer.change_layer("conv1", replace(designer.layer("conv1"), name="conv2"))
    assert "called conv2" in refused[-1] and not designer.can_undo
    designer.select(("conv1", "pool"))
    designer.act("residual")
    assert "do not follow each other" in refused[-1]
    designer.drop("pool", False, "nowhere", 0)
    assert refused[-1]
    widen(designer, 4)
    assert refused[-1] == ""


def test_an_unfinished_network_shows_how_far_it_comes(designer):
    designer.select("flatten")
    designer.act("remove")
    assert designer.error.layer == "linear" and [row.name for row in designer.rows][-1] == "pool"
    designer.undo()
    assert designer.error is None


# ---------------------------------------------------------------- what drawing and palette tell


def test_layers_are_added_where_they_fit(designer):
    designer.select("conv2")
    designer.insert_kind("norm:batch")
    assert layers(designer)[3] == "norm1" and designer.selection == ("norm1",)
    designer.insert_kind("residual")
    assert layers(designer)[4] == "residual1" and designer.error is None
    designer.drop("activation:gelu", True, "residual1.body", 0)
    assert layers(designer, "residual1.body")[0] == "gelu1"
    designer.drop("linear", True, "", 0)
    assert designer.error.layer == "linear1", "a drop where it does not fit is taken, and told"


def test_without_selection_layers_are_added_before_the_head(designer):
    assert designer.place == ("", 3) and designer.signal.shape == (8, 32, 32)
    designer.insert_kind("pool:max")
    assert layers(designer)[3] == "pool1" and designer.error is None


def test_drops_move_layers(designer):
    designer.drop("conv2", False, "", 0)
    assert layers(designer)[:2] == ["conv2", "conv1"] and designer.selection == ("conv2",)
    designer.select(("conv2", "conv1"))
    designer.act("block")
    assert designer.selection == ("block1",) and layers(designer, "block1") == ["conv2", "conv1"]
    designer.drop("relu1", False, "block1", 1)
    assert designer.selection == ("block1.relu1",)
    assert designer.undo_text == "Undo: move relu1"


def test_several_move_together(designer):
    designer.select(("conv1", "relu1"))
    designer.act("later")
    assert layers(designer)[:3] == ["conv2", "conv1", "relu1"] and designer.selection == ("conv1", "relu1")
    designer.act("earlier")
    assert designer.network == NETWORK


def test_shift_reaches_and_ctrl_joins(designer, qtbot, monkeypatch):
    held = [Qt.KeyboardModifier.NoModifier]
    monkeypatch.setattr("gui.design_holder.QGuiApplication.keyboardModifiers", staticmethod(lambda: held[0]))
    designer.click("conv2")
    assert designer.selected == "conv2"
    held[0] = Qt.KeyboardModifier.ShiftModifier
    designer.click("conv1")
    assert designer.selection == ("conv1", "relu1", "conv2") and designer.selected == ""
    designer.click("pool")
    assert designer.selection == ("conv2", "pool")
    held[0] = Qt.KeyboardModifier.ControlModifier
    designer.click("linear")
    designer.click("conv2")
    assert designer.selection == ("pool", "linear")


# ---------------------------------------------------------------- keys and menus


@pytest.fixture
def drawing(designer, qtbot):
    """A window whose own shortcut is one of the designer's keys, and the drawing in it."""
    window = QWidget()
    column = QVBoxLayout(window)
    view = QWidget()
    view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    column.addWidget(view)
    qtbot.addWidget(window)
    view.taken = []
    shortcut = QShortcut(Qt.Modifier.CTRL | Qt.Key.Key_D, window)
    shortcut.activated.connect(lambda: view.taken.append("window"))
    designer.install_keys(view)
    window.show()
    window.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    yield view  # while the window lives


def test_keys_act_before_the_windows_shortcuts(designer, drawing):
    control, shift, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
    designer.select("conv1")
    QTest.keyClick(drawing, Qt.Key.Key_D, control)
    assert layers(designer)[1] == "conv3" and drawing.taken == []
    QTest.keyClick(drawing, Qt.Key.Key_Down, alt)
    assert layers(designer)[:3] == ["conv1", "relu1", "conv3"]
    QTest.keyClick(drawing, Qt.Key.Key_Left, alt)
    QTest.keyClick(drawing, Qt.Key.Key_G, control)
    assert designer.selection == ("residual1",) and layers(designer, "residual1.body") == ["conv3"]
    QTest.keyClick(drawing, Qt.Key.Key_U, control | shift)
    assert designer.selection == ("conv3",)
    QTest.keyClick(drawing, Qt.Key.Key_G, control | shift)
    assert layers(designer, "branches1") == ["branch1", "branch2"]
    QTest.keyClick(drawing, Qt.Key.Key_Delete)
    assert layers(designer) == layers_of(NETWORK)
    for _ in range(7):
        QTest.keyClick(drawing, Qt.Key.Key_Z, control)
    assert designer.network == NETWORK
    QTest.keyClick(drawing, Qt.Key.Key_Y, control)
    assert layers(designer)[1] == "conv3"
    wanted = []
    designer.palette_wanted.connect(lambda: wanted.append("palette"))
    designer.rename_wanted.connect(lambda: wanted.append("rename"))
    QTest.keyClick(drawing, Qt.Key.Key_Insert)
    QTest.keyClick(drawing, Qt.Key.Key_F2)
    assert wanted == ["palette", "rename"]


def layers_of(network: Network) -> list[str]:
    return [layer.name for layer in network.body.layers]


def test_keys_are_the_windows_where_nothing_can_be_edited(designer, drawing, bridge):
    designer.follow(bridge.state, "lenet-5")
    QTest.keyClick(drawing, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert drawing.taken == ["window"]


def test_the_menu_offers_what_can_be_done(designer, qtbot):
    designer.select("conv1")
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = designer.menu_for("conv2", parent)
    assert designer.selection == ("conv2",)
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert "Wrap in a residual" in texts and "Unwrap" not in texts and "Add a branch" not in texts
    designer.act("branches")
    texts = [action.text() for action in designer.menu_for("branches1", parent).actions()]
    assert "Unwrap" in texts and "Add a branch" in texts
    designer.act("add_branch")
    assert layers(designer, "branches1") == ["branch1", "branch2", "branch3"] and designer.error is None
    designer.select("branches1.branch1")
    assert not designer.actions["unwrap"].isEnabled()
    assert designer.action_list()[0].text() == DEEDS[0].text
    assert all(action.toolTip() for action in designer.action_list())


def test_the_head_is_fitted(designer):
    designer.change_layer("linear", replace(designer.layer("linear"), units=7))
    assert designer.error is not None
    designer.act("fit_head")
    assert designer.error is None and designer.layer("linear").units == 3


def test_no_key_is_given_twice():
    keys = [word for deed in DEEDS for word in deed.shortcuts]
    assert len(keys) == len(set(keys)) and len({deed.id for deed in DEEDS}) == len(DEEDS)


# ---------------------------------------------------------------- keeping


def test_changes_are_kept_soon_and_together(designer, host, qtbot):
    for filters in range(9, 14):
        widen(designer, filters)
    assert not host.sent(SaveNetwork)
    begin = time.perf_counter()
    qtbot.waitUntil(lambda: bool(host.sent(SaveNetwork)), timeout=2000)
    assert time.perf_counter() - begin < (KEPT_MILLISECONDS + 500) / 1000
    (saved,) = host.sent(SaveNetwork)
    assert saved.network == designer.network and saved.before == "mine"


@pytest.mark.parametrize("leave", ["flush", "other"])
def test_leaving_keeps_at_once(designer, host, bridge, leave):
    widen(designer, 5)
    if leave == "flush":
        designer.flush()
    else:
        designer.follow(bridge.state, "lenet-5")
    (saved,) = host.sent(SaveNetwork)
    assert saved.network.body.layers[0].filters == 5
    designer.flush()
    assert len(host.sent(SaveNetwork)) == 1


def test_an_old_answer_does_not_take_newer_edits_back(designer, host, bridge):
    widen(designer, 5)
    designer.flush()
    widen(designer, 6)
    bridge.tick()
    designer.follow(bridge.state, "own:mine")
    assert designer.layer("conv1").filters == 6 and designer.can_undo
    designer.flush()
    bridge.tick()
    designer.follow(bridge.state, "own:mine")
    assert designer.layer("conv1").filters == 6 and designer.can_undo


def test_a_network_changed_elsewhere_is_shown(designer, host, bridge):
    host.emit(NetworksChanged(networks=(replace(NETWORK, title="Other"),)))
    bridge.tick()
    designer.follow(bridge.state, "own:mine")
    assert designer.network.title == "Other"


def test_another_name_moves_the_file_and_the_plan(designer, host, bridge):
    designer.change_network(replace(designer.network, name="better"))
    designer.flush()
    (saved,) = host.sent(SaveNetwork)
    assert (saved.before, saved.network.name) == ("mine", "better")
    designer.follow(bridge.state, plan.network_name(bridge.state))
    assert designer.network.name == "better"
    bridge.tick()
    assert plan.network_name(bridge.state) == "own:better" == designer.name
    designer.follow(bridge.state, "own:better")
    assert designer.can_undo
    designer.undo()
    designer.flush()
    assert host.sent(SaveNetwork)[-1].before == "better" and host.sent(SaveNetwork)[-1].network.name == "mine"
    bridge.tick()
    assert plan.network_name(bridge.state) == "own:mine"


def test_a_name_that_is_taken_is_refused(bridge, host):
    host.emit(*project((NETWORK, replace(NETWORK, name="Other"))))
    bridge.tick()
    designer = Designer(bridge)
    designer.follow(bridge.state, "own:mine")
    refused = []
    designer.refused.connect(refused.append)
    for name in ("other", "", "  "):
        designer.change_network(replace(designer.network, name=name))
        assert refused[-1] and designer.network.name == "mine"
    designer.change_network(replace(designer.network, title="A title"))
    assert designer.network.title == "A title" and designer.undo_text == "Undo: rename the network"


def test_a_save_that_failed_is_tried_again(designer, host, bridge):
    host.answers.clear()
    widen(designer, 5)
    designer.flush()
    host.finish(len(host.commands), Outcome.FAILED)
    bridge.tick()
    widen(designer, 6)
    designer.flush()
    first, second = host.sent(SaveNetwork)
    assert second.before == first.before == "mine" and second.network.body.layers[0].filters == 6


def test_the_name_that_the_project_gave_is_taken_over(designer, host, bridge):
    host.answers[SaveNetwork] = lambda command, job: [
        NetworksChanged(job=job, networks=(NETWORK, replace(command.network, name="given")), added="given")
    ]
    designer.edit_copy(designer.network)
    bridge.tick()
    assert designer.name == "own:given" == plan.network_name(bridge.state) and designer.network.name == "given"


def test_a_deleted_network_is_not_written_again(designer, host, bridge):
    widen(designer, 5)
    designer.delete()
    bridge.tick()
    assert not designer.editable
    designer.follow(bridge.state, plan.network_name(bridge.state))
    designer.flush()
    assert host.sent(DeleteNetwork)[0].name == "mine" and not host.sent(SaveNetwork)


def test_another_project_begins_anew(designer, host, bridge):
    widen(designer, 5)
    host.emit(msgspec.structs.replace(project()[0], project=opened(folder="/tmp/birds").project), NetworksChanged(networks=()))
    bridge.tick()
    assert isinstance(project()[0], ProjectOpened)
    designer.follow(bridge.state, plan.network_name(bridge.state))
    designer.flush()
    assert not host.sent(SaveNetwork) and not designer.can_undo


# ---------------------------------------------------------------- large ones


def test_a_large_network_is_worked_out_when_the_keys_rest(bridge, host, qtbot):
    big = replace(zoo.make("resnet-110", (3, 32, 32), 3), name="mine")
    host.emit(*project((big,)))
    bridge.tick()
    designer = Designer(bridge)
    designer.follow(bridge.state, "own:mine")
    designer._cost = 2 * QUICK_SECONDS
    told = []
    designer.changed.connect(lambda: told.append(designer.rows[1].output))
    for filters in (8, 9, 10):
        designer.change_layer("stem.conv", replace(designer.layer("stem.conv"), filters=filters))
    assert not told and designer.layer("stem.conv").filters == 10
    qtbot.waitUntil(lambda: bool(told))
    assert told == [(10, 32, 32)]


def test_many_edits_of_a_deep_network_are_quick(bridge, host):
    big = replace(zoo.make("resnet-152", (3, 224, 224), 3), name="mine")
    host.emit(*project((big,)))
    bridge.tick()
    designer = Designer(bridge)
    designer.follow(bridge.state, "own:mine")
    name = next(row.name for row in designer.rows if row.name.endswith("conv2"))
    taken = []
    for number in range(10):
        begin = time.perf_counter()
        designer.change_layer(name, replace(designer.layer(name), dilation=(1, 1 + number % 2), padding=(1, 1 + number % 2)))
        designer.rows  # noqa: B018
        taken.append(time.perf_counter() - begin)
    assert sorted(taken)[0] < 0.1, "16 ms on a quiet machine"


def test_the_memory_of_steps_is_that_of_what_changed(designer):
    for filters in range(9, 200):
        designer._history._last = -10
        widen(designer, filters)
    shared = {id(step.after.body.layers[-1]) for step in designer._history.done}
    assert len(shared) == 1 and len(designer._history.done) == 191


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_can_be_kept_and_undone(designer, seed):
    """Hundreds of actions at random: each leaves a tree that a file can hold, and undo leads back to the beginning."""
    random = Random(seed)
    deeds = [deed.id for deed in DEEDS if deed.id not in ("add", "rename")]
    trees = [designer.network]
    for _ in range(150):
        names = [name for name, _ in walk(designer.network.body)]
        designer.select(random.sample(names, min(len(names), random.choice((0, 1, 1, 1, 2)))))
        act = random.choice(("act", "act", "add", "drop", "move"))
        if act == "act":
            designer.act(random.choice(deeds))
        elif act == "add" and len(names) < 60:
            designer.insert_kind(random.choice(sorted(editing.KINDS)))
        elif names:
            where, index = random.choice(list(places(designer.network)))
            if act == "drop" and len(names) < 60:
                designer.drop(random.choice(sorted(editing.KINDS)), True, where, index)
            else:
                designer.drop(random.choice(names), False, where, index)
        assert parse(dump(designer.network), "own.json", complete=False) == designer.network
        found = [name for name, _ in walk(designer.network.body)]
        assert len(found) == len(set(found)) and set(designer.selection) <= set(found)
        trees.append(designer.network)
    end = designer.network
    while designer.can_undo:
        designer.undo()
        assert designer.network in trees
    assert designer.network == trees[0]
    while designer.can_redo:
        designer.redo()
    assert designer.network == end or end in trees
