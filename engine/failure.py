"""Exceptions become text in one place: what went wrong, where, and what to do."""

from __future__ import annotations

import errno
import re
import sqlite3
import traceback

from engine.messages import FailureText

DEVICE_LOST = re.compile(
    r"\b(CUDA|HIP|XPU|cuDNN) (driver |runtime )?error\b|device-side assert|\b(CUDNN|CUBLAS|CUFFT|ROCBLAS|MIOPEN)_STATUS_"
    r"|UR_RESULT_ERROR|\bMPS\b.*\b(failed|error)\b|command buffer exited with error",
    re.IGNORECASE,
)
"""What torch says when a graphics card fails or is taken away: in words alone, for all kinds of error are RuntimeErrors."""
DEVICE_REMEDY = "What was kept until then stays: start Fovea again before the device is used again, or go on with the processor."


class UserError(Exception):
    """Something that the user can mend. `message` says what and where in one sentence; `remedy` says what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def describe(error: BaseException) -> FailureText:
    """Turn an exception into text. Nothing of the exception is kept, so the memory its frames hold is freed.

    Examples
    --------
    >>> describe(UserError("There is only one class.", "Add another.")).remedy
    'Add another.'
    """
    trace = "".join(traceback.format_exception(error))
    kind = type(error).__name__
    if isinstance(error, UserError):
        return FailureText("user", error.message, error.remedy, trace)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return FailureText("memory", "The device ran out of memory.", "Choose a smaller batch or a smaller input size.", trace)
    if isinstance(error, OSError):
        return _describe_os(error, trace)
    if isinstance(error, RuntimeError) and DEVICE_LOST.search(str(error)):
        return FailureText("device", f"The device failed: {_first_line(error)}.", DEVICE_REMEDY, trace)
    if isinstance(error, sqlite3.OperationalError) and "disk" in str(error).lower():
        return FailureText("disk", f"The project could not be written: {error}.", "Free some space and try again.", trace)
    if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error).lower():
        text = "The project's folder is no longer where it was, or cannot be opened."
        return FailureText("missing", text, "Put it back, or open it where it is now (Open project).", trace)
    if isinstance(error, sqlite3.DatabaseError):
        return FailureText("store", f"The project's database answered: {error}.", "Close other programs that use it and try again.", trace)
    text = _first_line(error)
    return FailureText(kind, f"Unexpected: {kind}: {text}." if text else f"Unexpected: {kind}.", "The log has the details.", trace)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(". ")


def _describe_os(error: OSError, trace: str) -> FailureText:
    where = f" {error.filename}" if error.filename else ""
    if isinstance(error, IsADirectoryError):
        return FailureText("system", f"There is a folder where a file belongs:{where or ' its name is not known'}.", "Move it away.", trace)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FailureText("disk", f"The disk is full: could not write{where}.", "Free some space and try again.", trace)
    if isinstance(error, FileNotFoundError):
        return FailureText("missing", f"There is no file{where}.", "Check the path.", trace)
    if isinstance(error, PermissionError):
        return FailureText("permission", f"This system does not let Fovea use{where or ' the file'}.", "Check its permissions.", trace)
    return FailureText("system", f"The system answered: {error}.", "Check the file and the disk.", trace)
