"""Read pickles of arrays, lists and texts without running anything in them.

A pickle may name any function for Python to call, so a downloaded one is a program. The few names needed by caches of
labels are replaced by stand-ins; every other name is refused.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._reading import opened
from fastanchor.datasets._skips import shown

__all__ = ["array", "check", "load"]

MAX_BYTES = 8 << 30
WIDEST = 64  # numbers of a row that is a list


def load(path: Path) -> Any:
    """Return the contents of a pickle: plain, in a .npy file (numpy.save) or in a zip file (torch.save).

    Arrays are stand-ins; :func:`array` converts them.
    """
    try:
        data = _pickle_of(path)
        check(data)
        return _Careful(io.BytesIO(data)).load()
    except _Refused as error:
        raise DataError(
            f"{shown(path)}: contains {error}, which a labels.cache does not need, so it is not loaded"
        ) from None
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror or error})") from None
    except _BROKEN as error:
        raise DataError(f"{shown(path)}: not a valid labels.cache ({str(error) or type(error).__name__})") from None


def array(value: Any) -> NDArray[Any] | None:
    """Return a value of a pickle as an array, or None."""
    if isinstance(value, _Array):
        return value.content
    if isinstance(value, (list, tuple)) and all(map(_is_row, value)):
        try:
            return np.asarray(value, dtype=np.float64)
        except (OverflowError, TypeError, ValueError):
            return None
    return None


def _is_row(value: Any) -> bool:
    """Return whether a value is a number or a short list of numbers; deeper lists would take NumPy too long."""
    if isinstance(value, (list, tuple)):
        return len(value) <= WIDEST and all(isinstance(one, (int, float)) for one in value)
    return isinstance(value, (int, float))


# raised by the unpickler for broken or hostile pickles
_BROKEN = (
    pickle.UnpicklingError, zipfile.BadZipFile, struct.error, EOFError, ArithmeticError, AttributeError, ImportError,
    LookupError, MemoryError, NotImplementedError, RecursionError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


class _Refused(Exception):
    """A name that is not allowed."""


class _DType:
    """Stands for numpy.dtype: plain numbers, and "O" for lists."""

    def __init__(self, code: Any, *_: Any) -> None:
        code = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(code, str) or code.lstrip("<>=|")[:1] not in tuple("fiubO") or len(code) > 4:
            raise _Refused(f"an array of type {code!r}")
        self.code = code.lstrip("<>=|")
        self.order = code[0] if code[0] in "<>" else "<"

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", b"<", b">"):
            self.order = state[1] if isinstance(state[1], str) else state[1].decode("ascii")

    def array(self, raw: Any, shape: Any, fortran: Any) -> NDArray[Any]:
        if self.code.startswith("O"):
            made = np.empty(len(raw), dtype=object)
            made[:] = raw
            fortran = False  # a list of objects is in C order whatever the array was
        else:
            raw = raw.encode("latin-1") if isinstance(raw, str) else raw
            made = np.frombuffer(bytes(raw), dtype=np.dtype(self.order + self.code))
        return made.reshape(shape, order="F" if fortran else "C")


class _Array:
    """Stands for numpy.ndarray; `content` is the array."""

    content: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        self.content = dtype.array(raw, shape, fortran)


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any = "C") -> _Array:
    made = _Array()
    made.content = dtype.array(raw, shape, order == "F")
    return made


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    return dtype.array(raw, (), False).item()


def _encode(text: Any, encoding: Any = "latin-1", *_: Any) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"text in {encoding!r}")
    return bytes(text, "latin-1")


def _no_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise _Refused("made-up bytes")
    return b""


def _path(*parts: Any) -> str:
    return "/".join(map(str, parts)).replace("//", "/")


_ARRAYS: dict[str, Callable[..., Any]] = {"_reconstruct": _reconstruct, "_frombuffer": _frombuffer, "scalar": _scalar}
_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,  # b"" in old protocols
    ("collections", "OrderedDict"): dict,
    **{(f"numpy.{core}.{module}", name): function for core in ("core", "_core")
       for module in ("multiarray", "numeric") for name, function in _ARRAYS.items()},
    **{(m, n): _path for m in ("pathlib", "pathlib._local") for n in ("Path", "PosixPath", "WindowsPath", "PurePath")},
}  # fmt: skip


class _Careful(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("a tensor")


def _pickle_of(path: Path) -> bytes:
    """Return the bytes of the pickle in a file."""
    with opened(path) as file:
        head = file.read(8)
        file.seek(0)
        if head.startswith(b"PK"):
            with zipfile.ZipFile(file) as inside:
                name = next((n for n in inside.namelist() if n.endswith("data.pkl")), None)
                if name is None:
                    raise pickle.UnpicklingError("no data.pkl")
                if inside.getinfo(name).file_size > MAX_BYTES:
                    raise MemoryError
                return inside.read(name)
        if head.startswith(b"\x93NUMPY"):
            fields = np.lib.format.read_magic(file)
            wide = fields[0] > 1
            (length,) = struct.unpack("<I" if wide else "<H", file.read(4 if wide else 2))
            if b"'|O'" not in file.read(length):
                raise pickle.UnpicklingError("numbers instead of labels")
        return file.read()


# --- check the opcodes before a pickle is loaded; pickletools.genops takes three times as long

_COUNTED = {-2: 1, -3: 4, -4: 4, -5: 8}  # by pickletools: bytes of the length that stands before an argument
_LINE, _NUMBERED, _STOP = -10, -20, -30
_DIGITS = 20
_PUT = ord("p")


def _widths() -> list[int]:
    """Return for each opcode the number of bytes of its argument, minus that of its length, or a mark from above."""
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
    """Raise UnpicklingError if a pickle is cut short, or numbers an object beyond its own length.

    The unpickler allocates a list as long as the largest number: 16 GB for a pickle of nine bytes.
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
    end = data.find(b"\n", at)
    if end < 0:
        raise pickle.UnpicklingError("cut short")
    return end + 1
