"""The figures of the chosen network along the bottom of the Model page, and measuring whether it can be trained here."""

from __future__ import annotations

from engine.messages import ProbeTraining
from engine.networks.layers import SimpleCells, walk
from gui import networks, plan
from gui.bridge import Bridge
from gui.network_figures import measured, network_figures
from gui.settings import Settings
from gui.state import AppState
from gui.widgets.basics import button
from gui.widgets.figure_strip import FigureStrip


class ProbeStrip(FigureStrip):
    """Figures and a button."""

    def __init__(self, bridge: Bridge, settings: Settings) -> None:
        super().__init__()
        self._bridge, self._settings = bridge, settings
        tip = self.tr("Measure a few training steps on this device, and compare the memory that they need with what is free")
        self.probe_button = button(self.tr("Will it train here?"), "", tip)
        self.probe_button.clicked.connect(self._probe)
        self.add_widget(self.probe_button)

    def render(self, state: AppState) -> None:
        """Show the network that is chosen in a state."""
        name = plan.network_name(state)
        self.set_figures(network_figures(state))
        running = state.running("ProbeTraining") is not None
        worked = networks.worked(state, name, plan.input_shape(state, name), plan.class_number(state))
        steps = worked.tree is None or not any(isinstance(layer, SimpleCells) for _, layer in walk(worked.tree.body))
        possible = worked.analysis is not None and steps  # the Neocognitron organises itself: there is no step to measure
        self.probe_button.setVisible(possible)
        self.probe_button.setEnabled(not running and state.engine is not None)
        again = measured(state, name) is not None
        words = self.tr("Measuring …") if running else self.tr("Measure again") if again else self.tr("Will it train here?")
        self.probe_button.setText(words)

    def _probe(self) -> None:
        state = self._bridge.state
        name = plan.network_name(state)
        shape, classes = plan.input_shape(state, name), plan.class_number(state)
        network = networks.worked(state, name, shape, classes).tree or name
        recipe = plan.recipe(state, self._settings.device)
        self._bridge.submit(ProbeTraining(network, shape, classes, plan.batch_taken(self._bridge.state), recipe.device))
