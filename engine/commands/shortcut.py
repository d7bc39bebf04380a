"""The command `shortcut`."""

from __future__ import annotations

import argparse

from engine import launcher
from engine.commands.output import Output
from engine.control import CancelToken


def shortcut(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Make a launcher with Fovea's icon for this system."""
    place = launcher.make_launcher()
    output.answer({"file": str(place)}, [f"Made {place}"])
    return 0
