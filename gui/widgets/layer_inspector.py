"""The right side of the Model page: the selected layer in plain words, its fields to edit, its arithmetic worked out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QLineEdit, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from engine.networks import editing
from engine.networks.arithmetic import LayerRow, NetworkError
from engine.networks.layers import Activation, Layer, Network, Pool
from gui.theme import px, theme
from gui.widgets.basics import button, label, rule, set_look
from gui.widgets.layer_arithmetic import Fact, facts_of_container, facts_of_input, facts_of_layer, facts_of_network
from gui.widgets.layer_fields import Fault, FieldBox, PairField, SwitchField, TableField, fields_of, make_field
from gui.widgets.layer_words import field_tip, field_words, record_words

__all__ = ["LayerInspector"]


class LayerInspector(QFrame):
    """Edits one record as one types; there is no button to press.

    Attributes
    ----------
    layer_changed : Signal(str, Layer)
        Dotted name of a layer, and the record that takes its place, perhaps with another name.
    network_changed : Signal(Network)
        The network with another title or name.
    copy_wanted : Signal
        The network cannot be edited, but a copy could.
    fields : dict of str to FieldBox
        The editors of the record that is shown, by field.
    """

    layer_changed = Signal(str, object)
    network_changed = Signal(object)
    copy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "inspector")
        self._network: Network | None = None
        self._record: Layer | Network | None = None
        self._name = ""
        self._form_of: type | None = None
        self._watcher: QObject | None = None
        self.fields: dict[str, FieldBox] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setProperty("look", "column")
        inside = QWidget()
        inside.setProperty("look", "column")
        scroll.setWidget(inside)
        outer.addWidget(scroll)
        self._column = QVBoxLayout(inside)
        self._build_head()
        self._form_place = QVBoxLayout()
        self._column.addLayout(self._form_place)
        self.fault = _wrapped("error")
        self._column.addWidget(self.fault)
        self._line = rule()
        self._column.addWidget(self._line)
        self._sums = QFormLayout()
        self._sums.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self._column.addLayout(self._sums)
        self._lines: list[tuple[QLabel, QLabel]] = []
        self._column.addStretch(1)
        theme().changed.connect(self.dress)
        self.dress()
        self.show_layer(None, "", (), None, False)

    def _build_head(self) -> None:
        self.heading = _wrapped("section")
        self.path = _wrapped("caption")
        self.notice = _wrapped("muted")
        self.copy_button = button(self.tr("Edit a copy"), "", self.tr("Make a network of your own from this one, and change it"))
        self.copy_button.clicked.connect(self.copy_wanted)
        self.name_line = QLineEdit()
        self.name_line.setAccessibleName(self.tr("Name"))
        self.name_line.setToolTip(field_tip("name"))
        self.name_line.textEdited.connect(self._typed_name)
        self.name_line.editingFinished.connect(self._named)
        self.title_line = QLineEdit()
        self.title_line.setAccessibleName(self.tr("Title"))
        self.title_line.setToolTip(field_tip("title"))
        self.title_line.setMaxLength(200)
        self.title_line.textEdited.connect(self._typed_title)
        self._names = QFormLayout()
        self._names.addRow(_muted(field_words("title")), self.title_line)
        self._names.addRow(_muted(field_words("name")), self.name_line)
        for widget in (self.heading, self.path, self.notice, self.copy_button):
            self._column.addWidget(widget)
        self._column.addLayout(self._names)

    def dress(self) -> None:
        """Take over the scale."""
        self.setMinimumWidth(px(280))
        self._column.setContentsMargins(px(16), px(16), px(16), px(16))
        self._column.setSpacing(px(8))
        for form in (self._names, self._sums):
            form.setHorizontalSpacing(px(12))
            form.setVerticalSpacing(px(6))
        self._build_form(self._form_of)
        if self._record is not None and not isinstance(self._record, Network):
            self._fill(self._record, same=False)
            for box in self.fields.values():
                box.setEnabled(self.name_line.isEnabled())
        self._line_up()

    # ------------------------------------------------------------ showing

    def show_layer(
        self,
        network: Network | None,
        name: str,
        rows: Sequence[LayerRow],
        error: NetworkError | None,
        editable: bool,
        why_not: str = "",
        can_copy: bool = True,
    ) -> None:
        """Show a layer, a container or, where nothing is selected, the whole network.

        Parameters
        ----------
        network : Network or None
            None: there is no tree; of a layer its row alone shows.
        name : str
            Dotted name of what is selected; "" for the network.
        rows : sequence of LayerRow
            As far as they are worked out.
        error : NetworkError or None
            Why there are no more.
        editable : bool
            Whether fields can be changed.
        why_not : str
            Why they cannot, in a sentence.
        can_copy : bool
            Whether a copy could be edited instead.
        """
        record = network if not name else editing.find(network, name) if network is not None else None
        self._set_form(record, same=name == self._name and type(record) is self._form_of)
        self._network, self._name, self._record = network, name, record
        row = next((row for row in rows if row.name == name), None)
        self._show_head(record, row, why_not, can_copy and network is not None and not editable)
        for widget in (*self.fields.values(), self.name_line, self.title_line):
            widget.setEnabled(editable)
        self._show_error(error)
        self._show_facts(self._facts(record, row, rows))

    def _show_head(self, record: Layer | Network | None, row: LayerRow | None, why_not: str, can_copy: bool) -> None:
        whole = isinstance(record, Network)
        self.heading.setText(self._kind(record, row))
        self.path.setText(self._name if "." in self._name or record is None else "")
        self.path.setVisible(bool(self.path.text()))
        self.notice.setText(why_not)
        self.notice.setVisible(bool(why_not))
        self.copy_button.setVisible(can_copy)
        self._names.setRowVisible(self.title_line, whole)
        self._names.setRowVisible(self.name_line, record is not None)
        if record is not None and self.name_line.text() != record.name and not (whole and self.name_line.isModified()):
            self.name_line.setText(record.name)
            self.name_line.setCursorPosition(0)  # a long name shows its beginning
        if isinstance(record, Network) and self.title_line.text() != record.title:
            self.title_line.setText(record.title)
            self.title_line.setCursorPosition(0)
        self.name_line.setToolTip(self.tr("Of the file that the project keeps; Enter renames it") if whole else field_tip("name"))

    def _kind(self, record: Layer | Network | None, row: LayerRow | None) -> str:
        if isinstance(record, Network):
            return self.tr("Network")
        if row is not None and (record is None or not editing.is_container(record)):
            return row.kind
        return record_words(record) if record is not None else ""

    def _facts(self, record: Layer | Network | None, row: LayerRow | None, rows: Sequence[LayerRow]) -> list[Fact]:
        if isinstance(record, Network):
            return facts_of_network(record, rows)
        if record is not None and editing.is_container(record) and self._network is not None:
            return facts_of_container(self._network, self._name, record, rows)
        if row is not None:
            return facts_of_layer(row)
        if record is None or self._network is None:
            return []
        entering = facts_of_input(self._network, self._name, rows)
        unreached = Fact("", self.tr("The signal does not come here; a layer before it must be mended."), "", "muted")
        return [entering] if entering is not None else [unreached]

    def _show_error(self, error: NetworkError | None) -> None:
        """Show why this layer cannot be, or of a container what within it; of the network whatever is wrong."""
        mine = error is not None and (not self._name or error.layer == self._name or error.layer.startswith(f"{self._name}."))
        self.show_fault(str(error) if mine else "")

    def show_fault(self, text: str) -> None:
        """Say what is wrong, in place; "" takes it back."""
        self.fault.setText(text)
        self.fault.setVisible(bool(text))

    def _show_facts(self, facts: list[Fact]) -> None:
        while len(self._lines) < len(facts):
            words, figures = _muted(""), _wrapped("")
            figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._sums.addRow(words, figures)
            self._lines.append((words, figures))
        for number, (words, figures) in enumerate(self._lines):
            self._sums.setRowVisible(number, number < len(facts))
            if number < len(facts):
                fact = facts[number]
                words.setText(fact.words)
                figures.setText(fact.figures)
                figures.setToolTip(fact.tip)
                words.setToolTip(fact.tip)
                figures.setAccessibleName(f"{fact.words}: {fact.figures}")
                set_look(figures, fact.look)
        self._line.setVisible(bool(facts))
        self._line_up()

    # ------------------------------------------------------------ the form

    def _set_form(self, record: Layer | Network | None, same: bool) -> None:
        """Let the fields be those of a record; those of the same kind stay, with the keyboard in them."""
        kind = type(record) if record is not None else None
        if kind is not self._form_of:
            self._form_of = kind
            self._build_form(kind)
        if record is None or isinstance(record, Network):
            if not same:
                self.name_line.setModified(False)
            return
        self._fill(record, same)

    def _fill(self, record: Layer, same: bool) -> None:
        for field, box in self.fields.items():
            value = getattr(record, field)
            if not same and isinstance(box, PairField):
                box.show_lock(value[0] == value[1])
            box.set_value(value)
        self._suit(record)

    def _build_form(self, kind: type | None) -> None:
        while self._form_place.count():
            old = self._form_place.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        self.fields = {}
        if kind is None or kind is Network:
            return
        holder = QWidget()
        form = QFormLayout(holder)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(px(12))
        form.setVerticalSpacing(px(6))
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for field in fields_of(kind):
            box = self.fields[field.name] = make_field(field)
            box.edited.connect(lambda name=field.name: self._edited(name))
            if isinstance(box, TableField):
                form.addRow(_muted(field_words(field.name)))
                form.addRow(box)
            elif isinstance(box, SwitchField):
                form.addRow(box)
            else:
                words = _muted(field_words(field.name))
                words.setToolTip(field_tip(field.name))
                form.addRow(words, box)
        self._form_place.addWidget(holder)
        self._watch()

    def watch_keys(self, watcher: QObject) -> None:
        """Let an event filter see the keys of all fields; lines of text else keep undo for themselves."""
        self._watcher = watcher
        self._watch()

    def _watch(self) -> None:
        if self._watcher is not None:
            for line in self.findChildren(QLineEdit):
                line.installEventFilter(self._watcher)

    def _suit(self, record: Layer) -> None:
        """Show the fields alone that mean something for this record."""
        for field, shown in (
            ("slope", isinstance(record, Activation) and record.kind == "leaky-relu"),
            ("count_padding", isinstance(record, Pool) and record.kind == "mean"),
        ):
            box = self.fields.get(field)
            form = box.parentWidget().layout() if box is not None else None
            if isinstance(form, QFormLayout):
                form.setRowVisible(box, shown)

    def _line_up(self) -> None:
        """Let the captions of all groups be of one width, so that what they name begins at one edge."""
        captions = [words for words, _ in self._lines]
        for form in (self._names, *(child for child in (self._form(),) if child is not None)):
            for row in range(form.rowCount()):
                item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
                if item is not None and item.widget() is not None:
                    captions.append(item.widget())
        shown = [caption for caption in captions if not caption.isHidden()]  # their size hints are those of the layer before
        wide = max((caption.fontMetrics().horizontalAdvance(caption.text()) for caption in shown), default=0) + px(2)
        for caption in captions:
            caption.setFixedWidth(wide)

    def _form(self) -> QFormLayout | None:
        item = self._form_place.itemAt(0)
        form = item.widget().layout() if item is not None and item.widget() is not None else None
        return form if isinstance(form, QFormLayout) else None

    # ------------------------------------------------------------ what is typed

    def _edited(self, field: str) -> None:
        try:
            self._give(**{field: self.fields[field].value()})
        except Fault as fault:
            self.show_fault(str(fault))

    def _typed_name(self, text: str) -> None:
        if not isinstance(self._record, Network):
            self._give(name=text)

    def _give(self, **changes: Any) -> None:
        """Tell the record with a field changed, unless it cannot be."""
        record, network = self._record, self._network
        if record is None or network is None or isinstance(record, Network):
            return
        made = msgspec.structs.replace(record, **changes)
        if made == record:
            self.show_fault("")
            return
        try:
            self._network = editing.replace_layer(network, self._name, made)
        except NetworkError as error:
            self.show_fault(str(error))
            return
        self.show_fault("")
        before, self._record = self._name, made
        self._name = editing.joined(editing.split_name(before)[0], made.name)
        self._suit(made)
        self.layer_changed.emit(before, made)

    def _typed_title(self, text: str) -> None:
        if isinstance(self._record, Network) and text.strip():
            self._record = msgspec.structs.replace(self._record, title=text)
            self.network_changed.emit(self._record)

    def _named(self) -> None:
        """The network's name was typed to its end."""
        if isinstance(self._record, Network) and self.name_line.isModified():
            self.name_line.setModified(False)
            wanted = self.name_line.text().strip()
            if wanted != self._record.name:
                self.network_changed.emit(msgspec.structs.replace(self._record, name=wanted))

    def focus_name(self) -> None:
        """Put the keyboard into the name, to type another."""
        self.name_line.setFocus()
        self.name_line.selectAll()


def _wrapped(look: str) -> QLabel:
    made = label("", look, wrap=True)
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return made


def _muted(text: str) -> QLabel:
    return label(text, "muted")
