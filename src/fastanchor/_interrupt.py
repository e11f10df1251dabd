"""Ctrl-C and other requests to end, as the command handles them. Importing this changes nothing."""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # a module less to import before Ctrl-C is handled
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

__all__ = ["Watch", "hand_over", "taken"]

AGAIN = 0.5  # seconds after which an interrupt that a library swallowed is raised again

_active: list[Watch] = []


class Watch:
    """Raises KeyboardInterrupt when the process is asked to end, and remembers it.

    Libraries swallow interrupts: an import that is optional to them, a callback from C, a destructor. So the interrupt
    is raised again until :meth:`rest`; a second Ctrl-C ends the process at once. A signal that the parent process
    ignores stays ignored.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self._before: dict[int, Any] = {}
        self._hook = sys.unraisablehook

    def start(self) -> None:
        """Begin to handle signals."""
        _active.append(self)
        sys.unraisablehook = self._unraisable
        for name, handled in (
            ("SIGINT", signal.default_int_handler),
            ("SIGTERM", signal.SIG_DFL),
            ("SIGHUP", signal.SIG_DFL),
        ):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == handled:
                self._before[number] = handled
                signal.signal(number, self._interrupt)

    def rest(self) -> None:
        """Stop raising the interrupt again, and ignore signals while the process ends."""
        self._still()
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def quiet(self) -> None:
        """Stop raising the interrupt again; the next Ctrl-C is a first one."""
        self._still()
        self.caught = None

    def hand_over(self) -> None:
        """Put everything back as it was before :meth:`start`."""
        self._still()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        sys.unraisablehook = self._hook
        _active.remove(self)

    def _still(self) -> None:
        if self.caught is not None and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.caught is not None:
            os._exit(128 + number)
        self.caught = number
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._again)
            signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
        raise KeyboardInterrupt

    def _again(self, number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def _unraisable(self, what: sys.UnraisableHookArgs) -> None:
        if self.caught is None:  # after an interrupt, destructors complain about objects that were half made
            self._hook(what)


def taken() -> bool:
    """Return whether a KeyboardInterrupt came from Ctrl-C, not from a request to end; it is then not raised again.

    For what ends with an answer when it is interrupted.
    """
    if not _active:
        return True
    watch = _active[-1]
    if watch.caught not in (None, signal.SIGINT):
        return False
    watch.quiet()
    return True


def hand_over() -> bool:
    """Give signals back their usual handling, and return whether a watch had changed it.

    Raises
    ------
    KeyboardInterrupt
        If the process was interrupted before.
    """
    if not _active:
        return False
    watch = _active[-1]
    watch.hand_over()
    if watch.caught is not None:
        raise KeyboardInterrupt
    return True
