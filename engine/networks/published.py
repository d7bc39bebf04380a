"""Errors on ImageNet (ILSVRC 2012, 1000 classes) as they were published, to plot beside a network's work. Data; no torch.

They are not made under one protocol: some are of many crops and scales of a picture, some of the test split, and those with more
pictures to learn from stand apart by `trained_on`. Compare them with each other with that in mind, and never with other pictures.
"""

from __future__ import annotations

from typing import Literal

import msgspec

ALEXNET_PAPER = "Krizhevsky, Sutskever and Hinton, NIPS 2012, table 2"
RESNET_PAPER = "He, Zhang, Ren and Sun, CVPR 2016, table 4"
ENSEMBLES = "He, Zhang, Ren and Sun, CVPR 2016, table 5"
VIT_PAPER = "Dosovitskiy et al., ICLR 2021, table 2"
HUMAN_PAPER = "Russakovsky et al., IJCV 2015, section 6.4"

IMAGENET_1K, IMAGENET_21K, JFT = "ImageNet-1k", "ImageNet-21k", "JFT-300M"


class Published(msgspec.Struct, frozen=True):
    """A published error.

    Attributes
    ----------
    title : str
        Of the network, as the publication has it.
    network : str
        Name in the zoo of the network that was measured; "" where the zoo has none that equals it.
    year : int
        Of the result.
    top1, top5 : float or None
        Errors in per cent; None where they were not told.
    setting : {"single", "ensemble"}
        One network, or the mean of several.
    split : {"validation", "test"}
        Of ILSVRC 2012.
    source : str
        Where the figures stand.
    trained_on : str
        The pictures that it learned from, before fine-tuning where there was one.
    side : int or None
        Side in pixels of the input that it was measured at, where that is not the zoo's own.
    """

    title: str
    network: str
    year: int
    top1: float | None
    top5: float | None
    setting: Literal["single", "ensemble"]
    split: Literal["validation", "test"]
    source: str
    trained_on: str = IMAGENET_1K
    side: int | None = None


def _single(title: str, network: str, year: int, top1: float | None, top5: float | None, source: str = RESNET_PAPER) -> Published:
    return Published(title, network, year, top1, top5, "single", "validation", source)


def _ensemble(title: str, year: int, top5: float) -> Published:
    return Published(title, "", year, None, top5, "ensemble", "test", ENSEMBLES)


def _pretrained(title: str, network: str, accuracy: float, trained_on: str, side: int | None) -> Published:
    return Published(title, network, 2020, round(100 - accuracy, 2), None, "single", "validation", VIT_PAPER, trained_on, side)


PUBLISHED: tuple[Published, ...] = (
    _single("AlexNet", "alexnet", 2012, 40.7, 18.2, ALEXNET_PAPER),
    Published("VGG (ILSVRC 2014)", "", 2014, None, 8.43, "single", "test", RESNET_PAPER),
    _single("VGG-19 (v5)", "vgg-19", 2015, 24.4, 7.1),
    _single("GoogLeNet", "googlenet", 2014, None, 7.89),
    _single("PReLU-net", "", 2015, 21.59, 5.71),
    _single("BN-Inception", "", 2015, 21.99, 5.81),
    _single("ResNet-34 B", "resnet-34", 2015, 21.84, 5.71),
    _single("ResNet-34 C", "", 2015, 21.53, 5.60),
    _single("ResNet-50", "resnet-50", 2015, 20.74, 5.25),
    _single("ResNet-101", "resnet-101", 2015, 19.87, 4.60),
    _single("ResNet-152", "resnet-152", 2015, 19.38, 4.49),
    _pretrained("ViT-H/14 (JFT)", "vit-h-14", 88.55, JFT, 518),
    _pretrained("ViT-L/16 (JFT)", "vit-l-16", 87.76, JFT, 512),
    _pretrained("ViT-L/16 (21k)", "vit-l-16", 85.30, IMAGENET_21K, 512),
    _pretrained("BiT-L (JFT)", "", 87.54, JFT, None),
    _ensemble("VGG (ILSVRC 2014)", 2014, 7.32),
    _ensemble("GoogLeNet", 2014, 6.66),
    _ensemble("VGG (v5)", 2015, 6.8),
    _ensemble("PReLU-net", 2015, 4.94),
    _ensemble("BN-Inception", 2015, 4.82),
    _ensemble("ResNet", 2015, 3.57),
)
"""Single networks first, then ensembles; each by year."""

PERSON = Published("a person", "", 2015, None, 5.1, "single", "test", HUMAN_PAPER, trained_on="practice on 500 pictures")
"""The better of two people, over 1,500 pictures of the test split; the other made 12 % errors, over 258."""
