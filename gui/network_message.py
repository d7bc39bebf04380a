"""What the Model page has to say of the chosen network: why it cannot be, or not be trained here. Draws nothing."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from engine.networks.arithmetic import NetworkError
from gui import networks
from gui.network_figures import measured
from gui.state import AppState

FAULT, NEWS = "error", "caption"
"""Looks of what is said."""


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("NetworkMessage", text)


def message(state: AppState, name: str, error: NetworkError | None, unknown: bool) -> tuple[str, str]:
    """A sentence and its look; "" where there is nothing to say.

    Parameters
    ----------
    state : AppState
        Knows failures, jobs and what was measured.
    name : str
        Of the network.
    error : NetworkError or None
        Why it cannot be, unless that is said elsewhere.
    unknown : bool
        Whether it is another library's, and not worked out yet.
    """
    if error is not None:
        return str(error), FAULT
    if unknown:
        failure = state.failures.get("DescribeNetwork")
        if failure is not None and state.running("DescribeNetwork") is None:
            return f"{failure.message} {failure.remedy}".strip(), FAULT
        return tr("Working the network out …"), NEWS
    probed = measured(state, name)
    if probed is not None and probed.verdict == "too large":
        return tr(
            "This network needs more memory for training than is free. A smaller batch, a smaller working size, or another network?"
        ), FAULT
    return "", FAULT


def is_unknown(name: str, worked: networks.Worked) -> bool:
    """Whether a network of another library has not been worked out yet."""
    return networks.is_library(name) and worked.analysis is None
