"""The start when something is missing: one line, a box where there is no terminal, the log."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import main
from gui import startup

ROOT = Path(__file__).resolve().parents[2]
POSIX_DISPLAY = sys.platform.startswith("linux")


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Message boxes that would have been shown; there is no terminal."""
    shown: list[str] = []
    monkeypatch.setattr(startup, "show_box", lambda title, text: shown.append(text) or True)
    monkeypatch.setattr(startup, "has_terminal", lambda: False)
    return shown


def started(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *words]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def bare_environment(**more: str) -> dict[str, str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return {**{name: value for name, value in os.environ.items() if name not in hidden}, **more}


@pytest.mark.skipif(not POSIX_DISPLAY, reason="displays by environment")
@pytest.mark.parametrize("more", [{}, {"DISPLAY": ":987"}, {"QT_QPA_PLATFORM": "xcb"}])
def test_without_a_display_one_line_names_the_commands(more: dict[str, str]) -> None:
    done = started(["main.py"], bare_environment(**more))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "display" in done.stderr
    assert all(word in done.stderr for word in ("train", "evaluate", "predict", "networks", "describe", "data"))


def test_before_anything_is_installed_one_line_has_the_command(tmp_path: Path) -> None:
    done = started(["-S", "-E", "main.py"], bare_environment(FOVEA_HOME=str(tmp_path)))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "not installed" in done.stderr and "-m pip install -e" in done.stderr and str(ROOT) in done.stderr


def test_commands_before_anything_is_installed() -> None:
    done = started(["-S", "-E", "main.py", "networks"], bare_environment())
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "pip install" in done.stderr


def test_without_a_terminal_a_box_says_it_and_where_the_log_is(boxes: list[str], own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: list[str]) -> int:
        raise RuntimeError("the moon is full")

    monkeypatch.setattr(startup, "open_window", fail)
    assert main.main([]) == 1
    log = own_home / "fovea.log"
    assert len(boxes) == 1 and "the moon is full" in boxes[0] and str(log) in boxes[0]
    assert "Traceback" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ModuleNotFoundError("No module named 'PySide6'", name="PySide6.QtCore"), "PySide6-Essentials is not installed"),
        (ModuleNotFoundError("No module named 'rare'", name="rare.part"), "rare is not installed"),
        (ImportError("libEGL.so.1: cannot open shared object file: No such file"), "lacks libEGL.so.1"),
        (ImportError("cannot import name 'run'", name="gui.app"), "not installed as a whole"),
    ],
)
def test_imports_that_fail_are_told_with_a_remedy(
    error: ImportError, expected: str, boxes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(startup, "open_window", fail)
    assert main.main([]) == 1
    assert expected in boxes[0] and "install" in boxes[0]


def test_a_failing_command_shows_no_box(boxes: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from engine import commands

    def fail(words: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(commands, "run", fail)
    assert main.main(["train", "digits"]) == 1
    assert boxes == [] and "torch is not installed" in capsys.readouterr().err


def test_missing_libraries_are_found_without_importing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(startup.LIBRARIES, "no_such_library_at_all", "no-such-library")
    with pytest.raises(startup.CannotStart, match="no-such-library is not installed"):
        startup.check_libraries()


def test_an_installed_wheel_names_the_versions_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(startup, "PROJECT", tmp_path)
    wanted = ["PySide6-Essentials<6.12,>=6.8", "torch>=2.11", 'torch>=9; extra == "test"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)
    command = startup.install_command(["PySide6-Essentials", "torch", "rich"])
    assert "PySide6-Essentials<6.12,>=6.8" in command and "torch>=2.11" in command and "torch>=9" not in command
    assert command.endswith("rich")


def test_an_older_python_is_told_so(boxes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert main.main([]) == 1
    assert "3.11 or newer" in boxes[0]


def test_qt_paths_of_opencv_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = str(Path("/", "site-packages", "cv2", "qt", "plugins"))
    own = str(Path("/", "home", "me", "plugins"))
    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", plugins)
    monkeypatch.setenv("QT_QPA_FONTDIR", plugins)
    monkeypatch.setenv("QT_PLUGIN_PATH", own)
    startup.take_back_qt_paths()
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in os.environ and "QT_QPA_FONTDIR" not in os.environ
    assert os.environ["QT_PLUGIN_PATH"] == own


def test_qt_opens_with_the_paths_that_opencv_python_leaves(tmp_path: Path) -> None:
    fake = tmp_path / "cv2" / "qt" / "plugins"
    (fake / "platforms").mkdir(parents=True)
    (fake / "platforms" / "libqoffscreen.so").write_bytes(b"of another Qt")
    program = """
from gui import startup
startup.take_back_qt_paths()
from PySide6.QtGui import QGuiApplication
print(QGuiApplication([]).platformName())
"""
    environment = bare_environment(QT_QPA_PLATFORM="offscreen", QT_QPA_PLATFORM_PLUGIN_PATH=str(fake), QT_QPA_FONTDIR=str(fake))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "offscreen", done.stderr


def test_on_windows_torch_comes_before_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    window = types.SimpleNamespace(run=lambda arguments: order.append("window") or 0)

    def load(name: str) -> object:
        order.append(name)
        return window

    monkeypatch.setattr(startup.sys, "platform", "win32")
    monkeypatch.setattr(startup.importlib, "import_module", load)
    monkeypatch.setattr(startup, "check_libraries", lambda: None)
    assert startup.open_window([]) == 0
    assert order == ["torch", "gui.app", "window"]


def test_boxes_take_any_text_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    text = 'a "quoted" $(word) & <b>tag</b>'
    for platform in ("linux", "darwin"):
        for command in startup.box_commands(platform, "Fovea", text):
            assert any(word.endswith(text) for word in command)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert startup.box_commands("linux", "Fovea", text) == []


@pytest.mark.skipif(not POSIX_DISPLAY, reason="a shell script stands for the box")
def test_the_first_box_that_works_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, status in (("zenity", 1), ("kdialog", 0), ("xmessage", 0)):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$0 $@" >> "{tmp_path}/shown"\nexit {status}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    assert startup.show_box("Fovea", "It does not start.")
    shown = (tmp_path / "shown").read_text().splitlines()
    assert [Path(line.split()[0]).name for line in shown] == ["zenity", "kdialog"]


def test_without_a_console_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    startup.tell_terminal("nobody reads this")
    assert not startup.has_terminal()
