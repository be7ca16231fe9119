"""The QR code as a PNG of exactly 300 × 300 pixels, as legacy pages expect it. Pure; for HTTP and for Home Assistant.

Each module is a whole number of pixels, and the rest is white border: in an image scaled to fit, modules have unequal
sizes, which phones read badly.
"""

from __future__ import annotations

import struct
import zlib

SIZE = 300
#: White modules around the code that the standard requires.
_QUIET = 4


def qr_png(code: str, size: int = SIZE) -> bytes:
    """A black and white PNG of `size` × `size` pixels."""
    import segno  # first needed to pair: the start does not wait for it

    matrix = [[bool(module) for module in row] for row in segno.make_qr(code, error="l").matrix]
    scale = max(1, size // (len(matrix) + 2 * _QUIET))
    border = (size - scale * len(matrix)) // 2
    white = [True] * size
    lines = [white] * border
    for row in matrix:
        line = white[:border] + [not dark for dark in row for _ in range(scale)]
        lines += [line + white[len(line) :]] * scale
    lines += [white] * (size - len(lines))
    return _png(lines)


def _png(lines: list[list[bool]]) -> bytes:
    """One bit a pixel, True = white."""
    rows = b"".join(b"\0" + _packed(line) for line in lines)
    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _packed(line: list[bool]) -> bytes:
    padded = line + [False] * (-len(line) % 8)
    bits = int("".join("1" if white else "0" for white in padded), 2)
    return bits.to_bytes(len(padded) // 8, "big")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
