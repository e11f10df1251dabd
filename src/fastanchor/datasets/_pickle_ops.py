"""A look at the opcodes of a pickle before it is loaded: what they ask for must be in proportion to the file."""

from __future__ import annotations

import pickle
import pickletools

__all__ = ["check"]

_COUNTED = {-2: 1, -3: 4, -4: 4, -5: 8}  # by pickletools: bytes of the length that stands before an argument
_LINE, _NUMBERED, _STOP = -10, -20, -30
_DIGITS = 20
_PUT = ord("p")


def _widths() -> list[int]:
    """Return for each opcode the bytes of its argument, minus those of its length, or one of the marks above."""
    widths = [0] * 256
    for op in pickletools.opcodes:
        if op.arg is not None:
            n = op.arg.n
            widths[ord(op.code)] = n if n >= 0 else -_COUNTED[n] if n in _COUNTED else _LINE
    widths[pickle.LONG_BINPUT[0]], widths[pickle.STOP[0]] = _NUMBERED, _STOP
    return widths


_WIDTHS = _widths()
_TWO_LINES = tuple(pickle.GLOBAL + pickle.INST)


def check(data: bytes) -> None:
    """Raise UnpicklingError where a pickle numbers an object beyond its own length, or is cut short.

    The unpickler keeps the objects in a list as long as the largest number that it meets, 16 GB for one of nine bytes.
    """
    end, at, widths = len(data), 0, _WIDTHS
    while at < end:
        code = data[at]
        width = widths[code]
        at += 1
        if width >= 0:
            at += width
        elif width == _NUMBERED:
            _check_number(int.from_bytes(data[at : at + 4], "little"), at)
            at += 4
        elif width == _STOP:
            return
        elif width == _LINE:
            start, at = at, _after_line(data, at)
            if code == _PUT:
                line = data[start : at - 1]
                _check_number(int(line) if len(line) < _DIGITS else end, at)
            elif code in _TWO_LINES:
                at = _after_line(data, at)
        else:
            at += int.from_bytes(data[at : at - width], "little") - width
    raise pickle.UnpicklingError("cut short")


def _check_number(number: int, at: int) -> None:
    if number > at:
        raise pickle.UnpicklingError("object numbered beyond the file")


def _after_line(data: bytes, at: int) -> int:
    there = data.find(b"\n", at)
    if there < 0:
        raise pickle.UnpicklingError("cut short")
    return there + 1
