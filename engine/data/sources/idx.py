"""Raw files of the MNIST family: pictures and labels in IDX files, packed or not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from engine.control import CancelToken
from engine.data import locators
from engine.data.sources.records import Item, Progress, Source
from engine.failure import UserError
from engine.project.records import Split

IDX_PARTS = (("train", Split.TRAIN), ("t10k", Split.TEST))
# The raw files carry no names of classes; these are the published ones.
CLASS_NAMES = {
    "fashion": ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The pictures of raw files in a folder, or in raw/ or NAME/raw/ below it; None where there are none.

    Raises
    ------
    UserError
        If the files are damaged or do not belong together.
    """
    files = find_idx(folder)
    return None if files is None else idx_source(folder, files)


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
