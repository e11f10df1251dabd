"""A picture without a library that draws."""

import struct
import zlib


def png(path, size):
    """Write a black picture."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    path.parent.mkdir(parents=True, exist_ok=True)
    rows = zlib.compress(bytes((size[0] + 1) * size[1]))
    head = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
