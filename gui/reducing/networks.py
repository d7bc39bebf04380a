"""The project's own networks, those of other libraries, weights, and what a training would cost."""

from __future__ import annotations

from engine import messages
from gui.reducing.registry import on, with_
from gui.state import AppState


@on(messages.NetworksChanged)
def _networks_changed(event: messages.NetworksChanged, state: AppState) -> AppState:
    return with_(state, networks=event.networks)


@on(messages.LibrariesListed)
def _libraries_listed(event: messages.LibrariesListed, state: AppState) -> AppState:
    return with_(state, libraries=event)


@on(messages.NetworkDescribed)
def _network_described(event: messages.NetworkDescribed, state: AppState) -> AppState:
    key = (event.network, event.input, event.classes)
    return with_(state, described={**state.described, key: event.analysis})


@on(messages.WeightsChecked)
def _weights_checked(event: messages.WeightsChecked, state: AppState) -> AppState:
    return with_(state, weights_checked=event)


@on(messages.TrainingProbed)
def _training_probed(event: messages.TrainingProbed, state: AppState) -> AppState:
    return with_(state, training_probed=event)
