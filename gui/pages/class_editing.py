"""Changes of classes on the Data page: what cards and the type-ahead box ask for, as commands."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from engine.messages import AddClass, ColourClass, DeleteClass, MergeClasses, MoveClass, RenameClass, SetClassKey
from gui.bridge import Bridge
from gui.pages.labelling import Labelling
from gui.widgets.class_box import ClassBox
from gui.widgets.class_list import ClassList
from gui.widgets.image_grid import ImageGrid


class ClassEditing(QObject):
    """Joins the class list and the type-ahead box of a grid to the engine."""

    def __init__(self, bridge: Bridge, classes: ClassList, grid: ImageGrid, labelling: Labelling) -> None:
        super().__init__(classes)
        self._bridge, self._grid, self._labelling = bridge, grid, labelling
        self.box = ClassBox(grid)
        self._then: Callable[[int], object] = self._label
        self.box.chosen.connect(lambda class_id: self._then(class_id))
        self.box.made.connect(lambda name: labelling.label_as_new(grid.selected(), name))
        self.box.closed.connect(grid.setFocus)
        labelling.box_wanted.connect(self.find_class)
        classes.images_dropped.connect(labelling.label)
        classes.merge_asked.connect(self._find_merge)
        submit = bridge.submit
        classes.class_wanted.connect(lambda name: submit(AddClass(name)))
        classes.rename_wanted.connect(lambda class_id, name: submit(RenameClass(class_id, name)))
        classes.colour_wanted.connect(lambda class_id, tone: submit(ColourClass(class_id, tone)))
        classes.key_wanted.connect(lambda class_id, letter: submit(SetClassKey(class_id, letter)))
        classes.merge_wanted.connect(self._merge)
        classes.move_wanted.connect(lambda class_id, place: submit(MoveClass(class_id, place)))
        classes.delete_wanted.connect(lambda class_id: submit(DeleteClass(class_id)))

    def find_class(self) -> None:
        """Let the user type which class the selected pictures shall have."""
        if not self._bridge.state.writable:
            return
        number = self._grid.selected_count()
        self._then = self._label
        words = self.tr("Label {0} selected").format(number) if number else self.tr("Nothing is selected")
        self.box.ask(words, self._bridge.state.classes, may_make=True)

    def _label(self, class_id: int) -> None:
        self._labelling.label(self._grid.selected(), class_id)

    def _find_merge(self, class_id: int) -> None:
        classes = self._bridge.state.classes
        name = next((record.name for record in classes if record.id == class_id), "")
        self._then = lambda into: self._merge(class_id, into)
        others = tuple(record for record in classes if record.id != class_id)
        self.box.ask(self.tr("Merge “{0}” into").format(name), others, may_make=False)

    def _merge(self, class_id: int, into: int) -> None:
        self._bridge.submit(MergeClasses((class_id,), into))
