"""Before the window: what keeps it from opening is told in one line, or in a message box where there is no terminal.

Nothing here needs an installed library, for that may be just what is missing.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LIBRARIES = {  # module: what pip calls it
    "PySide6": "PySide6-Essentials",
    "qtawesome": "qtawesome",
    "torch": "torch",
    "cv2": "opencv-python-headless",
    "numpy": "numpy",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "safetensors": "safetensors",
    "msgspec": "msgspec",
    "platformdirs": "platformdirs",
    "rich": "rich",
}
SYSTEM_LIBRARIES = "libegl1 libgl1 libglib2.0-0 libxkbcommon0 libfontconfig1 libdbus-1-3"
X11_LIBRARIES = (
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 "
    "libxcb-util1 libxcb-xkb1 libxkbcommon-x11-0"
)
X11_FILES = (
    "libxcb-cursor.so.0",
    "libxcb-icccm.so.4",
    "libxcb-image.so.0",
    "libxcb-keysyms.so.1",
    "libxcb-render-util.so.0",
    "libxcb-xkb.so.1",
    "libxkbcommon-x11.so.0",
)
COMMANDS = "train, evaluate, predict, networks, describe, data"
BOX_SECONDS = 3600


class CannotStart(Exception):
    """The window cannot open; the text says why and what to do, in one line."""


def open_window(arguments: list[str]) -> int:
    """Open the window and stay until it is closed; gives the exit status.

    Raises
    ------
    CannotStart
        If something is missing that it needs.
    """
    check_libraries()
    check_display()
    take_back_qt_paths()
    if sys.platform == "win32":  # with torch >= 2.9 the other order fails to load its DLLs (pytorch issue 166628)
        from engine.control import wait_passively

        wait_passively()
        importlib.import_module("torch")
    return int(importlib.import_module("gui.app").run(arguments))


def check_libraries() -> None:
    """Raise CannotStart if a library is not installed; looks without importing."""
    missing = _missing()
    if missing:
        raise CannotStart(f"{_listed(missing)} not installed. Run: {install_command(missing)}")


def _missing() -> list[str]:
    return [title for module, title in LIBRARIES.items() if importlib.util.find_spec(module) is None]


def explain(error: ImportError) -> str:
    """An import that failed, in one line with what to do."""
    module = (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and module not in ("gui", "engine", "resources", ""):
        titles = _missing() or [LIBRARIES.get(module, module)]
        return f"{_listed(titles)} not installed. Run: {install_command(titles)}"
    if "cannot open shared object file" in str(error):
        return f"This system lacks {str(error).partition(':')[0]}. On Debian and Ubuntu: sudo apt install {SYSTEM_LIBRARIES}"
    return f"Fovea is not installed as a whole: {error}. Run: {install_command(['fovea'])}"


def _listed(titles: list[str]) -> str:
    shown = ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")
    return f"{shown} {'is' if len(titles) == 1 else 'are'}"


def install_command(titles: list[str]) -> str:
    """The command that installs what is missing, for this Python: all of Fovea where its sources are here."""
    python = str(Path(sys.executable).with_name("python.exe")) if sys.executable.lower().endswith("pythonw.exe") else sys.executable
    what = ["-e", str(PROJECT)] if (PROJECT / "pyproject.toml").is_file() else _with_versions(titles)
    words = [python or "python", "-m", "pip", "install", *what]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _with_versions(titles: list[str]) -> list[str]:
    """What pip must be told, from the installed wheel's own requirements."""
    from importlib import metadata  # some 20 ms that a start in order does not need

    try:
        wanted = metadata.requires("fovea") or []
    except metadata.PackageNotFoundError:
        wanted = []
    plain = {re.split(r"[^\w.-]", line)[0].lower(): line for line in wanted if ";" not in line}
    return [plain.get(title.lower(), title) for title in titles]


