"""Understanding what a person points at: a sample, a folder of folders, train and test folders, raw MNIST files, a project, a file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np

from engine.control import CancelToken
from engine.data import locators
from engine.data.decoding import UnreadablePicture, read_header
from engine.failure import UserError
from engine.project.records import Skipped, Split

PROJECT_FILE = "project.sqlite"
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), Split.VALIDATION),
    **dict.fromkeys(("test", "testing"), Split.TEST),
}
SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
IDX_PARTS = (("train", Split.TRAIN), ("t10k", Split.TEST))
# The raw files carry no names of classes; these are the published ones.
CLASS_NAMES = {
    "fashion": ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}

BAD_NAME = "has a name that is not valid text"

Progress = Callable[[int, int], None]


class Item(msgspec.Struct, frozen=True):
    """A picture as found: its locator, the index of its class (-1: none), its split, its name as shown."""

    locator: str
    label: int
    split: Split
    name: str


class Source(msgspec.Struct, frozen=True):
    """What was found. Locators of files are relative to `root`. Every class has at least one item. A project has a `digest`."""

    name: str
    kind: str
    root: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""


def scan(data: str | Path, token: CancelToken | None = None, progress: Progress | None = None) -> Source:
    """Find the pictures, classes and splits in `data`; reads headers, decodes nothing.

    Parameters
    ----------
    data : str or Path
        "digits", a folder or a file.
    token : CancelToken, optional
        Checked before every file.
    progress : callable, optional
        Called with files looked at and files in all.

    Raises
    ------
    UserError
        If there is no such thing, or it holds no picture.
    Cancelled
        If the token was cancelled.
    """
    if data == "digits" and not Path("digits").exists():
        return digits_source()
    path = Path(data).absolute()
    if path.is_file():
        return _from_file(path)
    if not path.is_dir():
        raise UserError(f"There is no file or folder {path}.", 'Check the path, or use the bundled sample "digits".')
    if (path / PROJECT_FILE).is_file():
        return _from_project(path)
    raw = find_idx(path)
    if raw is not None:
        return idx_source(path, raw)
    return _from_folder(path, token or CancelToken(), progress)


def digits_source() -> Source:
    """scikit-learn's 1,797 handwritten digits."""
    _, labels = locators.digits()
    items = tuple(Item(f"digits:{row}", int(label), Split.NONE, f"digit {row}") for row, label in enumerate(labels))
    return Source("Digits", "digits", "", tuple("0123456789"), items)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts "beach_2" before "beach_10"."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]+)", name.casefold()) if part)


# ---------------------------------------------------------------- files and folders


def _from_file(path: Path) -> Source:
    header_error = _check(path)
    if header_error is not None:
        raise UserError(f"{path.name} {header_error}.", "Choose a picture, or a folder of pictures.")
    return Source(path.stem, "file", str(path.parent), (), (Item(f"file:{path.name}", -1, Split.NONE, path.name),))


def _from_folder(path: Path, token: CancelToken, progress: Progress | None) -> Source:
    found: list[tuple[str, ...]] = []  # parts of each picture's path below `path`
    skipped: list[Skipped] = []
    files = walk(path, token)
    cut = len(os.path.join(path, ""))
    for number, file in enumerate(files):
        token.check()
        if progress is not None:
            progress(number, len(files))
        below = os.fspath(file)[cut:]
        reason = _check(file) if spelled(below) else BAD_NAME
        parts = tuple(below.split(os.sep))
        if reason is None:
            found.append(parts)
        else:
            skipped.append(Skipped(readable("/".join(parts)), reason))
    if not found:
        raise UserError(f"The folder {path} holds no pictures.", _no_pictures(skipped))
    around, split_folders = _class_level(found)
    placed = [_placed(parts[around:], split_folders) for parts in found]
    classes = tuple(sorted({name for name, _ in placed if name}, key=natural))
    index = {name: number for number, name in enumerate(classes)}
    items = tuple(
        Item(f"file:{'/'.join(parts)}", index.get(name, -1), split, parts[-1]) for parts, (name, split) in zip(found, placed, strict=True)
    )
    kind = "pictures" if not classes else "split folders" if split_folders else "class folders"
    warnings = _warnings(path.joinpath(*found[0][:around]), {parts[around] for parts in found}, items) if classes else ()
    return Source(path.name, kind, str(path), classes, items, tuple(skipped), warnings)


def _placed(parts: tuple[str, ...], split_folders: bool) -> tuple[str, Split]:
    """Class (empty: none) and split by the folders that a picture lies in."""
    if not split_folders:
        return (parts[0] if len(parts) > 1 else ""), Split.NONE
    split = SPLIT_FOLDERS.get(parts[0].casefold(), Split.NONE) if len(parts) > 1 else Split.NONE
    return (parts[1] if split and len(parts) > 2 else ""), split


