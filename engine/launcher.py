"""An icon that opens Fovea with a double click: .desktop on Linux, a shortcut on Windows, an application bundle on macOS."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import resources
from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import MakeLauncher, Notice

if TYPE_CHECKING:
    from engine.session import Emit, Session

NAME = "Fovea"
COMMENT = "Teach a network your pictures, see why it errs, use it"
CAMERA_PURPOSE = "Fovea classifies what the camera sees. Pictures stay on this computer."
IDENTIFIER = "org.fovea.Fovea"
MAIN = resources.FOLDER.parent / "main.py"
POWERSHELL_SECONDS = 60
# Paths come in by the environment, so that no character in them can be taken for a part of the script.
SHORTCUT_SCRIPT = """
$ErrorActionPreference = 'Stop'
$shell = New-Object -ComObject WScript.Shell
$folders = if ($env:FOVEA_FOLDER) { @($env:FOVEA_FOLDER) } else {
    @([Environment]::GetFolderPath('Programs'), [Environment]::GetFolderPath('Desktop'))
}
foreach ($folder in $folders) {
    $link = $shell.CreateShortcut((Join-Path $folder 'Fovea.lnk'))
    $link.TargetPath = $env:FOVEA_TARGET
    $link.Arguments = $env:FOVEA_ARGUMENTS
    $link.WorkingDirectory = $env:FOVEA_WORKING
    $link.IconLocation = $env:FOVEA_ICON
    $link.Description = $env:FOVEA_COMMENT
    $link.Save()
}
[Console]::OutputEncoding = [Text.Encoding]::UTF8
Write-Output $link.FullName
"""


def answer_make_launcher(session: Session, command: MakeLauncher, token: CancelToken, emit: Emit) -> None:
    """Answer MakeLauncher."""
    emit(Notice(level="info", text=f"Made {make_launcher()}: a double click opens Fovea."))


def make_launcher(platform: str = sys.platform, home: Path | None = None, main: Path = MAIN) -> Path:
    """Make a launcher for the user, in place of an older one.

    Parameters
    ----------
    platform : str
        As sys.platform has it.
    home : Path, optional
        Where it goes instead of the system's own folders.
    main : Path
        The main.py that it starts.

    Returns
    -------
    Path
        What a person double-clicks.

    Raises
    ------
    UserError
        If the system refuses.
    """
    try:
        if platform == "win32":
            return _make_windows_shortcut(home, main)
        if platform == "darwin":
            return _make_mac_bundle((home or Path.home()) / "Applications", main)
        return _make_desktop_entries(home, main)
    except OSError as error:
        raise UserError(f"The launcher could not be written: {error}.", "Check that you may write to your home folder.") from error


# ---------------------------------------------------------------- Linux


def _make_desktop_entries(home: Path | None, main: Path) -> Path:
    entry = desktop_entry(sys.executable, main, resources.path("icons/fovea.png"))
    place = _applications_folder(home) / "fovea.desktop"
    place.parent.mkdir(parents=True, exist_ok=True)
    _write_executable(place, entry)
    desktop = _desktop_folder(home or Path.home())
    if desktop is None:
        return place
    on_desktop = desktop / "fovea.desktop"
    _write_executable(on_desktop, entry)
    trust = shutil.which("gio") if home is None else None
    if trust:  # GNOME opens only what is marked so; other desktops refuse the mark and need none
        subprocess.run([trust, "set", str(on_desktop), "metadata::trusted", "true"], capture_output=True, check=False, timeout=10)
    return on_desktop


def desktop_entry(python: str, main: Path, icon: Path) -> str:
    """The text of a .desktop file (Desktop Entry Specification 1.5)."""
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        f"Name={NAME}",
        f"Comment={COMMENT}",
        f"Exec={_quoted(python)} {_quoted(str(main))}",
        f"Path={_value(str(main.parent))}",
        f"Icon={_value(str(icon))}",
        "Terminal=false",
        "Categories=Education;ArtificialIntelligence;",
        "StartupNotify=true",
        "StartupWMClass=fovea",
    )
    return "\n".join(lines) + "\n"


def _quoted(argument: str) -> str:
    """An argument of Exec: quoted, its special characters escaped once for the quotes and once for the value."""
    escaped = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in argument)
    return _value(f'"{escaped}"').replace("%", "%%")


def _value(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _applications_folder(home: Path | None) -> Path:
    if home is not None:
        return home / ".local/share/applications"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "applications"


def _desktop_folder(home: Path) -> Path | None:
    """The desktop's folder in the user's language, by xdg-user-dirs; None where there is none."""
    place = home / "Desktop"
    try:
        lines = (home / ".config/user-dirs.dirs").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "XDG_DESKTOP_DIR":
            place = Path(value.strip().strip('"').replace("$HOME", str(home)))
    return place if place.is_dir() and place != home else None


def _write_executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o755)


# ---------------------------------------------------------------- Windows


def _make_windows_shortcut(home: Path | None, main: Path) -> Path:
    windowless = Path(sys.executable).with_name("pythonw.exe")
    values = {
        "FOVEA_TARGET": str(windowless if windowless.exists() else sys.executable),
        "FOVEA_ARGUMENTS": f'"{main}"',
        "FOVEA_WORKING": str(main.parent),
        "FOVEA_ICON": str(resources.path("icons/fovea.ico")),
        "FOVEA_COMMENT": COMMENT,
        "FOVEA_FOLDER": str(home or ""),
    }
    command = ["powershell", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", SHORTCUT_SCRIPT]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **values},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=POWERSHELL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError("Windows did not make the shortcut in a minute.", "Try again.") from None
    if done.returncode != 0 or not done.stdout.strip():
        reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise UserError(f"Windows did not make the shortcut: {reason}.", "Make one to main.py by hand.")
    return Path(done.stdout.strip().splitlines()[-1])


# ---------------------------------------------------------------- macOS


def _make_mac_bundle(folder: Path, main: Path) -> Path:
    bundle = folder / f"{NAME}.app"
    contents = bundle / "Contents"
    for name in ("MacOS", "Resources"):
        (contents / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(resources.path("icons/fovea.icns"), contents / "Resources/fovea.icns")
    (contents / "Info.plist").write_bytes(plistlib.dumps(_information()))
    start = f"#!/bin/sh\ncd {shlex.quote(str(main.parent))} && exec {shlex.join([sys.executable, str(main)])}\n"
    _write_executable(contents / "MacOS/fovea", start)
    return bundle


def _information() -> dict[str, object]:
    return {
        "CFBundleName": NAME,
        "CFBundleDisplayName": NAME,
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleExecutable": "fovea",
        "CFBundleIconFile": "fovea",
        "CFBundlePackageType": "APPL",
        "CFBundleVersion": "0.1.0",
        "CFBundleShortVersionString": "0.1.0",
        "NSHighResolutionCapable": True,
        "NSCameraUsageDescription": CAMERA_PURPOSE,
    }
