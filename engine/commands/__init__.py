"""The headless commands: train, evaluate, predict and the like. They drive the same engine as the window and load no Qt."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from engine.commands.output import Output
from engine.commands.parser import COMMANDS, make_parser
from engine.control import Cancelled, CancelToken, wait_passively
from engine.failure import describe

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def run(words: list[str]) -> int:
    """Carry out a command line; gives the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    Raises
    ------
    ImportError
        If a library is not installed.
    """
    name = next((word for word in words if not word.startswith("-")), None)
    if name is not None and name not in COMMANDS:
        sys.stderr.write(f"fovea: {not_a_command(name)}\n")
        return WRONG_USAGE
    try:
        options = make_parser().parse_args(words)
    except SystemExit as leaving:  # argparse has said what is wrong, or shown its help
        return int(leaving.code or DONE)
    logging.basicConfig(handlers=[logging.NullHandler()])  # libraries' remarks on broken files are not for stderr
    wait_passively()
    output = Output(json=getattr(options, "json", False))
    token = CancelToken()
    module, function = COMMANDS[options.command].place
    try:
        with interruptible(token), output:
            status: int = getattr(importlib.import_module(module), function)(options, output, token)
        if token.cancelled:
            output.line("Interrupted; what was finished is kept.")
            return INTERRUPTED
        return status
    except (Cancelled, KeyboardInterrupt):
        output.line("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone, as `| head` does
        _drop_stdout()
        return FAILED
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 (where failures become text for the terminal)
        output.failed(describe(error), with_traceback=getattr(options, "debug", False))
        return FAILED


def not_a_command(word: str) -> str:
    """The sentence for a word that is no command, with the nearest one."""
    near = difflib.get_close_matches(word.lower(), COMMANDS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"choose one of: {', '.join(COMMANDS)}."
    return f'"{word}" is not a command; {hint}'


@contextlib.contextmanager
def interruptible(token: CancelToken) -> Iterator[None]:
    """Let the first Ctrl-C cancel the token, so that what was finished is kept; the second stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _drop_stdout() -> None:
    """Send what Python would still flush at its end to nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