def walk(folder: Path, token: CancelToken) -> list[Path]:
    """All files below a folder that are not hidden, in natural order; folders that link in a circle are entered once."""
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        token.check()
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted((name for name in folders if not _hidden(name)), key=natural)
        found.extend(Path(place, name) for name in sorted(names, key=natural) if not _hidden(name))
    return found


def spelled(name: str) -> bool:
    """Whether a name is text; Linux allows names that are bytes of no encoding, which no database or window takes."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def readable(name: str) -> str:
    """A name for people, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "replace") if not spelled(name) else name


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in SYSTEM_FILES


def _check(path: Path) -> str | None:
    try:
        read_header(path)
    except UnreadablePicture as error:
        return error.reason
    return None


def _class_level(found: list[tuple[str, ...]]) -> tuple[int, bool]:
    """How many folders lie around everything, as in unpacked archives, and whether splits come before the classes."""
    around = 0
    while True:
        tops = {parts[around] for parts in found}
        if any(parts[around].casefold() in SPLIT_FOLDERS and len(parts) > around + 2 for parts in found):
            return around, True
        if len(tops) > 1 or any(len(parts) < around + 3 for parts in found):
            return around, False
        around += 1


def _no_pictures(skipped: list[Skipped]) -> str:
    if not skipped:
        return "Choose a folder with pictures, or with a folder of pictures for each class."
    first = skipped[0]
    more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
    return f"Looked at: {first.file} {first.reason}{more}."


def _warnings(base: Path, used: set[str], items: Iterable[Item]) -> tuple[str, ...]:
    warnings: list[str] = []
    loose = sum(item.label < 0 for item in items)
    if loose:
        which = "1 picture lies" if loose == 1 else f"{loose:,} pictures lie"
        warnings.append(f"{which} beside the folders of the classes, without a label.")
    folders = [place.name for place in base.iterdir() if place.is_dir() and not _hidden(place.name) and place.name not in used]
    warnings.extend(f"The folder {readable(name)} holds no pictures and makes no class." for name in sorted(folders, key=natural))
    return tuple(warnings)


# ---------------------------------------------------------------- raw files of the MNIST family

IdxFiles = tuple[tuple[Split, Path, Path], ...]


def find_idx(folder: Path) -> IdxFiles | None:
    """Image and label files of the MNIST family in a folder, or in raw/ or NAME/raw/ below it."""
    places = [folder, folder / "raw", *sorted(folder.glob("*/raw"))]
    for place in places:
        pairs = []
        for part, split in IDX_PARTS:
            images, labels = _idx_file(place, f"{part}-images"), _idx_file(place, f"{part}-labels")
            if images is not None and labels is not None:
                pairs.append((split, images, labels))
        if pairs:
            return tuple(pairs)
    return None


def _idx_file(folder: Path, start: str) -> Path | None:
    kind = "idx3" if start.endswith("images") else "idx1"
    for name in (f"{start}-{kind}-ubyte", f"{start}.{kind}-ubyte", f"{start}-{kind}-ubyte.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def idx_source(root: Path, files: IdxFiles) -> Source:
    """Pictures of raw files; the training file makes the training split, t10k the test split."""
    items: list[Item] = []
    highest = 0
    for split, images_file, labels_file in files:
        images, labels = locators.read_idx(images_file), locators.read_idx(labels_file)
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise UserError(
                f"{images_file.name} and {labels_file.name} do not belong together: {len(images):,} pictures, {len(labels):,} labels.",
                "Get both anew from where they came.",
            )
        place = locators.file_locator(images_file, root).removeprefix("file:")
        title = "test" if split is Split.TEST else "train"
        highest = max(highest, int(labels.max(initial=0)))
        items.extend(Item(f"idx:{place}#{row}", label, split, f"{title} {row}") for row, label in enumerate(labels.tolist()))
    present = np.bincount([item.label for item in items], minlength=highest + 1)
    names = _idx_names(root, files, highest + 1)
    renumbered = {old: new for new, old in enumerate(np.flatnonzero(present).tolist())}
    kept = tuple(names[old] for old in renumbered)
    if len(kept) < len(names):
        items = [msgspec.structs.replace(item, label=renumbered[item.label]) for item in items]
    return Source(root.name, "raw files", str(root), kept, tuple(items))


def _idx_names(root: Path, files: IdxFiles, count: int) -> tuple[str, ...]:
    where = "/".join((root.name, *files[0][1].parts[-3:])).casefold()
    for word, names in CLASS_NAMES.items():
        if word in where and count <= len(names):
            return names[:count]
    return tuple(str(number) for number in range(count))


def _from_project(folder: Path) -> Source:
    from engine.project.opened import read_source

    return read_source(folder)
