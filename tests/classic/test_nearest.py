"""Nearest neighbour: the course's figure, scikit-learn's answers, exactness, cancelling, files."""

import gzip

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from engine.classic.nearest import NearestNeighbour, distances
from engine.classifier import Classifier
from engine.control import Cancelled, CancelToken
from engine.failure import UserError

TOKEN = CancelToken()


def fitted(pixels, labels, neighbours=1, distance="l2", classes=None) -> NearestNeighbour:
    model = NearestNeighbour(neighbours, distance)
    model.fit(pixels, labels, classes or int(labels.max()) + 1, TOKEN)
    return model


def single_pixels(*values):
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images.astype(np.uint8)[..., None], data.target.astype(np.int64)


def test_distance_of_the_course():
    test = [[56, 32, 10, 18], [90, 23, 128, 133], [24, 26, 178, 200], [2, 0, 255, 220]]
    train = [[10, 20, 24, 17], [8, 10, 89, 100], [12, 16, 178, 170], [4, 32, 233, 112]]
    a, b = (torch.tensor(rows, dtype=torch.uint8).reshape(1, 16) for rows in (test, train))
    assert distances(a, b, "l1").item() == 456
    model = fitted(np.array([train], np.uint8)[..., None], np.zeros(1, np.int64), distance="l1")
    rows, found = model.nearest(np.array([test], np.uint8)[..., None], TOKEN)
    assert (rows.item(), found.item()) == (0, 456)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
@pytest.mark.parametrize(("distance", "metric"), [("l1", "manhattan"), ("l2", "euclidean")])
def test_same_answers_as_scikit_learn(digits, distance, metric, neighbours):
    pixels, labels = digits
    train, test = slice(0, 1200), slice(1200, None)
    model = fitted(pixels[train], labels[train], neighbours, distance)
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    reference = KNeighborsClassifier(neighbours, algorithm="brute", metric=metric).fit(flat[train], labels[train])
    expected, _ = reference.kneighbors(flat[test], neighbours + 1)
    _, found = model.nearest(pixels[test], TOKEN)
    np.testing.assert_allclose(np.sqrt(found) if distance == "l2" else found, expected[:, :neighbours])
    decided = expected[:, -1] > expected[:, -2]  # elsewhere the last voter is drawn by lot among equals
    ours, theirs = model.predict_proba(pixels[test], TOKEN), reference.predict_proba(flat[test])
    assert decided.mean() > 0.75  # whole-number distances of digits are often equal
    np.testing.assert_allclose(ours[decided], theirs[decided], atol=1e-3)
    assert (ours.argmax(axis=1) == labels[test]).mean() > 0.95


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 30), st.sampled_from([1, 7, 64, 1024, 1025, 3072]), st.sampled_from(["l1", "l2"]), st.integers(0, 99)
)
def test_distances_are_exact(asked, known, columns, distance, seed):
    random = np.random.default_rng(seed)
    extremes = np.array([0, 1, 127, 128, 254, 255], np.uint8)
    a, b = (random.choice(extremes, (count, columns)) for count in (asked, known))
    difference = a[:, None].astype(np.int64) - b[None].astype(np.int64)
    expected = np.abs(difference).sum(axis=2) if distance == "l1" else (difference**2).sum(axis=2)
    np.testing.assert_array_equal(distances(torch.from_numpy(a), torch.from_numpy(b), distance).numpy(), expected)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_tiles_change_nothing(digits, distance, monkeypatch):
    pixels, labels = digits
    whole = fitted(pixels[:600], labels[:600], 7, distance).nearest(pixels[600:900], TOKEN)
    monkeypatch.setattr("engine.classic.nearest.ROWS", 17)
    monkeypatch.setattr("engine.classic.nearest.KEYS", 17 * 5)  # tiles smaller than k
    tiled = fitted(pixels[:600], labels[:600], 7, distance).nearest(pixels[600:900], TOKEN)
    np.testing.assert_array_equal(whole[0], tiled[0])
    np.testing.assert_array_equal(whole[1], tiled[1])


def test_of_equal_distances_the_first_is_nearer():
    model = fitted(single_pixels(5, 3, 5, 3), np.array([0, 1, 2, 3]), 3)
    rows, found = model.nearest(single_pixels(4, 5), TOKEN)
    assert rows.tolist() == [[0, 1, 2], [0, 2, 1]]
    assert found.tolist() == [[1, 1, 1], [0, 0, 4]]


def test_votes_are_shared_and_ties_go_to_the_nearest():
    labels = np.array([0, 1, 1, 2])
    model = fitted(single_pixels(10, 20, 30, 90), labels, 3)
    np.testing.assert_allclose(model.predict_proba(single_pixels(12), TOKEN), [[1 / 3, 2 / 3, 0]], rtol=1e-6)
    model = fitted(single_pixels(10, 20, 30, 90), labels, 2)
    tied = model.predict_proba(single_pixels(12, 16), TOKEN)
    assert tied.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(tied, [[0.5, 0.5, 0]] * 2, atol=1e-3)
    np.testing.assert_allclose(tied.sum(axis=1), 1, rtol=1e-6)
    assert tied.dtype == np.float32


def test_a_tie_is_not_given_to_a_nearer_class_with_fewer_votes():
    model = fitted(single_pixels(10, 20, 21, 30, 31), np.array([2, 1, 0, 0, 1]), 5)
    assert model.predict_proba(single_pixels(10), TOKEN).argmax() == 1


