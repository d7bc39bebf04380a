"""Back through the epochs: what is asked for, what is shown, and what happens while a training goes on."""

import msgspec
import numpy as np
import pytest
from made import answered, opened, run_record, started

from engine.messages import EpochDone, FailureText, LoadMoment, Moment, MomentLoaded, Outcome, RunsChanged
from gui.state import FIELDS, RunSelected
from gui.widgets.moment_scrubber import MomentScrubber


def moment(epoch: int, heat: bool = True) -> Moment:
    return Moment(
        epoch=epoch,
        filters=np.full((6, 5, 5, 1), epoch, np.float32),
        maps=np.full((6, 8, 8), -epoch, np.float32),
        confusion=np.eye(3, dtype=np.int64) * epoch,
        heat=np.full((8, 8), 0.5, np.float32) if heat else None,
        box=(1, 1, 7, 7) if heat else None,
        picture=np.full((8, 8, 3), 90, np.uint8),
    )


def epoch_done(number: int, run: str = "run-1") -> EpochDone:
    figures = {"train_loss": 1.0, "train_accuracy": 0.5, "validation_loss": 1.0, "validation_accuracy": 0.5}
    return EpochDone(run=run, epoch=number, step=10 * number, confusion=np.eye(3, dtype=np.int64), **figures)


@pytest.fixture
def scrubber(qtbot, bridge) -> MomentScrubber:
    made = MomentScrubber(bridge)
    qtbot.addWidget(made)
    made.resize(640, 700)
    return made


@pytest.fixture
def kept(host) -> list[int]:
    """Epochs that the engine says were kept; it answers as `load_moment` does."""
    epochs: list[int] = []

    def answer(command: LoadMoment, job: int):
        if epochs:
            nearest = min(epochs, key=lambda epoch: (abs(epoch - command.epoch), epoch))
            yield MomentLoaded(job=job, run=command.run, moment=moment(nearest), epochs=tuple(epochs))

    host.answers[LoadMoment] = answer
    return epochs


def test_a_finished_run_opens_at_its_end_and_is_gone_back_through(scrubber, bridge, host, kept):
    kept.extend((1, 2, 4, 8, 9))
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=9),)))
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown.epoch == 9 and scrubber.number.text() == "epoch 9 of 9" and scrubber.slider.maximum() == 4
    for place, epoch in ((0, 1), (2, 4), (0, 1)):
        scrubber.slider.setValue(place)
        answered(scrubber, bridge, host, FIELDS)
        assert scrubber.shown.epoch == epoch and (scrubber.filters._tensor == epoch).all() and scrubber.matrix._matrix[0, 0] == epoch
    assert [command.epoch for command in host.sent(LoadMoment)] == [9, 1, 4]  # the first is not read twice


def test_hidden_it_asks_for_nothing(scrubber, bridge, host, kept):
    kept.append(1)
    host.emit(opened(4, runs=(run_record(epochs=1),)))
    answered(scrubber, bridge, host, FIELDS)
    assert not host.sent(LoadMoment)
    scrubber.show()
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown.epoch == 1


def test_it_follows_a_training_at_its_end_and_stays_where_someone_looks(scrubber, bridge, host, kept):
    scrubber.show()
    host.emit(opened(4), started())
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown is None and scrubber.words.isVisible() and not scrubber.slider.isVisible()
    for number in (1, 2, 3):
        kept.append(number)
        host.emit(epoch_done(number))
        answered(scrubber, bridge, host, FIELDS)
        assert scrubber.shown.epoch == number
    scrubber.slider.setValue(0)
    kept.append(4)
    host.emit(epoch_done(4))
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown.epoch == 1 and scrubber.number.text() == "epoch 1 of 4"


def test_one_question_at_a_time_and_the_last_one_wins(scrubber, bridge, host, kept):
    kept.extend(range(1, 21))
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=20),)))
    answered(scrubber, bridge, host, FIELDS)
    asked = len(host.sent(LoadMoment))
    for place in range(18, 4, -1):  # dragged quickly, before an answer is taken
        scrubber.slider.setValue(place)
    assert len(host.sent(LoadMoment)) == asked + 1
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown.epoch == 6 and len(host.sent(LoadMoment)) == asked + 2


def test_a_run_that_kept_nothing_says_so(scrubber, bridge, host):
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=3),)))
    answered(scrubber, bridge, host, FIELDS)
    job = len(host.commands)
    assert isinstance(host.commands[-1], LoadMoment)
    host.begin(job)
    host.finish(job, Outcome.FAILED, FailureText("UserError", "The run run-1 kept nothing of its epochs.", "Train again."))
    answered(scrubber, bridge, host, FIELDS)
    assert "kept nothing" in scrubber.words.text() and scrubber.words.isVisible() and scrubber.shown is None
    answered(scrubber, bridge, host, FIELDS)
    assert len(host.sent(LoadMoment)) == 1  # it is not asked again and again


