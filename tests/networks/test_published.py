"""Published errors: those of the course to the digit, each with its source, and of networks that the zoo has."""

import subprocess
import sys

import pytest

from engine.networks import zoo
from engine.networks.published import PERSON, PUBLISHED, Published


def found(title: str, setting: str = "single") -> Published:
    return next(record for record in PUBLISHED if record.title == title and record.setting == setting)


@pytest.mark.parametrize(
    ("title", "top1", "top5"),
    [
        ("AlexNet", 40.7, 18.2),
        ("VGG (ILSVRC 2014)", None, 8.43),
        ("VGG-19 (v5)", 24.4, 7.1),
        ("GoogLeNet", None, 7.89),
        ("PReLU-net", 21.59, 5.71),
        ("BN-Inception", 21.99, 5.81),
        ("ResNet-34 B", 21.84, 5.71),
        ("ResNet-34 C", 21.53, 5.60),
        ("ResNet-50", 20.74, 5.25),
        ("ResNet-101", 19.87, 4.60),
        ("ResNet-152", 19.38, 4.49),
        ("ViT-H/14 (JFT)", 11.45, None),
        ("ViT-L/16 (JFT)", 12.24, None),
        ("ViT-L/16 (21k)", 14.70, None),
        ("BiT-L (JFT)", 12.46, None),
    ],
)
def test_single_networks_as_published(title, top1, top5):
    record = found(title)
    assert (record.top1, record.top5) == (top1, top5)


def test_ensembles_as_published_and_only_some_below_a_person():
    errors = {record.title: record.top5 for record in PUBLISHED if record.setting == "ensemble"}
    assert errors == {
        "VGG (ILSVRC 2014)": 7.32,
        "GoogLeNet": 6.66,
        "VGG (v5)": 6.8,
        "PReLU-net": 4.94,
        "BN-Inception": 4.82,
        "ResNet": 3.57,
    }
    below = sorted((record.year, record.title) for record in PUBLISHED if record.setting == "ensemble" and record.top5 < PERSON.top5)
    assert below[0] != (2015, "ResNet") and {title for _, title in below} == {"PReLU-net", "BN-Inception", "ResNet"}


def test_each_has_a_source_and_a_network_of_the_zoo_or_none():
    assert len({(record.title, record.setting) for record in PUBLISHED}) == len(PUBLISHED)
    for record in (*PUBLISHED, PERSON):
        assert record.source and record.trained_on and (record.top1 is not None or record.top5 is not None)
        if record.network:
            card = zoo.card(record.network)
            assert card.default_classes == 1000
            zoo.make(record.network, (3, record.side, record.side) if record.side else card.default_input, 1000)


def test_reading_them_loads_no_torch():
    code = "import sys; import engine.networks.published; assert 'torch' not in sys.modules and 'PySide6' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
