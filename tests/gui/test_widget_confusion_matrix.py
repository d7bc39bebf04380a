"""The confusion matrix: every cell is found again, told in words, and leads somewhere."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSizeF, Qt
from PySide6.QtTest import QTest

from gui.widgets.confusion_matrix import ConfusionMatrix, shares_of_rows

COUNTS = np.array([[30, 0, 6], [1, 20, 0], [0, 0, 0]])
NAMES = ("cat", "dog", "a very long name of a class")


@pytest.fixture
def matrix(qtbot) -> ConfusionMatrix:
    made = ConfusionMatrix()
    qtbot.addWidget(made)
    made.resize(600, 500)
    made.set_matrix(COUNTS, NAMES, ("#e69f00", "#56b4e9", "#009e73"))
    made.show()
    return made


def centre(matrix: ConfusionMatrix, true: int, predicted: int) -> QPoint:
    grid = matrix._grid(matrix.size())
    cell = grid.width() / len(NAMES)
    return QPoint(round(grid.left() + (predicted + 0.5) * cell), round(grid.top() + (true + 0.5) * cell))


@pytest.mark.parametrize("size", [(600, 500), (300, 280), (1400, 900)])
def test_each_click_tells_its_cell(qtbot, matrix, size):
    matrix.resize(*size)
    for true in range(3):
        for predicted in range(3):
            with qtbot.waitSignal(matrix.cell_clicked) as caught:
                QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=centre(matrix, true, predicted))
            assert caught.args == [true, predicted] and matrix.selected == (true, predicted)


def test_a_click_beside_the_cells_tells_nothing(qtbot, matrix):
    with qtbot.assertNotEmitted(matrix.cell_clicked):
        QTest.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))


def test_cells_in_words(matrix):
    assert matrix.sentence(0, 2) == "true cat, predicted a very long name of a class: 6 of 36 (16.7 %)"
    assert matrix.sentence(2, 0).endswith("0 of 0")


def test_arrows_walk(qtbot, matrix):
    matrix.select((0, 0))
    with qtbot.waitSignal(matrix.cell_clicked) as caught:
        QTest.keyClick(matrix, Qt.Key.Key_Right)
    assert caught.args == [0, 1]
    QTest.keyClick(matrix, Qt.Key.Key_Up)
    assert matrix.selected == (0, 1)


def test_rows_sum_to_one_or_nothing():
    shares = shares_of_rows(COUNTS)
    assert np.allclose(shares.sum(axis=1), [1, 1, 0])


def test_per_cent_and_counts(matrix):
    assert matrix._cell_text(0, 2) == "6" and matrix._cell_text(0, 1) == ""
    matrix.set_per_cent(True)
    assert matrix._cell_text(0, 2) == "17"


def test_the_table_is_the_matrix(matrix):
    rows = matrix.table()
    assert rows[0][1:] == NAMES and [list(row[1:]) for row in rows[1:]] == COUNTS.tolist()


@pytest.mark.parametrize("classes", [1, 10, 200, 1000])
def test_any_number_of_classes_is_painted(qtbot, classes):
    for small in (False, True):
        matrix = ConfusionMatrix(small=small)
        qtbot.addWidget(matrix)
        matrix.resize(400, 300)
        matrix.set_matrix(np.eye(classes, dtype=np.int64), tuple(str(number) for number in range(classes)))
        assert not matrix.grab().isNull()
    assert matrix.table()[1][1] == 1


def test_a_smaller_matrix_forgets_a_selection_beyond_it(matrix):
    matrix.select((2, 2))
    matrix.set_matrix(COUNTS[:2, :2], NAMES[:2])
    assert matrix.selected is None
    matrix.set_matrix(None)
    assert matrix.table() == [] and not matrix.grab().isNull()


@pytest.mark.parametrize(("classes", "named"), [(2, True), (12, True), (13, False)])
def test_a_small_matrix_names_few_classes_and_its_tooltips_all(qtbot, classes, named):
    matrix = ConfusionMatrix(small=True)
    qtbot.addWidget(matrix)
    matrix.resize(300, 300)
    names = tuple(f"kind {number}" for number in range(classes))
    matrix.set_matrix(np.eye(classes, dtype=np.int64))
    bare = matrix._grid(QSizeF(300, 300))
    matrix.set_matrix(np.eye(classes, dtype=np.int64), names)
    grid = matrix._grid(QSizeF(300, 300))
    assert (grid.left() > bare.left()) is named and grid.right() <= 300 and grid.bottom() < 290
    assert matrix.sentence(0, 1).startswith("true kind 0, predicted kind 1") and not matrix.grab().isNull()
    matrix.resize(60, 60)
    assert matrix._grid(QSizeF(60, 60)).left() == bare.left()  # no room: they would lie over each other
