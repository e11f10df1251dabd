"""Records of TFRecord files, with their checksums."""

from __future__ import annotations

import functools
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from fastanchor.datasets._skips import Unusable

__all__ = ["begins", "checksum", "records"]

BLOCK = 512  # bytes whose parts of the checksum are looked up at once
CHUNK = 1 << 20  # bytes of which all blocks are
POLYNOMIAL = 0x82F63B78  # CRC-32C, Castagnoli
GZIP = b"\x1f\x8b"
HEAD, TAIL = 12, 4  # bytes before and after the data of a record
DAMAGED = "damaged TFRecord"


@functools.cache
def _tables() -> NDArray[np.uint32]:
    """Return what each byte at each place of a block adds to the checksum, (BLOCK, 256)."""
    last = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        last = np.where(last & 1, (last >> 1) ^ np.uint32(POLYNOMIAL), last >> 1)
    found = np.empty((BLOCK, 256), np.uint32)
    found[-1] = last
    for i in range(BLOCK - 2, -1, -1):
        found[i] = last[found[i + 1] & 255] ^ (found[i + 1] >> 8)
    return found


@functools.cache
def _first() -> list[list[int]]:
    return cast(list[list[int]], _tables()[:4].tolist())


def checksum(data: bytes) -> int:
    """Return the masked CRC-32C of data, as TFRecord files hold it.

    Examples
    --------
    >>> hex(checksum(bytes(32)))  # the CRC-32C is 8a9136aa
    '0xfd7fffa'
    """
    pad = -len(data) % BLOCK if len(data) >= 4 else 0
    if len(data) < 4:
        crc = 0xFFFFFFFF
        for byte in data:
            crc = int(_tables()[-1, (crc ^ byte) & 255]) ^ (crc >> 8)
    else:  # the start value changes the first four bytes, so zeros before them add nothing
        start = bytes(pad) + bytes(byte ^ 255 for byte in data[:4]) + data[4 : 2 * BLOCK - pad]
        crc = _blocks(np.frombuffer(start, np.uint8), 0)
        rest = np.frombuffer(data, np.uint8)[2 * BLOCK - pad :]
        for at in range(0, len(rest), CHUNK):
            crc = _blocks(rest[at : at + CHUNK], crc)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _blocks(data: NDArray[np.uint8], crc: int) -> int:
    """Return the state after whole blocks."""
    places = data.reshape(-1, BLOCK) + np.arange(0, 256 * BLOCK, 256)
    a, b, c, d = _first()
    for own in np.bitwise_xor.reduce(_tables().ravel()[places], axis=1).tolist():
        crc = a[crc & 255] ^ b[crc >> 8 & 255] ^ c[crc >> 16 & 255] ^ d[crc >> 24] ^ own
    return crc


def begins(head: bytes) -> bool:
    """Return whether a file with these first bytes is a TFRecord file."""
    if head[:2] == GZIP:
        try:
            head = zlib.decompressobj(31).decompress(head, HEAD)
        except zlib.error:
            return False
    return len(head) >= HEAD and checksum(head[:8]) == int.from_bytes(head[8:HEAD], "little")


def records(source: IO[bytes], moved: Callable[[int], object] | None) -> Iterator[bytes]:
    """Yield the data of each record; call `moved` with the bytes of the file that were read.

    Raises
    ------
    Unusable
        If a checksum is wrong, or the file ends inside a record.
    """
    compressed = source.read(2) == GZIP
    source.seek(0)
    if compressed:
        source = cast(IO[bytes], gzip.GzipFile(fileobj=source))
    number = 0
    try:
        while head := source.read(HEAD):
            if len(head) < HEAD or checksum(head[:8]) != int.from_bytes(head[8:], "little"):
                raise Unusable(DAMAGED, None, f"record {number}: the length has a wrong checksum")
            length = int.from_bytes(head[:8], "little")
            data = source.read(length)
            tail = source.read(TAIL)
            if len(data) < length or len(tail) < TAIL:
                raise Unusable(DAMAGED, None, f"record {number}: the file ends inside it")
            if checksum(data) != int.from_bytes(tail, "little"):
                raise Unusable(DAMAGED, None, f"record {number}: the data have a wrong checksum")
            yield data
            if moved is not None and not compressed:
                moved(HEAD + length + TAIL)
            number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unusable(DAMAGED, None, f"record {number}: {error}") from None