def test_classes_without_pictures_get_nothing():
    model = fitted(single_pixels(1, 2), np.array([0, 2]), classes=5)
    assert model.predict_proba(single_pixels(2), TOKEN).tolist() == [[0, 0, 1, 0, 0]]


def test_nothing_asked_nothing_answered():
    model = fitted(single_pixels(1, 2), np.array([0, 1]))
    assert model.predict_proba(np.empty((0, 1, 1, 1), np.uint8), TOKEN).shape == (0, 2)


def test_pictures_are_copied_and_read_only_arrays_are_taken():
    pixels = single_pixels(1, 200)
    model = fitted(pixels, np.array([0, 1]))
    pixels[:] = 77
    asked = single_pixels(1)
    asked.setflags(write=False)
    assert model.nearest(asked, TOKEN)[1].item() == 0


def test_cancelling_stops_at_the_next_tile(digits, monkeypatch):
    class Impatient(CancelToken):
        checks = 0

        def check(self):
            self.checks += 1
            if self.checks == 3:
                self.cancel()
            super().check()

    monkeypatch.setattr("engine.classic.nearest.ROWS", 10)
    pixels, labels = digits
    token = Impatient()
    model = fitted(pixels, labels)
    with pytest.raises(Cancelled):
        model.predict_proba(pixels, token)
    assert token.checks == 3


def test_file_round_trip(digits, tmp_path):
    pixels, labels = digits
    model: Classifier = fitted(pixels[:300], labels[:300], 3, "l1")
    model.save(tmp_path / "model.safetensors")
    again = NearestNeighbour.load(tmp_path / "model.safetensors")
    assert again.describe() == model.describe() == "the 3 nearest pictures vote by L1 distance, 300 pictures of 8×8×1, 10 classes"
    np.testing.assert_array_equal(again.predict_proba(pixels[300:400], TOKEN), model.predict_proba(pixels[300:400], TOKEN))


@pytest.mark.parametrize(
    ("tensors", "settings_"),
    [
        ({"pixels": torch.zeros(2, 1, 1, 1, dtype=torch.uint8), "labels": torch.zeros(2, dtype=torch.int64)}, {}),
        ({"weight": torch.zeros(2)}, {"neighbours": "1", "classes": "2"}),
        ({"pixels": torch.zeros(2, 1, 1, 1), "labels": torch.zeros(2, dtype=torch.int64)}, {"neighbours": "1", "classes": "2"}),
        ({"pixels": torch.zeros(2, 1, 1, 1, dtype=torch.uint8), "labels": torch.tensor([0, 7])}, {"neighbours": "1", "classes": "2"}),
        ({"pixels": torch.zeros(2, 1, 1, 1, dtype=torch.uint8), "labels": torch.tensor([0, 1])}, {"neighbours": "9", "classes": "2"}),
        ({"pixels": torch.zeros(2, 1, 1, 1, dtype=torch.uint8), "labels": torch.tensor([0, 1])}, {"neighbours": "x", "classes": "2"}),
        ({"pixels": torch.zeros(2, 1, 1, 1, dtype=torch.uint8), "labels": torch.tensor([0.5, 1])}, {"neighbours": "1", "classes": "2"}),
        ({"pixels": torch.zeros(1, 1, 1, 1, dtype=torch.uint8), "labels": torch.tensor([0])}, {"neighbours": "1", "classes": "9" * 12}),
        (
            {"pixels": torch.zeros(0, 1, 1, 1, dtype=torch.uint8), "labels": torch.zeros(0, dtype=torch.int64)},
            {"neighbours": "0", "classes": "2"},
        ),
    ],
)
def test_foreign_files_are_refused(tensors, settings_, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(tensors, path, metadata={"kind": "nearest-neighbour", "distance": "l1", **settings_})
    with pytest.raises(UserError, match="holds no nearest-neighbour"):
        NearestNeighbour.load(path)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 64])
def test_damaged_files_are_refused(content, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="holds no nearest-neighbour"):
        NearestNeighbour.load(path)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(UserError, match="2 training pictures"):
        fitted(single_pixels(1, 2), np.array([0, 1]), 3)
    with pytest.raises(UserError, match="cannot vote"):
        NearestNeighbour(0)
    with pytest.raises(ValueError, match="labels from"):
        NearestNeighbour().fit(single_pixels(1), np.array([3]), 2, TOKEN)
    with pytest.raises(ValueError, match="pixels"):
        fitted(single_pixels(1, 2), np.array([0, 1])).predict_proba(np.zeros((1, 2, 2, 1), np.uint8), TOKEN)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_neighbours(digits):
    pixels, labels = digits
    for distance in ("l1", "l2"):
        here = fitted(pixels[:1200], labels[:1200], 5, distance)
        there = NearestNeighbour(5, distance, "cuda")
        there.fit(pixels[:1200], labels[:1200], 10, TOKEN)
        for ours, theirs in zip(here.nearest(pixels[1200:], TOKEN), there.nearest(pixels[1200:], TOKEN), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.shared_data
def test_mnist(shared_data):
    raw = shared_data / "MNIST" / "MNIST" / "raw"

    def read(name, offset):
        return np.frombuffer(gzip.decompress((raw / name).read_bytes()), np.uint8, offset=offset)

    pixels = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
    labels = read("train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    asked = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)[:1000]
    answers = read("t10k-labels-idx1-ubyte.gz", 8)[:1000]
    predicted = fitted(pixels, labels).predict_proba(asked, TOKEN).argmax(axis=1)
    assert (predicted == answers).mean() > 0.95