def test_another_run_is_shown_when_it_is_chosen(scrubber, bridge, host, kept):
    kept.extend((1, 2))
    scrubber.show()
    host.emit(opened(4, runs=(run_record("new", epochs=2), run_record("old", epochs=2))))
    answered(scrubber, bridge, host, FIELDS)
    bridge.dispatch(RunSelected(run="old"))
    answered(scrubber, bridge, host, FIELDS)
    assert [command.run for command in host.sent(LoadMoment)] == ["new", "old"]
    host.emit(RunsChanged(runs=()))
    bridge.dispatch(RunSelected(run=None))
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown is None and not scrubber.slider.isVisible()


def test_it_plays_from_the_beginning_to_the_end(scrubber, bridge, host, kept, qtbot):
    kept.extend((1, 2, 3))
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=3),)))
    answered(scrubber, bridge, host, FIELDS)
    scrubber.play.click()
    seen = []

    def done() -> bool:
        answered(scrubber, bridge, host, FIELDS)
        seen.append(scrubber.shown.epoch)
        return not scrubber.timer.isActive()

    scrubber.timer.setInterval(1)
    qtbot.waitUntil(done, timeout=5000)
    assert sorted(set(seen)) == [1, 2, 3] and seen[-1] == 3 and scrubber.play.text() == "Play"


@pytest.mark.parametrize("size", [(360, 520), (640, 700)])
def test_it_fits_where_it_is_put(scrubber, bridge, host, kept, size):
    kept.append(1)
    scrubber.resize(*size)
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=1),)))
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.width() <= size[0] and scrubber.height() <= size[1] and not scrubber.grab().isNull()


def test_a_run_in_its_first_epoch_is_not_asked_for(scrubber, bridge, host):
    scrubber.show()
    host.emit(opened(4), started())
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.words.text() == "The first epoch is not done yet." and not host.sent(LoadMoment)


def test_what_was_read_before_a_run_grew_is_read_again(scrubber, bridge, host, kept):
    kept.extend((1, 2))
    scrubber.show()
    host.emit(opened(4, runs=(run_record("new", epochs=2), run_record("old", epochs=2))))
    answered(scrubber, bridge, host, FIELDS)
    bridge.dispatch(RunSelected(run="old"))
    answered(scrubber, bridge, host, FIELDS)
    kept.extend((3, 4))
    host.emit(RunsChanged(runs=(run_record("new", epochs=4), run_record("old", epochs=2))))
    bridge.dispatch(RunSelected(run="new"))
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown.epoch == 4 and scrubber.slider.maximum() == 3 and scrubber.number.text().startswith("epoch 4 of 4")


def test_an_epoch_that_ends_while_another_is_read_is_asked_for_afterwards(scrubber, bridge, host, kept):
    scrubber.show()
    host.emit(opened(4), started())
    kept.append(1)
    host.emit(epoch_done(1))
    bridge.tick()
    scrubber.render(bridge.state, FIELDS)  # asks for epoch 1, and is not answered yet
    host.emit(epoch_done(2))
    answered(scrubber, bridge, host, FIELDS)
    kept.append(2)
    host.emit(epoch_done(3))
    kept.append(3)
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.shown.epoch == 3 and scrubber.number.text() == "epoch 3 of 3"


def test_an_epoch_that_was_not_kept_is_asked_for_once(scrubber, bridge, host, kept):
    kept.extend((1, 2))
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=3),)))
    for _ in range(3):
        answered(scrubber, bridge, host, FIELDS)
    assert len(host.sent(LoadMoment)) == 1 and scrubber.number.text().startswith("epoch 2 of 3")


def test_the_kept_epoch_is_marked(scrubber, bridge, host, kept):
    kept.extend((1, 2, 3))
    scrubber.show()
    host.emit(opened(4, runs=(msgspec.structs.replace(run_record(epochs=3), best_epoch=2),)))
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.slider.mark == 1 and scrubber.number.text() == "epoch 3 of 3"
    scrubber.slider.setValue(1)
    answered(scrubber, bridge, host, FIELDS)
    assert scrubber.number.text() == "epoch 2 of 3, kept" and not scrubber.grab().isNull()


def test_the_slider_stays_where_it_is_while_it_plays(scrubber, bridge, host, kept, qtbot):
    kept.extend((1, 2, 3))
    scrubber.show()
    host.emit(opened(4, runs=(run_record(epochs=3),)))
    answered(scrubber, bridge, host, FIELDS)
    qtbot.waitUntil(lambda: scrubber.slider.x() > 0)
    before = scrubber.slider.geometry()
    scrubber.play.click()
    scrubber.layout().activate()
    assert scrubber.play.text() == "Pause" and scrubber.slider.x() == before.x()
    scrubber.stop()
