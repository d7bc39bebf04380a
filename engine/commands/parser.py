"""The commands and their options."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from engine.training.presets import PRESETS

DATA_HELP = (
    'the bundled sample "digits", a folder with a folder for each class, a folder with train/ and test/ of those, '
    "the raw files of a standard set (MNIST, CIFAR, SVHN, STL-10 and others), a CSV or TSV table of file, label and split, "
    "COCO, PASCAL VOC, OpenImages or YOLO annotations with their pictures, a zip of any of these, or a project's folder"
)
NETWORK_HELP = "a network of the zoo (see: networks), torchvision:NAME, timm:NAME, or a network JSON file"
WEIGHTS_HELP = "a .pth or .safetensors file of weights"


class WrongUsage(Exception):
    """Words that the parser does not take: what is wrong, and the command line as it should be."""

    def __init__(self, message: str, usage: str, program: str) -> None:
        super().__init__(message)
        self.message, self.usage, self.program = message, usage, program


class Parser(argparse.ArgumentParser):
    """Raises WrongUsage where argparse would end the program; its parsers of single commands are of the same kind."""

    def error(self, message: str) -> NoReturn:
        """Raise it."""
        raise WrongUsage(message, self.format_usage(), self.prog)


class Entry(NamedTuple):
    """A command: what it does, where its function is, and how its options are added."""

    summary: str
    place: tuple[str, str]
    add_options: Callable[[argparse.ArgumentParser], None]


def make_parser() -> Parser:
    """The parser of the whole command line. `--json` and `--debug` may stand before or after the command."""
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="write one JSON object to stdout")
    common.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    parser = Parser(
        prog="fovea",
        description="Image classification. Without a command the window opens.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted (what was finished is kept).",
        parents=[common],
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, entry in COMMANDS.items():
        command = commands.add_parser(name, help=entry.summary, description=entry.summary, parents=[common], allow_abbrev=False)
        entry.add_options(command)
    return parser


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help=f"{DATA_HELP}; or a packed training, see pack")
    _training(parser)
    parser.add_argument(
        "--out", metavar="FOLDER", help="the run's folder (runs/ID here, in the project that DATA is, or the packed folder)"
    )


def _pack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="RUN_OR_DATA", help=f"a run's folder, or {DATA_HELP}")
    parser.add_argument("out", metavar="OUT", help="the folder to make, or the archive where its name ends in .zip")
    _training(parser)


def _training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", metavar="NETWORK", help=f"{NETWORK_HELP}; needed unless DATA brings its own")
    parser.add_argument("--preset", choices=tuple(PRESETS), metavar="NAME", help=f"recipe: {', '.join(PRESETS)} (solid)")
    parser.add_argument("--epochs", type=_count, metavar="N", help="passes over the training pictures, in place of the preset's")
    parser.add_argument("--batch", type=_count, metavar="N", help="pictures a step")
    parser.add_argument("--lr", type=_rate, metavar="X", help="peak learning rate")
    parser.add_argument("--seed", type=_seed, metavar="N", help="seed of weights, order and augmentation (0)")
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps or xpu (auto)")
    parser.add_argument("--size", type=_count, metavar="N", help="side of the network's input in pixels")
    parser.add_argument("--resize", choices=("squash", "crop", "pad"), help="how pictures come to that size (what suits them)")
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--pretrained", action="store_true", help="begin with weights learned on ImageNet, fetched where they are missing")
    weights.add_argument("--weights", metavar="FILE", help=f"begin with {WEIGHTS_HELP}")
    parser.add_argument("--freeze", action="store_true", help="let the last layer alone learn; the others keep those weights")


def _resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's folder")
    parser.add_argument("--epochs", type=_count, metavar="N", help="new number of epochs in all; a completed run needs a larger one")


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's folder")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)


def _predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN_OR_NETWORK", help=f"a run's folder, or {NETWORK_HELP}")
    parser.add_argument("images", nargs="+", metavar="IMAGE_OR_FOLDER", help="pictures; folders are searched")
    parser.add_argument("--weights", metavar="FILE", help=f"{WEIGHTS_HELP} for a network; without it those learned on ImageNet are fetched")
    parser.add_argument("--top", type=_count, default=5, metavar="N", help="classes to name for each picture (5)")
    parser.add_argument("--csv", metavar="FILE", help="write the answers to a CSV file as well")


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NETWORK", help=NETWORK_HELP)
    parser.add_argument("--input", type=_shape, metavar="CxHxW", help="channels, height and width, for example 1x32x32")
    parser.add_argument("--classes", type=_count, metavar="N", help="number of classes")


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument("--run", metavar="RUN", help="a run's folder: labels are judged by what it has learned")


def _nothing(parser: argparse.ArgumentParser) -> None:
    return


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 2^63 - 1")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _shape(text: str) -> tuple[int, int, int]:
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is not of the form CxHxW, for example 3x32x32")
    channels, height, width = (int(part) for part in parts)
    return channels, height, width


COMMANDS: dict[str, Entry] = {
    "train": Entry("Train a network on pictures.", ("engine.commands.training", "train"), _train),
    "resume": Entry("Go on with a run that was stopped or killed.", ("engine.commands.training", "resume"), _resume),
    "pack": Entry("Pack a training into one folder, for other machines.", ("engine.commands.packing", "pack"), _pack),
    "evaluate": Entry("Measure a run on pictures.", ("engine.commands.evaluating", "evaluate"), _evaluate),
    "predict": Entry(
        "Classify pictures with a run, or with a network and learned weights.", ("engine.commands.predicting", "predict"), _predict
    ),
    "networks": Entry("List the networks of the zoo.", ("engine.commands.networks", "networks"), _nothing),
    "describe": Entry("Work a network out, layer by layer.", ("engine.commands.networks", "describe"), _describe),
    "data": Entry("Look through pictures before they are used.", ("engine.commands.data", "data"), _data),
    "doctor": Entry("Look for what is wrong with pictures and labels.", ("engine.commands.doctor", "doctor"), _doctor),
    "shortcut": Entry("Make an icon that opens the window.", ("engine.commands.shortcut", "shortcut"), _nothing),
}
