"""Whether pixel data can be as large as the header says, before a decoder is trusted with it."""

import struct

import pydicom
from pydicom.encaps import get_frame

_OTHER_MARKERS = (0xC4, 0xC8, 0xCC)  # tables and a reserved one among the frame headers
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - set(_OTHER_MARKERS)


def size_conflict(dataset: pydicom.Dataset, frame: int) -> str:
    """Tell how pixel data contradict rows and columns; empty if they do not, or if only a decoder can tell.

    Uncompressed data may be padded, but not by a whole row or column: the image would be sheared. Compressed
    frames state their own size, and decoders reserve memory for it, whatever the header says.

    Args:
        dataset: with its pixel data.
        frame: counted from 0.
    """
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        count = int(dataset.get("NumberOfFrames") or 1)
        stated = stated_size(get_frame(dataset.PixelData, frame, number_of_frames=count))
        if stated in (None, (rows, columns)):
            return ""
        return f"the frame is of {stated[0]}x{stated[1]} pixels, the header says {rows}x{columns}"
    sample_bytes = int(dataset.BitsAllocated) / 8 * int(dataset.SamplesPerPixel)
    expected = int(rows * columns * sample_bytes * int(dataset.get("NumberOfFrames") or 1))
    if len(dataset.PixelData) - expected < max(min(rows, columns) * sample_bytes, 2):
        return ""
    return f"{len(dataset.PixelData)} bytes, where {rows}x{columns} pixels take {expected}"


def stated_size(frame: bytes) -> tuple[int, int] | None:
    """Read rows and columns from the frame header of a JPEG or JPEG-LS stream.

    Args:
        frame: the stream (ISO/IEC 10918-1 B.2.2, ISO/IEC 14495-1 C.2.2).

    Returns:
        None if it is of another kind, damaged, or leaves its rows open.
    """
    place = 2
    while frame[:2] == b"\xff\xd8" and place + 9 <= len(frame) and frame[place] == 0xFF:
        if frame[place + 1] in _FRAME_MARKERS:
            rows, columns = struct.unpack_from(">HH", frame, place + 5)
            return (rows, columns) if rows else None
        filled = frame[place + 1] == 0xFF
        place += 1 if filled else 2 + struct.unpack_from(">H", frame, place + 2)[0]
    return None
