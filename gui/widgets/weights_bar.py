"""With which weights a training begins: new ones, those of a file, or those that a library offers."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from engine.messages import CheckWeights, WeightsChecked
from gui import networks, plan
from gui.bridge import Bridge
from gui.plan import PRETRAINED
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import count, label, set_look

FILES = "*.pth *.pt *.safetensors"


class WeightsBar(QWidget):
    """A choice, a tick for training the last layer alone, and what of the weights fits.

    The widget itself shows what fits; `controls` has the choice, so that it can stand beside others.
    """

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._asked: tuple[object, ...] = ()
        both = QVBoxLayout(self)
        both.setContentsMargins(0, 0, 0, 0)
        self.controls = QWidget()
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.choice = QComboBox()
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.setAccessibleName(self.tr("Weights to begin with"))
        self.choice.setToolTip(self.tr("New weights learn everything from your pictures; learned ones need fewer pictures and less time"))
        self.choice.activated.connect(self._choose)
        self.freeze = QCheckBox(self.tr("Train the last layer only"))
        self.freeze.clicked.connect(lambda ticked: plan.keep(bridge, plan.FREEZE, "yes" if ticked else ""))
        row.addWidget(label(self.tr("Begin with")))
        row.addWidget(self.choice)
        row.addWidget(self.freeze)
        self.note = label("", "caption", wrap=True)
        both.addWidget(self.note)

    def render(self, state: AppState) -> None:
        """Show the choice for the network of a state, and ask the engine what of it fits where that is not known yet."""
        name = plan.network_name(state)
        kept = plan.weights(state)
        self.controls.setVisible(not networks.is_classic(name))
        entries = [(self.tr("New weights"), "")]
        if networks.card(state, name).twins or networks.is_library(name):
            entries.append((self.tr("Weights learned on ImageNet"), PRETRAINED))
        if kept and kept != PRETRAINED:
            entries.append((Path(kept).name, kept))
        entries.append((self.tr("Weights from a file…"), "file"))
        if [(self.choice.itemText(row), self.choice.itemData(row)) for row in range(self.choice.count())] != entries:
            self.choice.clear()
            for text, value in entries:
                self.choice.addItem(text, value)
        self.choice.setCurrentIndex(max(0, self.choice.findData(kept)))
        self.choice.setEnabled(state.writable)
        offered = bool(self.choice.currentData())
        self.freeze.setVisible(offered)
        probe = plan.recipe(state).probe
        self.freeze.setChecked(plan.last_layer_alone(state))
        self.freeze.setEnabled(state.writable and not probe)
        kept_words = self.tr("The other layers keep the weights that they come with: quick, and good with few pictures")
        self.freeze.setToolTip(self.tr("The recipe says so: a linear probe trains the last layer alone") if probe else kept_words)
        self._ask(state, name, kept if offered else "")
        self._tell(state, name, kept if offered else "")

    def _ask(self, state: AppState, name: str, weights: str) -> None:
        wanted = (name, plan.input_shape(state, name), plan.class_number(state), weights)
        if not weights or wanted == self._asked or state.project is None:
            return
        self._asked = wanted
        self._bridge.submit(CheckWeights(*wanted))

    def _tell(self, state: AppState, name: str, weights: str) -> None:
        answer, failure = state.weights_checked, state.failures.get("CheckWeights")
        text, look = "", "caption"
        if weights and state.running("CheckWeights") is not None:
            text = self.tr("Looking at the weights …")
        elif weights and failure is not None:
            text, look = f"{failure.message} {failure.remedy}".strip(), "warning"
        elif weights and answer is not None and (answer.network, answer.weights) == (name, weights):
            text = _fitting(answer)
        self.note.setText(text)
        self.setVisible(bool(text) and not networks.is_classic(name))
        set_look(self.note, look)

    def _choose(self) -> None:
        chosen = self.choice.currentData()
        if chosen != "file":
            plan.keep(self._bridge, plan.WEIGHTS, chosen)
            return
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Weights from a file"), "", self.tr("Weights ({patterns})").format(patterns=FILES)
        )
        if path:
            plan.keep(self._bridge, plan.WEIGHTS, path)
        else:
            self.render(self._bridge.state)


def _fitting(answer: WeightsChecked) -> str:
    """What of the weights fits, or would if their file were there."""
    words = tr("{taken} of {total} parameters come from {source}.")
    if not answer.at_hand:
        words = tr("{taken} of {total} parameters would come from {source}, once Train has fetched its file or you have chosen one.")
    text = words.format(taken=count(answer.taken), total=count(answer.total), source=answer.source)
    if answer.new:
        layers = ", ".join(answer.new[:4]) + (" …" if len(answer.new) > 4 else "")
        text += " " + tr("{layers} begins anew.").format(layers=layers)
    if answer.unused and answer.at_hand:
        text += " " + tr("{number} entries of the file fit nothing.").format(number=len(answer.unused))
    return text


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("WeightsBar", text)
