"""Files that Fovea carries with it: icons and the like, found in a source tree and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """The file of this name, for example "icons/fovea.png".

    Raises
    ------
    FileNotFoundError
        If Fovea carries no such file.
    """
    file = FOLDER / name
    if not file.is_file():
        raise FileNotFoundError(2, "Fovea carries no such file", str(file))
    return file
