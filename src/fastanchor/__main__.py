"""The command's entry: ``fastanchor`` and ``python -m fastanchor``.

Ctrl-C is handled before anything large is imported, and the standard streams are made safe to use.
"""

import os
import sys

__all__ = ["entry"]


def entry() -> int:
    """Run the command line and return the exit code of the process: 130 after Ctrl-C."""
    try:
        from fastanchor._interrupt import Watch

        watch = Watch()
        watch.start()
    except KeyboardInterrupt:
        os._exit(130)
    code = 130
    try:
        _open_streams()
        from fastanchor.cli import main

        code = main()
        _flush()
        watch.rest()
    except BaseException:
        # a library may turn an interrupt into another error, for example ImportError
        if watch.caught is None:
            raise
    while True:
        try:
            watch.rest()
            break
        except KeyboardInterrupt:
            continue
    if watch.caught is None:
        return code
    return _end(watch.caught)


def _end(number: int) -> int:
    """Return 130 after Ctrl-C; end as the other signals end a process."""
    import signal

    _flush()
    if number != signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    # CPython counts an interrupt that went through exec() of a text as unhandled, even if it was caught later, and
    # would end by the signal; running another text takes that back
    exec("")  # noqa: S102  see above
    return 130


def _open_streams() -> None:
    """Make sure that descriptors 0, 1 and 2 are open: a file opened later would get the number of a closed one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  kept open to the end


def _flush() -> None:
    """Flush both streams; what cannot be written is dropped, so that the interpreter does not try again at exit."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


if __name__ == "__main__":
    sys.exit(entry())