def check_display() -> None:
    """Raise CannotStart if no window can appear here; Qt itself would abort the process."""
    if not sys.platform.startswith(("linux", "freebsd")):
        return
    chosen = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if chosen not in ("", "xcb", "wayland", "wayland-egl"):
        return
    x11, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if not x11 and not wayland:
        raise CannotStart(
            f"There is no display here, so the window cannot open; these work without one: {COMMANDS} (python main.py --help)."
        )
    if wayland and chosen != "xcb":
        return
    absent = [file for file in X11_FILES if not _loads(file)]
    if absent:
        raise CannotStart(f"This system lacks {', '.join(absent)}. On Debian and Ubuntu: sudo apt install {X11_LIBRARIES}")
    if not _x11_answers():
        raise CannotStart(f"The display {x11} does not answer, so the window cannot open; these work without one: {COMMANDS}.")


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def _x11_answers() -> bool:
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(None, None)
    answers = int(xcb.xcb_connection_has_error(connection)) == 0
    xcb.xcb_disconnect(connection)
    return answers


def take_back_qt_paths() -> None:
    """Forget plugin and font folders that opencv-python set for a Qt of its own; PySide6 would abort on those plugins."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in Path(os.environ.get(name, "")).parts:
            del os.environ[name]


# ---------------------------------------------------------------- telling


def tell_terminal(text: str, error: BaseException | None = None) -> None:
    """One line to stderr."""
    if sys.stderr is not None:
        sys.stderr.write(f"fovea: {text}\n")


def tell(text: str, error: BaseException | None = None) -> None:
    """One line to the terminal; without one a message box, and the line with its traceback in the log."""
    tell_terminal(text, error)
    if has_terminal():
        return
    place = write_log(text, error)
    show_box("Fovea", f"{text}\n\nThe log is in {place}." if place else text)


def has_terminal() -> bool:
    """Whether a person can read what is printed: any of the three streams is a terminal."""
    return any(stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def write_log(text: str, error: BaseException | None) -> Path | None:
    """Add a line, and the traceback of an error, to the log; gives its place, None where nothing can be written."""
    try:
        from engine.places import log_file

        places = [log_file()]
    except ImportError:  # platformdirs is not installed yet
        places = [Path(os.environ["FOVEA_HOME"]) / "fovea.log"] if "FOVEA_HOME" in os.environ else []
    trace = "".join(traceback.format_exception(error)) if error is not None else ""
    for place in [*places, Path(tempfile.gettempdir()) / "fovea.log"]:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("a", encoding="utf-8") as log:
                log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n{trace}")
        except OSError:
            continue
        return place
    return None


def show_box(title: str, text: str) -> bool:
    """Show a message by whatever the system has, and wait until it is read; tells whether it could be shown."""
    if sys.platform == "win32":
        stop_sign = 0x10
        return bool(ctypes.windll.user32.MessageBoxW(None, text, title, stop_sign))
    return any(_runs(command) for command in box_commands(sys.platform, title, text)) or _show_tkinter_box(title, text)


def box_commands(platform: str, title: str, text: str) -> list[list[str]]:
    """The programs that can show a message, best first."""
    if platform == "darwin":
        script = ("on run argv", 'display dialog (item 2 of argv) with title (item 1 of argv) buttons {"OK"} with icon stop', "end run")
        return [["osascript", *(word for line in script for word in ("-e", line)), title, text]]
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return []
    return [
        ["zenity", "--error", "--no-markup", "--no-wrap", f"--title={title}", f"--text={text}"],
        ["kdialog", "--title", title, "--error", text],
        ["xmessage", "-center", "-title", title, text],
    ]


def _runs(command: list[str]) -> bool:
    program = shutil.which(command[0])
    if program is None:
        return False
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, timeout=BOX_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _show_tkinter_box(title: str, text: str) -> bool:
    try:
        import tkinter
        from tkinter import messagebox
    except ImportError:  # Python was built without it
        return False
    try:
        root = tkinter.Tk()
    except tkinter.TclError:  # no display
        return False
    root.withdraw()
    messagebox.showerror(title, text, parent=root)
    root.destroy()
    return True
