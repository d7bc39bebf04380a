"""Ensembles: the mean of several runs, as one more run everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine import messages as m
from engine.commands import predicting
from engine.commands.output import Output
from engine.control import Cancelled, CancelToken
from engine.data.contracts import blank, distinct, pack, unpack
from engine.data.dataset import from_snapshot
from engine.data.decoding import at_working_size
from engine.data.locators import read_located
from engine.data.preprocessing import Preprocessing
from engine.evaluation.evaluate import evaluate_run
from engine.failure import UserError
from engine.messages import Event
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.project.runs import load_record
from engine.session import Session
from engine.training.recipe import Recipe
from engine.training.saved import load_run


class Bench:
    """A project of three plain classes, with runs of different kinds and sizes."""

    def __init__(self, root: Path) -> None:
        rng = np.random.default_rng(0)
        for name, level in (("dark", 30), ("light", 190), ("middle", 100)):
            (root / name).mkdir(parents=True)
            for number in range(24):
                Image.fromarray(np.uint8(rng.integers(0, 60, (14, 14, 3)) + level)).save(root / name / f"{name} {number}.png")
        self.session = Session()
        self.ask(m.NewProject("Three"))
        self.ask(m.ImportPaths((str(root),)))
        self.small = self.train("softmax", Recipe(epochs=3), 12)
        self.large = self.train("softmax", Recipe(epochs=3, seed=1), 20)
        self.near = self.train("nearest-neighbour", Recipe(), 12)
        self.project = self.session.opened()

    def ask(self, command: m.Command, token: CancelToken | None = None) -> list[Event]:
        events: list[Event] = []
        self.session.run(command, token or CancelToken(), events.append)
        return events

    def train(self, network: str, recipe: Recipe, size: int) -> RunRecord:
        return finished(self.ask(m.Train(network=network, recipe=recipe, size=size)))

    def combine(self, *chosen: RunRecord, title: str = "") -> RunRecord:
        return finished(self.ask(m.CombineRuns(tuple(run.id for run in chosen), title)))


def finished(events: list[Event]) -> RunRecord:
    return next(event.record for event in events if isinstance(event, m.TrainingFinished))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_HOME", str(tmp_path_factory.mktemp("projects")))
        bench = Bench(tmp_path_factory.mktemp("set"))
        yield bench
        bench.project.close()


@pytest.fixture
def bench(made: Bench) -> Iterator[Bench]:
    """The same project for every test, with the runs that it began with."""
    yield made
    kept = {made.small.id, made.large.id, made.near.id}
    for run in sorted(made.project.runs(), key=lambda run: not run.members):
        if run.id not in kept:
            made.ask(m.DeleteRun(run.id))


def picture_of(bench: Bench, row: int = 0) -> np.ndarray:
    snapshot = bench.project.snapshot
    return read_located(snapshot.locators[row], snapshot.root)


def test_it_answers_with_the_mean_of_members_that_each_see_the_picture_at_their_own_size(bench: Bench) -> None:
    record = bench.combine(bench.small, bench.large, bench.near)
    run = load_run(record.folder)
    assert [(contract.height, contract.width) for contract in run.contracts] == [(12, 12), (20, 20)]
    path = next(Path(bench.project.folder, "images").rglob("*.png"))
    packed = run.taken(lambda contract: at_working_size(path, contract))[None]
    alone = [load_run(member.folder) for member in (bench.small, bench.large, bench.near)]
    expected = np.mean([one.probabilities(at_working_size(path, one.record.preprocessing)[None]) for one in alone], axis=0)
    assert np.allclose(run.probabilities(packed), expected, atol=1e-6)
    assert run.probabilities(packed).dtype == np.float32
    assert run.probabilities(packed[:0]).shape == (0, 3)


def test_its_record_sums_up_its_members_and_is_measured_as_they_are(bench: Bench) -> None:
    events = bench.ask(m.CombineRuns((bench.small.id, bench.large.id)))
    record = finished(events)
    assert record.members == (bench.small.id, bench.large.id)
    assert (record.network, record.title) == ("ensemble", f"2 × {bench.small.title}")
    assert record.parameters == bench.small.parameters + bench.large.parameters
    assert record.seconds == pytest.approx(bench.small.seconds + bench.large.seconds)
    assert record.test_accuracy is not None and record.validation_accuracy is not None
    assert load_record(record.folder).members == record.members
    told = [event for event in events if isinstance(event, m.RunsChanged | m.TrainingFinished)]
    assert isinstance(told[0], m.RunsChanged) and told[0].runs[0].id == record.id
    dataset = from_snapshot(bench.project.snapshot)
    evaluation = evaluate_run(record.folder, dataset, dataset.rows(Split.TEST), CancelToken())
    assert evaluation.accuracy == pytest.approx(record.test_accuracy)
    assert evaluation.seen_in_training == 0
    assert evaluate_run(record.folder, dataset, dataset.rows(Split.TRAIN), CancelToken()).seen_in_training == len(dataset.rows(Split.TRAIN))


def test_it_serves_wherever_a_run_does(bench: Bench) -> None:
    record = bench.combine(bench.large, bench.near)
    scores = next(event for event in bench.ask(m.ScoreImages(record.id)) if isinstance(event, m.ScoresReady))
    assert (scores.predicted == bench.project.snapshot.table.class_ids).mean() > 0.8
    ready = bench.ask(m.UseRun(record.id))[0]
    assert isinstance(ready, m.ModelReady) and ready.layers == ()
    answer = bench.ask(m.ClassifyPicture(picture_of(bench), "one"))[0]
    assert isinstance(answer, m.Classified) and answer.probabilities.sum() == pytest.approx(1, abs=1e-5)
    bench.ask(m.SetLabels((int(bench.project.snapshot.table.ids[0]),), None))
    suggested = next(event for event in bench.ask(m.SuggestLabels(record.id)) if isinstance(event, m.SuggestionsReady))
    assert suggested.source == record.title
    bench.ask(m.Undo())
    assert any(isinstance(event, m.FindingsReady) for event in bench.ask(m.Examine(run=record.id)))
    image = int(bench.project.snapshot.table.ids[0])
    with pytest.raises(UserError, match="mean of 2 runs"):
        bench.ask(m.ProbeUnit(record.id, image, "linear", 0, 0, 0))
    bench.ask(m.UseRun(None))


def test_the_commands_take_its_folder(bench: Bench) -> None:
    record = bench.combine(bench.small, bench.large)
    run, pixels_of = predicting._classifier(record.folder, None, Output(True), CancelToken())
    files = sorted(Path(bench.project.folder, "images").rglob("*.png"))[:5]
    rows = predicting._answers(run, pixels_of, files, 3)
    assert all({"label", "probability"} <= row.keys() for row in rows)


def test_classes_are_matched_by_their_ids_whatever_their_order_and_names(bench: Bench) -> None:
    first = bench.project.snapshot.classes[0]
    bench.ask(m.MoveClass(first.id, 2))
    turned = bench.train("softmax", Recipe(epochs=3, seed=2), 12)
    assert turned.classes != bench.small.classes
    bench.ask(m.RenameClass(first.id, "night"))
    record = bench.combine(bench.small, turned)
    run = load_run(record.folder)
    pixels = np.random.default_rng(1).integers(0, 255, (6, 12, 12, run.record.preprocessing.channels), dtype=np.uint8)
    one, other = load_run(bench.small.folder), load_run(turned.folder)
    places = [other.classes.index(name) for name in one.classes]
    assert np.allclose(run.probabilities(pixels), (one.probabilities(pixels) + other.probabilities(pixels)[:, places]) / 2, atol=1e-6)
    assert "night" in run.classes and record.test_accuracy > 0.6
    bench.ask(m.Undo())
    bench.ask(m.Undo())


def test_an_ensemble_in_an_ensemble_stands_for_its_members(bench: Bench) -> None:
    pair = bench.combine(bench.small, bench.large, title="  A   pair ")
    assert pair.title == "A pair"
    assert bench.combine(pair, bench.small, bench.near).members == (bench.small.id, bench.large.id, bench.near.id)


def test_what_cannot_be_combined_is_refused_and_leaves_nothing(bench: Bench) -> None:
    before = sorted(path.name for path in bench.project.runs_folder.iterdir())
    for chosen in ((), (bench.small.id,), (bench.small.id, bench.small.id)):
        with pytest.raises(UserError, match="two runs"):
            bench.ask(m.CombineRuns(chosen))
    with pytest.raises(UserError, match="has no run"):
        bench.ask(m.CombineRuns((bench.small.id, "../elsewhere")))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        bench.ask(m.CombineRuns((bench.small.id, bench.large.id)), token)
    other = msgspec.structs.replace(load_record(bench.near.folder), id="other", class_ids=(1, 2, 77))
    runs.save_record(bench.project.runs_folder / "other", other)
    (bench.project.runs_folder / "other" / "weights.safetensors").write_bytes(Path(bench.near.folder, "weights.safetensors").read_bytes())
    with pytest.raises(UserError, match="does not answer with the classes"):
        bench.ask(m.CombineRuns((bench.small.id, "other")))
    bench.ask(m.DeleteRun("other"))
    assert sorted(path.name for path in bench.project.runs_folder.iterdir() if path.name != ".deleted") == [
        name for name in before if name != ".deleted"
    ]


def test_a_member_that_is_needed_is_not_deleted_and_one_that_is_gone_is_named(bench: Bench) -> None:
    record = bench.combine(bench.small, bench.large, title="Both")
    with pytest.raises(UserError, match='the ensemble "Both" needs it'):
        bench.ask(m.DeleteRun(bench.small.id))
    weights = Path(bench.large.folder, "weights.safetensors")
    kept = weights.read_bytes()
    weights.write_bytes(kept[:40])
    with pytest.raises(UserError, match=f'The ensemble "Both" needs the run {bench.large.id}. The weights'):
        load_run(record.folder)
    weights.unlink()
    with pytest.raises(UserError, match=f"needs the run {bench.large.id}"):
        load_run(record.folder)
    weights.write_bytes(kept)


@pytest.mark.parametrize("name", ["../softmax-1", "", ".", "..", ".deleted", "a/b", "a\\b"])
def test_records_that_lead_elsewhere_are_refused(bench: Bench, name: str) -> None:
    record = bench.combine(bench.small, bench.large)
    path = Path(record.folder, runs.RECORD)
    path.write_text(json.dumps({**json.loads(path.read_text()), "members": [bench.small.id, name]}))
    with pytest.raises(UserError, match="makes no sense"):
        load_run(record.folder)


def test_an_ensemble_of_itself_ends(bench: Bench) -> None:
    record = bench.combine(bench.small, bench.large)
    path = Path(record.folder, runs.RECORD)
    path.write_text(json.dumps({**json.loads(path.read_text()), "members": [record.id, record.id]}))
    with pytest.raises(UserError, match="is an ensemble itself"):
        load_run(record.folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), "members": [bench.small.id, bench.large.id]}))


SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from((1, 3)))


@given(st.lists(SIZES, min_size=1, max_size=4), st.integers(0, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_what_is_packed_comes_out_again(sizes: list[tuple[int, int, int]], count: int, seed: int) -> None:
    contracts = distinct([Preprocessing(height, width, channels) for height, width, channels in sizes])
    assert len(contracts) == len(set(sizes))
    rng = np.random.default_rng(seed)
    parts = [rng.integers(0, 256, (count, like.height, like.width, like.channels), dtype=np.uint8) for like in contracts]
    packed = pack(parts)
    assert packed.shape == blank(count, contracts).shape
    for part, again in zip(parts, unpack(packed, contracts), strict=True):
        assert np.array_equal(part, again)
