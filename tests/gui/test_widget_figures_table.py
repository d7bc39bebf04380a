"""Tables sort by value, copy as shown, and keep their selection while figures change."""

import csv
import io

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from gui.widgets.figures_table import Column, FiguresTable, Line

COLUMNS = (Column("class", figure=False), Column("recall", lambda share: f"{100 * share:.1f} %"), Column("pictures"))
LINES = (
    Line("a", ("cat", 0.5, 10), "#e69f00"),
    Line("b", ("dog", None, 9)),
    Line("c", ("owl, snowy", 0.095, 100)),
)


@pytest.fixture
def table(qtbot) -> FiguresTable:
    made = FiguresTable(COLUMNS)
    qtbot.addWidget(made)
    made.resize(300, 200)
    made.set_lines(LINES)
    made.show()
    return made


def test_sorting_is_by_value_not_by_words(table):
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert table.keys() == ["b", "c", "a"]
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert table.keys() == ["c", "a", "b"]


def test_copy_gives_a_table_as_sorted(table):
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    table.copy()
    assert QGuiApplication.clipboard().text().split("\n")[1] == "owl, snowy\t9.5 %\t100"
    rows = list(csv.reader(io.StringIO(table.csv_text())))
    assert rows == table.rows_of_text() and rows[3] == ["dog", "–", "9"]


def test_clicks_tell_the_key_and_new_figures_keep_the_selection(qtbot, table):
    with qtbot.waitSignal(table.line_clicked) as caught:
        table.selectRow(2)
    assert caught.args == ["c"]
    with qtbot.assertNotEmitted(table.line_clicked):
        table.set_lines([Line(line.key, (*line.values[:2], 7)) for line in LINES])
        table.select("a")
    assert table.currentIndex().row() == 0


@pytest.mark.parametrize("width", [200, 300, 700])
def test_columns_fill_the_width_and_never_hide_words(table, width):
    table.resize(width, 200)
    total = sum(table.columnWidth(column) for column in range(3))
    assert total >= table.viewport().width() - 1
    assert all(table.columnWidth(column) >= table.sizeHintForColumn(column) for column in (1, 2))


def test_ticks_are_told(qtbot, table):
    table.set_lines([Line("a", ("cat", 0.5, 10), ticked=True)])
    index = table.model().index(0, 0)
    with qtbot.waitSignal(table.line_ticked) as caught:
        table.model().setData(index, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert caught.args == ["a", False]
