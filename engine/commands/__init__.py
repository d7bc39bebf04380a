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
from engine.commands.parser import COMMANDS, WrongUsage, make_parser
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
        remedy = nearest_command(name)
        return _wrong_usage(words, f'"{name}" is not a command', remedy, f'fovea: "{name}" is not a command; {remedy}')
    try:
        options = make_parser().parse_args(words)
    except WrongUsage as wrong:
        text = f"{wrong.usage}{wrong.program}: error: {wrong.message}"
        return _wrong_usage(words, wrong.message, f"See {wrong.program} --help.", text)
    except SystemExit as leaving:  # argparse has shown its help
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
    except WrongUsage as wrong:
        return _wrong_usage(words, wrong.message, f"See {wrong.program} --help.", f"{wrong.usage}{wrong.program}: error: {wrong.message}")
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


def nearest_command(word: str) -> str:
    """What to do about a word that is no command."""
    near = difflib.get_close_matches(word.lower(), COMMANDS, n=1, cutoff=0.4)
    return f"did you mean {near[0]}?" if near else f"choose one of: {', '.join(COMMANDS)}."


def _wrong_usage(words: list[str], message: str, remedy: str, text: str) -> int:
    """Say what is wrong: on stderr, and where `--json` is among the words, whatever else they are, as the one object on stdout."""
    output = Output(json="--json" in words)
    output.line(text)
    if output.json:
        output.answer({"error": _sentence(message), "remedy": _sentence(remedy)}, ())
    return WRONG_USAGE


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


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
