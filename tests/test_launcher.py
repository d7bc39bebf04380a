"""A launcher for each system, made in a folder of the test's own."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import resources
from engine import launcher
from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import Event, MakeLauncher, Notice
from engine.session import Session

AWKWARD = 'my "own" $HOME `x` 50% back\\slash'


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not allow")
@pytest.mark.parametrize("name", ["fovea", "with spaces", AWKWARD])
def test_linux_entry_is_valid_and_quoted(tmp_path: Path, name: str) -> None:
    main = tmp_path / name / "main.py"
    (tmp_path / "Desktop").mkdir()
    place = launcher.make_launcher("linux", tmp_path, main)
    assert place == tmp_path / "Desktop/fovea.desktop" and os.access(place, os.X_OK)
    entry = tmp_path / ".local/share/applications/fovea.desktop"
    assert entry.read_text() == place.read_text()
    lines = dict(line.split("=", 1) for line in entry.read_text().splitlines()[1:])
    assert unquoted(lines["Exec"]) == [sys.executable, str(main)]
    assert Path(lines["Icon"]).is_file() and lines["Terminal"] == "false"
    checker = shutil.which("desktop-file-validate")
    if checker:
        done = subprocess.run([checker, str(entry)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def unquoted(line: str) -> list[str]:
    """Read Exec as the Desktop Entry Specification says: the value's escapes first, then the quotes."""
    value = line.replace("\\\\", "\\")
    words, word, inside, escaped = [], "", False, False
    for letter in value:
        if escaped:
            word, escaped = word + letter, False
        elif letter == "\\" and inside:
            escaped = True
        elif letter == '"':
            inside = not inside
        elif letter == " " and not inside:
            words.append(word)
            word = ""
        else:
            word += letter
    return [each.replace("%%", "%") for each in [*words, word]]


@pytest.mark.skipif(sys.platform == "win32", reason="a Linux home")
def test_linux_without_or_with_a_renamed_desktop(tmp_path: Path) -> None:
    assert launcher.make_launcher("linux", tmp_path) == tmp_path / ".local/share/applications/fovea.desktop"
    (tmp_path / ".config").mkdir()
    (tmp_path / "Schreibtisch").mkdir()
    (tmp_path / ".config/user-dirs.dirs").write_text('# made by xdg-user-dirs\nXDG_DESKTOP_DIR="$HOME/Schreibtisch"\n')
    assert launcher.make_launcher("linux", tmp_path) == tmp_path / "Schreibtisch/fovea.desktop"


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_mac_bundle_starts_main_and_asks_for_the_camera(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    main = folder / "main.py"
    main.write_text("import pathlib; pathlib.Path('started').write_text('yes')\n")
    bundle = launcher.make_launcher("darwin", tmp_path, main)
    assert bundle == tmp_path / "Applications/Fovea.app"
    information = plistlib.loads((bundle / "Contents/Info.plist").read_bytes())
    assert information["NSCameraUsageDescription"] and information["CFBundlePackageType"] == "APPL"
    icon = bundle / "Contents/Resources" / f"{information['CFBundleIconFile']}.icns"
    assert icon.read_bytes().startswith(b"icns")
    subprocess.run([bundle / "Contents/MacOS" / information["CFBundleExecutable"]], check=True, timeout=60)
    assert (folder / "started").read_text() == "yes"


def test_windows_shortcut_gets_its_paths_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    def powershell(command: list[str], env: dict[str, str], **more: object) -> subprocess.CompletedProcess[str]:
        assert command[0] == "powershell" and AWKWARD not in command[-1]
        seen.update(env)
        return subprocess.CompletedProcess(command, 0, f"{tmp_path / 'Fovea.lnk'}\n", "")

    monkeypatch.setattr(launcher.subprocess, "run", powershell)
    main = tmp_path / AWKWARD / "main.py"
    assert launcher.make_launcher("win32", tmp_path, main) == tmp_path / "Fovea.lnk"
    assert seen["FOVEA_ARGUMENTS"] == f'"{main}"' and seen["FOVEA_FOLDER"] == str(tmp_path)
    assert Path(seen["FOVEA_ICON"]).suffix == ".ico" and Path(seen["FOVEA_ICON"]).is_file()


def test_windows_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = subprocess.CompletedProcess([], 1, "", "Access is denied.\nat line 7")
    monkeypatch.setattr(launcher.subprocess, "run", lambda *words, **more: refused)
    with pytest.raises(UserError, match=r"Access is denied\.") as failure:
        launcher.make_launcher("win32", tmp_path)
    assert failure.value.remedy


@pytest.mark.skipif(sys.platform != "win32", reason="WScript.Shell")
def test_windows_makes_the_shortcut(tmp_path: Path) -> None:
    assert launcher.make_launcher("win32", tmp_path).is_file()


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    for platform in ("linux", "darwin"):
        with pytest.raises(UserError, match="could not be written"):
            launcher.make_launcher(platform, tmp_path / "home")


def test_resources_are_found_and_missing_ones_told() -> None:
    for name in ("fovea.svg", "fovea.png", "fovea.ico", "fovea.icns"):
        assert resources.path(f"icons/{name}").stat().st_size > 1000
    with pytest.raises(FileNotFoundError):
        resources.path("icons/nothing.png")


def test_command_makes_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from engine import commands

    monkeypatch.setattr(launcher, "make_launcher", lambda: tmp_path / "fovea.desktop")
    assert commands.run(["shortcut"]) == 0
    assert str(tmp_path / "fovea.desktop") in capsys.readouterr().out


def test_window_asks_for_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "make_launcher", lambda: tmp_path / "fovea.desktop")
    events: list[Event] = []
    Session().run(MakeLauncher(), CancelToken(), events.append)
    assert isinstance(events[0], Notice) and str(tmp_path / "fovea.desktop") in events[0].text
