"""Stopping a job from another thread, and making room for the window."""

from __future__ import annotations

import ctypes
import os
import sys
import threading

NICENESS = 10


class Cancelled(Exception):
    """Raised by CancelToken.check in the job that was cancelled."""


class CancelToken:
    """Set by anyone, checked by the job at every micro-batch, chunk and fetch."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise Cancelled if the job was cancelled."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> bool:
        """Wait until cancelled, at most so many seconds; tells whether it was."""
        return self._event.wait(seconds)


def lower_priority() -> None:
    """Give the calling thread, and the threads that it starts later, less right to the processor than the window has.

    On Linux niceness belongs to a thread and is inherited; elsewhere the system's own means. A refusal changes nothing.
    """
    try:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        elif sys.platform == "darwin":
            utility = 0x11  # QOS_CLASS_UTILITY of <sys/qos.h>
            ctypes.CDLL(None).pthread_set_qos_class_self_np(utility, 0)
        elif sys.platform == "win32":
            below_normal = -1
            kernel = ctypes.windll.kernel32
            kernel.SetThreadPriority(kernel.GetCurrentThread(), below_normal)
    except (OSError, AttributeError):
        return


def wait_passively() -> None:
    """Let OpenMP's idle workers sleep instead of spin. Call before torch loads; the user's own setting wins."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
