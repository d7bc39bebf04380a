"""Ways out for a network: its JSON file, a PyTorch script, the drawing; and away with one of the project's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine.failure import UserError
from engine.networks import files, layers
from engine.networks.script import library_script, script
from gui import networks, plan
from gui.designer import Designer
from gui.pages.page import Page
from gui.state import AppState
from gui.widgets.network_view import NetworkView

Refuse = Callable[[str], object]


def fill(menu: QMenu, page: Page, designer: Designer, drawing: NetworkView, refuse: Refuse) -> None:
    """Fill a menu with what can be done with the network that a designer holds; failures are told to `refuse`."""
    menu.clear()
    network = designer.network
    stem = network.name if network is not None else "network"
    whole = network is not None and designer.error is None
    if network is not None:
        menu.addAction(tr("Network file (JSON)…"), lambda: _save(page, f"{stem}.json", "*.json", lambda: files.dump(network), refuse))
    action = menu.addAction(
        tr("PyTorch script…"), lambda: _save(page, f"{_safe(stem)}.py", "*.py", lambda: _script(designer, page.bridge.state), refuse)
    )
    action.setEnabled(whole or networks.is_library(designer.name))
    menu.addSeparator()
    menu.addAction(tr("Drawing as SVG…"), lambda: _picture(page, f"{stem}.svg", "*.svg", drawing.save_svg))
    menu.addAction(tr("Drawing as PNG…"), lambda: _picture(page, f"{stem}.png", "*.png", drawing.save_png))
    menu.addAction(tr("Copy the drawing"), drawing.copy)
    if designer.editable:
        menu.addSeparator()
        menu.addAction(tr("Delete this network"), designer.delete)


def _script(designer: Designer, state: AppState) -> bytes:
    network = designer.network
    if network is not None:
        return script(network).encode("utf-8")
    library, _, word = designer.name.partition(":")
    shape, classes = plan.input_shape(state, designer.name), plan.class_number(state)
    return library_script(layers.NamedNetwork(library, word, word, shape, classes)).encode("utf-8")


def _save(page: QWidget, name: str, pattern: str, make: Callable[[], bytes], refuse: Refuse) -> None:
    """Write a file where the user wants it; what stands in the way is told in one sentence."""
    path = _asked(page, name, pattern)
    if path is None:
        return
    try:
        path.write_bytes(make())
    except UserError as error:
        refuse(str(error))
    except OSError as error:
        refuse(tr("{path} cannot be written: {reason}. Choose another place.").format(path=path, reason=error.strerror or error))


def _picture(page: QWidget, name: str, pattern: str, save: Callable[[str], object]) -> None:
    path = _asked(page, name, pattern)
    if path is not None:
        save(str(path))


def _asked(page: QWidget, name: str, pattern: str) -> Path | None:
    chosen, _ = QFileDialog.getSaveFileName(page, tr("Save"), name, pattern)
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix else path.with_suffix(pattern.removeprefix("*"))


def _safe(stem: str) -> str:
    """A name that Python can import."""
    return "".join(letter if letter.isalnum() else "_" for letter in stem)


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("network_ways", text)
