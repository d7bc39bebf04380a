"""Fovea's start. `python main.py` opens the window; words after it are a headless command, see `python main.py --help`."""

from __future__ import annotations

import sys

from gui import startup


def main(words: list[str] | None = None) -> int:
    """Open the window, or carry out the command in `words` (default: the process's own); gives the exit status."""
    words = sys.argv[1:] if words is None else words
    tell = startup.tell_terminal if words else startup.tell  # a command started by another program must not wait at a message box
    if sys.version_info < (3, 11):  # noqa: UP036
        tell(f"Fovea needs Python 3.11 or newer; this is {sys.version.split()[0]}. Install a newer one from python.org.")
        return 1
    try:
        if words:
            from engine.commands import run

            return run(words)
        return startup.open_window(sys.argv[:1])
    except startup.CannotStart as error:
        tell(str(error), error)
    except ImportError as error:
        tell(startup.explain(error), error)
    except Exception as error:  # noqa: BLE001 (the last place where it can be told)
        tell(f"Fovea could not start: {type(error).__name__}: {error}", error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
