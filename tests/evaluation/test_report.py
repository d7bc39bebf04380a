"""Reports: whole, self-contained, escaped, and honest about what could not be made."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.evaluation import report_figures, report_parts
from engine.failure import UserError
from engine.messages import Event
from engine.project import runs
from engine.project.records import RunRecord
from engine.session import Session
from engine.training.recipe import Recipe
from engine.training.saved import NETWORK, WEIGHTS

HOSTILE = '<script>alert("1")</script>&\u202e<img src=x onerror=y>'
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Checks that every element is closed where it should be, and keeps what a browser would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


class Bench:
    """A project with hostile names and runs of three kinds."""

    def __init__(self, root: Path) -> None:
        rng = np.random.default_rng(0)
        for name, level in (("dark", 30), ("light", 150)):
            (root / name).mkdir(parents=True)
            for number in range(24):
                Image.fromarray(np.uint8(rng.integers(0, 100, (14, 20, 3)) + level)).save(root / name / f"{name} {number}.png")
        self.session = Session()
        self.ask(m.NewProject("Two & <b>"))
        self.ask(m.ImportPaths((str(root),)))
        self.project = self.session.opened()
        self.ask(m.RenameClass(self.project.snapshot.classes[0].id, HOSTILE))
        self.learned = self.train("small-cnn", Recipe(epochs=2))
        self.near = self.train("nearest-neighbour", Recipe(neighbours=3))
        self.ask(m.EditRun(self.learned.id, title=HOSTILE, note=HOSTILE))
        made = self.ask(m.CombineRuns((self.learned.id, self.near.id)))
        self.both = next(event.record for event in made if isinstance(event, m.TrainingFinished))

    def ask(self, command: m.Command, token: CancelToken | None = None) -> list[Event]:
        events: list[Event] = []
        self.session.run(command, token or CancelToken(), events.append)
        return events

    def train(self, network: str, recipe: Recipe) -> RunRecord:
        trained = self.ask(m.Train(network=network, recipe=recipe))
        return next(event.record for event in trained if isinstance(event, m.TrainingFinished))

    def report(self, run: RunRecord, path: Path) -> str:
        told = self.ask(m.WriteReport(run.id, str(path)))[-1]
        assert isinstance(told, m.ReportWritten) and told.path == str(path) and told.run == run.id
        return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEA_HOME", str(tmp_path_factory.mktemp("projects")))
        made = Bench(tmp_path_factory.mktemp("set"))
        yield made
        made.project.close()


def flat(reader: Reader) -> str:
    return " ".join(" ".join(reader.words).split())


@pytest.mark.parametrize("which", ["learned", "near", "both"])
def test_a_report_is_one_whole_file_that_fetches_and_runs_nothing(bench: Bench, tmp_path: Path, which: str) -> None:
    text = bench.report(getattr(bench, which), tmp_path / "report.html")
    reader = Reader(text)
    assert reader.open == []
    assert "script" not in reader.tags and not reader.handlers and "link" not in reader.tags
    assert all(source.startswith("data:image/jpeg;base64,") for source in reader.sources)
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "could not be made" not in text
    for title in ("Data", "Network", "Recipe", "Learning", "On the test pictures", "Confusion", "By class", "Surroundings"):
        assert title in flat(reader)
    assert "<script>" in flat(reader)  # the name of the class, as words


def test_it_says_what_there_is_to_say_of_a_trained_run(bench: Bench, tmp_path: Path) -> None:
    text = bench.report(bench.learned, tmp_path / "report.html")
    words = flat(Reader(text))
    for expected in (
        f"{bench.learned.parameters:,}",
        "learning rate 0.006",
        bench.learned.precision,
        "Loss (nats)",
        "Accuracy (%)",
        "Convolution",
        "project Two & <b>",
    ):
        assert expected in words
    assert report_parts.share(bench.learned.test_accuracy) in text
    assert text.count("<path ") == 6


def test_it_says_who_an_ensemble_is_and_how_neighbours_vote(bench: Bench, tmp_path: Path) -> None:
    words = flat(Reader(bench.report(bench.both, tmp_path / "both.html")))
    assert "The mean of the probabilities of 2 runs." in words and bench.near.id in words
    words = flat(Reader(bench.report(bench.near, tmp_path / "near.html")))
    assert "the 3 nearest training pictures by L2 distance vote" in words and "neighbours 3" in words


def test_mistakes_are_shown_with_their_pictures(bench: Bench, tmp_path: Path) -> None:
    snapshot = bench.project.snapshot
    first, second = (record.id for record in snapshot.classes[:2])
    tests = [image for image, split in zip(snapshot.table.ids.tolist(), snapshot.table.splits.tolist(), strict=True) if split == 3]
    classes = dict(zip(snapshot.table.ids.tolist(), snapshot.table.class_ids.tolist(), strict=True))
    wrong = tuple(tests[:2])
    bench.ask(m.LabelEach(wrong, tuple(second if classes[image] == first else first for image in wrong)))
    reader = Reader(bench.report(bench.near, tmp_path / "report.html"))
    assert len(reader.sources) >= 1 and "Mistakes:" in flat(reader)
    data = np.frombuffer(base64.b64decode(reader.sources[0].partition(",")[2]), np.uint8)
    assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (14, 20, 3)
    assert "the labelled pictures were changed since it was trained" in flat(reader)
    bench.ask(m.Undo())


@pytest.mark.parametrize(
    ("file", "part"),
    [(NETWORK, "Network"), (WEIGHTS, "On the test pictures"), (runs.HISTORY, "Learning")],
    ids=["network", "weights", "curves"],
)
def test_a_damaged_file_is_told_in_its_part_and_the_others_stand(bench: Bench, tmp_path: Path, file: str, part: str) -> None:
    path = Path(bench.learned.folder) / file
    kept = path.read_bytes()
    path.write_bytes(kept[: len(kept) // 2])
    try:
        text = bench.report(bench.learned, tmp_path / "report.html")
    finally:
        path.write_bytes(kept)
    sections = {section.partition("</h2>")[0]: section for section in text.split("<section><h2>")[1:]}
    assert "could not be made" in sections[part]
    assert "could not be made" not in sections["Data"] and "could not be made" not in sections["Surroundings"]
    assert Reader(text).open == []


def test_where_it_cannot_be_written_the_old_report_stays(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        bench.ask(m.WriteReport(bench.near.id, str(tmp_path / "nowhere" / "report.html")))
    with pytest.raises(UserError, match="has no run"):
        bench.ask(m.WriteReport("../x", str(tmp_path / "report.html")))
    (tmp_path / "report.html").write_text("old")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        bench.ask(m.WriteReport(bench.near.id, str(tmp_path / "report.html")), token)
    assert (tmp_path / "report.html").read_text() == "old"
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(OSError, match="taken"):
        bench.ask(m.WriteReport(bench.near.id, str(tmp_path / "taken.html")))


@given(st.text(st.characters(codec=None)))
def test_no_words_become_markup(words: str) -> None:
    made = report_parts.text(words)
    made.encode()
    assert not set("<>\"'") & set(made)
    reader = Reader(f"<p>{made}</p>")
    assert reader.tags == ["p"] and reader.open == []


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=40), st.integers(1, 100))
def test_any_curve_is_drawn_within_its_frame(values: list[float], times: int) -> None:
    y = np.array(values * times, np.float32)
    svg = report_figures.plot("Loss", "step", [report_figures.Series("a", "bold", np.arange(1, len(y) + 1), y)])
    assert "nan" not in svg.replace("<title>", "") and "inf" not in svg
    assert Reader(svg).open == []
    for number in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", svg):
        assert -1 <= float(number[0]) <= report_figures.WIDTH + 1 and -1 <= float(number[1]) <= report_figures.HEIGHT + 1


def test_long_curves_become_short_by_means() -> None:
    line = report_figures.thinned(report_figures.Series("a", "thin", np.arange(1, 100_001), np.arange(100_000, dtype=np.float32)))
    assert len(line.y) == report_figures.MOST_POINTS
    assert line.y.mean() == pytest.approx(49_999.5, rel=1e-3) and line.x[-1] == 100_000


def test_of_a_thousand_classes_the_most_frequent_confusions_are_named() -> None:
    matrix = np.diag(np.full(1000, 9))
    matrix[3, 7] = 5
    text = report_parts.confusion([f"class {number}" for number in range(1000)], matrix)
    assert "class 3" in text and "35.7" in text and text.count("<tr>") == 2
