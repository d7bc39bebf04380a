"""Small files in exactly the layouts in which published sets come, filled with noise."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

SEED = 20_26


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(SEED + sum(shape)).integers(0, 256, shape, np.uint8)


def idx(path: Path, array: np.ndarray, packed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


def emnist(root: Path, option: str, labels: np.ndarray, packed: bool = False) -> None:
    for part in ("train", "test"):
        start = root / "EMNIST" / "raw" / f"emnist-{option}-{part}"
        ending = ".gz" if packed else ""
        idx(Path(f"{start}-images-idx3-ubyte{ending}"), noise(len(labels), 28, 28), packed)
        idx(Path(f"{start}-labels-idx1-ubyte{ending}"), labels.astype(np.uint8), packed)


class _AsPython2(pickle._Pickler):
    """Writes bytes as Python 2 wrote its text; without it they would become calls of a function."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012 - as its base has it

    def save_text(self, text: bytes) -> None:
        self.write(b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_text


def as_python_2(batch: dict) -> bytes:
    """A pickle as CIFAR's are: protocol 2, text of Python 2, arrays of numpy before its modules moved."""
    stream = io.BytesIO()
    _AsPython2(stream, 2).dump({key.encode(): value for key, value in batch.items()})
    return stream.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def cifar_10(root: Path, each: int = 4) -> dict[str, np.ndarray]:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rows = {}
    for number, name in enumerate(("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")):
        rows[name] = noise(each, 3072) + np.uint8(number)
        labels = [(row + number) % 10 for row in range(each)]
        batch = {"batch_label": b"x", "labels": labels, "data": rows[name], "filenames": [b"a.png"] * each}
        (folder / name).write_bytes(as_python_2(batch))
    names = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck"]
    (folder / "batches.meta").write_bytes(as_python_2({"label_names": names, "num_vis": 3072}))
    return rows


def cifar_100(root: Path, each: int = 6) -> dict[str, np.ndarray]:
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    rows = {}
    for number, name in enumerate(("train", "test")):
        rows[name] = noise(each, 3072) + np.uint8(number)
        fine, coarse = [(7 * row + number) % 100 for row in range(each)], [row % 20 for row in range(each)]
        (folder / name).write_bytes(as_python_2({"data": rows[name], "fine_labels": fine, "coarse_labels": coarse}))
    names = {"fine_label_names": [b"fine %d" % at for at in range(100)], "coarse_label_names": [b"coarse %d" % at for at in range(20)]}
    (folder / "meta").write_bytes(as_python_2(names))
    return rows


def cifar_binary(root: Path, each: int = 5) -> None:
    """Both sets in their binary version, with the pixels and labels of `each` pictures a file."""
    ten, hundred = root / "cifar-10-batches-bin", root / "cifar-100-binary"
    ten.mkdir(parents=True)
    hundred.mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (ten / f"{name}.bin").write_bytes(np.hstack([np.arange(each, dtype=np.uint8)[:, None], noise(each, 3072)]).tobytes())
    (ten / "batches.meta.txt").write_text("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n")
    for name in ("train", "test"):
        labels = np.stack([np.arange(each) % 20, np.arange(each) * 3], 1).astype(np.uint8)
        (hundred / f"{name}.bin").write_bytes(np.hstack([labels, noise(each, 3072)]).tobytes())
    (hundred / "fine_label_names.txt").write_text("\n".join(f"fine {at}" for at in range(100)))
    (hundred / "coarse_label_names.txt").write_text("\n".join(f"coarse {at}" for at in range(20)))


def svhn(root: Path, each: int = 12) -> None:
    (root / "svhn").mkdir(parents=True)
    for number, name in enumerate(("train", "test")):
        labels = (np.arange(each) % 10 + 1).astype(np.uint8)[:, None]  # 10 stands for the digit 0
        savemat(root / "svhn" / f"{name}_32x32.mat", {"X": noise(32, 32, 3, each) + np.uint8(number), "y": labels}, do_compression=True)


def stl(root: Path, each: int = 3) -> None:
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for name in ("train", "test"):
        (folder / f"{name}_X.bin").write_bytes(noise(each, 3, 96, 96).tobytes())
        (folder / f"{name}_y.bin").write_bytes((np.arange(each) % 10 + 1).astype(np.uint8).tobytes())
    (folder / "unlabeled_X.bin").write_bytes(noise(each + 1, 3, 96, 96).tobytes())
    (folder / "class_names.txt").write_text("airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n")


def photo(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((16, 24, 3), (shade * 37 % 256, 90, 200 - shade % 100), np.uint8))


def flowers(root: Path) -> None:
    base = root / "flowers-102"
    for number in range(1, 13):
        photo(base / "jpg" / f"image_{number:05d}.jpg", number)
    savemat(base / "imagelabels.mat", {"labels": np.array([[1, 1, 2, 2, 3, 3, 77, 77, 77, 102, 102, 102]], np.uint8)})
    savemat(
        base / "setid.mat", {"trnid": np.array([[1, 3, 5, 7, 10]]), "valid": np.array([[2, 8, 11]]), "tstid": np.array([[4, 6, 9, 12]])}
    )


def pets(root: Path) -> None:
    base = root / "oxford-iiit-pet"
    (base / "annotations").mkdir(parents=True)
    lines = {"trainval": ["Abyssinian_1 1 1 1", "american_bulldog_7 2 2 1"], "test": ["Abyssinian_2 1 1 1", "american_bulldog_9 2 2 1"]}
    for part, rows in lines.items():
        (base / "annotations" / f"{part}.txt").write_text("\n".join(rows) + "\n")
        for number, row in enumerate(rows):
            photo(base / "images" / f"{row.split()[0]}.jpg", number + len(part))


def food(root: Path) -> None:
    base = root / "food-101"
    (base / "meta").mkdir(parents=True)
    listed = {
        "train": {"apple_pie": ["apple_pie/1", "apple_pie/2"], "waffles": ["waffles/3"]},
        "test": {"apple_pie": ["apple_pie/4"], "waffles": ["waffles/5"]},
    }
    for part, dishes in listed.items():
        (base / "meta" / f"{part}.json").write_text(json.dumps(dishes))
        for pictures in dishes.values():
            for name in pictures:
                photo(base / "images" / f"{name}.jpg", int(name[-1]))


def aircraft(root: Path) -> None:
    base = root / "fgvc-aircraft-2013b" / "data"
    base.mkdir(parents=True)
    classes = {"variant": ["707-320", "A300B4", "DR-400"], "family": ["Boeing 707", "A300"], "manufacturer": ["Boeing", "Airbus"]}
    for option, file in (("variant", "variants"), ("family", "families"), ("manufacturer", "manufacturers")):
        (base / f"{file}.txt").write_text("\n".join(classes[option]) + "\n")
        for at, part in enumerate(("train", "val", "test")):
            names = classes[option]
            rows = [f"{10 * at + number:07d} {names[number % len(names)]}" for number in range(3)]
            (base / f"images_{option}_{part}.txt").write_text("\n".join(rows) + "\n")
            for number in range(3):
                photo(base / "images" / f"{10 * at + number:07d}.jpg", 10 * at + number)


def cars(root: Path) -> None:
    base = root / "stanford_cars"
    (base / "devkit").mkdir(parents=True)
    savemat(base / "devkit" / "cars_meta.mat", {"class_names": np.array(["AM General Hummer SUV 2000", "Acura RL Sedan 2012"], object)})
    kind = [("bbox_x1", "O"), ("class", "O"), ("fname", "O")]
    for file, part in ((base / "devkit" / "cars_train_annos.mat", "cars_train"), (base / "cars_test_annos_withlabels.mat", "cars_test")):
        rows = np.array([(1, at % 2 + 1, f"{at + 1:05d}.jpg") for at in range(4)], kind)
        savemat(file, {"annotations": rows})
        for at in range(4):
            photo(base / part / f"{at + 1:05d}.jpg", at + len(part))


def cub(root: Path) -> None:
    base = root / "CUB_200_2011"
    base.mkdir(parents=True)
    names = ["001.Black_footed_Albatross/a.jpg", "001.Black_footed_Albatross/b.jpg", "002.Laysan_Albatross/c.jpg"]
    (base / "images.txt").write_text("".join(f"{at} {name}\n" for at, name in enumerate(names, 1)))
    (base / "image_class_labels.txt").write_text("1 1\n2 1\n3 2\n")
    (base / "train_test_split.txt").write_text("1 1\n2 0\n3 1\n")
    (base / "classes.txt").write_text("1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n")
    for at, name in enumerate(names):
        photo(base / "images" / name, at)


def caltech(root: Path) -> None:
    for name, many in (("accordion", 3), ("BACKGROUND_Google", 2), ("Faces", 2)):
        for number in range(1, many + 1):
            photo(root / "caltech101" / "101_ObjectCategories" / name / f"image_{number:04d}.jpg", number + len(name))


def imagenet(root: Path) -> None:
    for part, many in (("train", 3), ("val", 2)):
        for number in ("n01440764", "n02012849", "n03126707"):
            for at in range(many):
                photo(root / part / number / f"{part}_{number}_{at}.JPEG.jpg", at)
    kit = root / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    rows = [
        (1, "n01440764", "tench, Tinca tinca", "", 0), (2, "n02012849", "crane", "", 0), (3, "n03126707", "crane", "", 0),
        (4, "n00001740", "entity", "", 3),
    ]  # fmt: skip
    savemat(kit / "meta.mat", {"synsets": np.array(rows, kind)})
