"""Ways to damage a file: in its bytes, lengths, nesting and encoding."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from fuzzing.mutations import Case, Generator, choice, edit, mutation

_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"OD", b"OL", b"UC", b"UR")
_PREAMBLE = 132


def pixel_offset(raw: bytes) -> int:
    """Where the pixel data element begins, the end if there is none in clear."""
    found = max(raw.rfind(b"\xe0\x7f\x10\x00"), raw.rfind(b"\x7f\xe0\x00\x10"))
    return found if found > 0 else len(raw)


def flip(raw: bytearray, rng: Generator, start: int, end: int, count: int) -> None:
    for place in rng.integers(start, max(end, start + 1), count):
        raw[min(int(place), len(raw) - 1)] ^= 1 << int(rng.integers(8))


@mutation("files")
def bits_flipped_in_a_header(case: Case, rng: Generator) -> None:
    path = case.one(rng)
    raw = bytearray(path.read_bytes())
    flip(raw, rng, _PREAMBLE, pixel_offset(raw), int(rng.integers(1, 9)))
    path.write_bytes(raw)


@mutation("files")
def many_bits_flipped_in_a_header(case: Case, rng: Generator) -> None:
    path = case.one(rng)
    raw = bytearray(path.read_bytes())
    flip(raw, rng, 0, pixel_offset(raw), 64)
    path.write_bytes(raw)


@mutation("files")
def bits_flipped_in_all_headers(case: Case, rng: Generator) -> None:
    for path in case.files:
        raw = bytearray(path.read_bytes())
        flip(raw, rng, _PREAMBLE, pixel_offset(raw), 2)
        path.write_bytes(raw)


@mutation("files")
def bits_flipped_in_pixels(case: Case, rng: Generator) -> None:
    path = case.one(rng)
    raw = bytearray(path.read_bytes())
    flip(raw, rng, min(pixel_offset(raw), len(raw) - 50), len(raw), int(rng.integers(1, 20)))
    path.write_bytes(raw)


@mutation()
def file_cut(case: Case, rng: Generator) -> None:
    for path in case.some(rng, every=0.2):
        raw = path.read_bytes()
        path.write_bytes(raw[: int(rng.integers(0, len(raw)))])


@mutation()
def file_cut_in_its_pixels(case: Case, rng: Generator) -> None:
    lost = int(rng.integers(1, 200))
    for path in case.some(rng):
        path.write_bytes(path.read_bytes()[:-lost])


@mutation()
def file_that_is_no_dicom(case: Case, rng: Generator) -> None:
    options = [
        b"",
        b"just text\n",
        bytes(5000),
        rng.bytes(5000),
        b"\x00" * 128 + b"DICM",
        b"\x1f\x8b" + rng.bytes(99),
    ]
    case.one(rng).write_bytes(choice(rng, options))


@mutation()
def files_beside_that_are_no_dicom(case: Case, rng: Generator) -> None:
    for name, content in (
        ("DICOMDIR", rng.bytes(300)),
        ("readme", b"text"),
        ("e.dcm", b""),
        (".DS_Store", b"\0\0"),
    ):
        (case.folder / name).write_bytes(content)
    with zipfile.ZipFile(case.folder / "copy.zip", "w") as archive:
        archive.write(case.files[0])


@mutation("files")
def length_of_an_element(case: Case, rng: Generator) -> None:
    """Explicit VR in little endian; elsewhere it hits what it hits."""
    path = case.one(rng)
    raw = bytearray(path.read_bytes())
    places = [
        i
        for i in range(_PREAMBLE, pixel_offset(raw) - 8)
        if raw[i + 4 : i + 6].isalpha() and raw[i + 4 : i + 6].isupper() and raw[i + 1] in (0, 2, 8, 0x18)
    ]
    place = choice(rng, places) if places else _PREAMBLE
    value = choice(rng, [0, 1, 7, 255, 0x7FFF, 0xFFFF])
    long = bytes(raw[place + 4 : place + 6]) in _LONG
    if long:
        raw[place + 8 : place + 12] = struct.pack("<I", choice(rng, [0, 0xFFFFFFFF, 0x7FFFFFFF, value]))
    else:
        raw[place + 6 : place + 8] = struct.pack("<H", value)
    path.write_bytes(raw)


@mutation("files")
def length_of_the_pixels(case: Case, rng: Generator) -> None:
    value = choice(rng, [0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
    for path in case.some(rng):
        raw = bytearray(path.read_bytes())
        place = pixel_offset(raw)
        if place < len(raw):
            raw[place + 8 : place + 12] = struct.pack("<I", value)
        path.write_bytes(raw)


@mutation()
def sequence_without_an_end(case: Case, rng: Generator) -> None:
    path = case.one(rng)
    raw = path.read_bytes()
    place = pixel_offset(raw)
    endless = b"\x09\x00\x01\x10SQ\x00\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3
    path.write_bytes(raw[:place] + endless + raw[place:])


@mutation()
def deep_nesting(case: Case, rng: Generator) -> None:
    """Sequences in sequences, at a tag below and at one above what is read."""
    depth = int(choice(rng, [50, 500, 5000, 50000]))
    tag = choice(rng, [b"\x08\x00\x40\x11", b"\x09\x00\x01\x10", b"\x40\x00\x75\x02"])
    opened = (tag + b"SQ\x00\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * depth
    closed = (b"\xfe\xff\x0d\xe0\x00\x00\x00\x00" + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00") * depth
    path = case.one(rng)
    raw = path.read_bytes()
    place = raw.find(b"\x08\x00\x60\x00") if tag[0] == 8 else pixel_offset(raw)
    path.write_bytes(raw[:place] + opened + closed + raw[place:])


@mutation()
def bytes_behind_the_pixels(case: Case, rng: Generator) -> None:
    for path in case.some(rng):
        path.write_bytes(
            path.read_bytes() + choice(rng, [b"\0", bytes(512), rng.bytes(700), b"\xfc\xff\xfc\xff"])
        )


@mutation()
def preamble_damaged(case: Case, rng: Generator) -> None:
    kind = choice(rng, ["none", "noise", "prefix", "half"])
    for path in case.some(rng):
        raw = path.read_bytes()
        new = {
            "none": raw[_PREAMBLE:],
            "noise": rng.bytes(128) + raw[128:],
            "prefix": raw[:128] + b"DICX" + raw[_PREAMBLE:],
            "half": raw[64:],
        }
        path.write_bytes(new[kind])


@mutation()
def false_transfer_syntax(case: Case, rng: Generator) -> None:
    ends = ["", ".1", ".2", ".1.99", ".5", ".4.50", ".4.70", ".4.80", ".4.90", ".4.100", ".9.9"]
    uid = f"1.2.840.10008.1.2{choice(rng, ends)}"
    for path in case.some(rng):
        raw = path.read_bytes()
        start = raw.find(b"1.2.840.10008.1.2", _PREAMBLE + 12)
        while raw[start - 8 : start - 4] != b"\x02\x00\x10\x00":
            start = raw.find(b"1.2.840.10008.1.2", start + 1)
        end = start + struct.unpack("<H", raw[start - 2 : start])[0]
        value = uid.encode() + b"\0" * (len(uid) % 2)
        path.write_bytes(raw[: start - 2] + struct.pack("<H", len(value)) + value + raw[end:])


@mutation()
def group_length_wrong(case: Case, rng: Generator) -> None:
    for path in case.some(rng):
        raw = bytearray(path.read_bytes())
        raw[_PREAMBLE + 8 : _PREAMBLE + 12] = struct.pack("<I", choice(rng, [0, 4, 1000, 0xFFFFFFFF]))
        path.write_bytes(raw)


@mutation(unfit=("implicit", "big-endian", "deflated"))
def frames_of_compressed_pixels(case: Case, rng: Generator) -> None:
    """Fragments that are empty, cut, noise, or of an offset table that lies."""
    kind = choice(rng, ["empty", "noise", "cut", "table", "none", "odd"])

    def change(dataset: pydicom.Dataset) -> None:
        if not dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.RLELossless
        data = bytes(dataset.PixelData)
        table = b"\xfe\xff\x00\xe0\x04\x00\x00\x00\xff\xff\xff\x7f"
        dataset.PixelData = {
            "empty": b"\xfe\xff\x00\xe0\x00\x00\x00\x00" * 2,
            "noise": encapsulate([rng.bytes(600)]),
            "cut": encapsulate([data[: len(data) // 2]]),
            "table": table + encapsulate([data], has_bot=False)[8:],
            "none": b"\xfe\xff\x00\xe0\x00\x00\x00\x00",
            "odd": b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x03\x00\x00\x00abc",
        }[kind]
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True

    edit(case.one(rng), change)


@mutation()
def size_within_a_compressed_frame(case: Case, rng: Generator) -> None:
    """The size that JPEG-LS and JPEG 2000 state themselves: 65535 by 65535."""
    path = case.one(rng)
    raw = bytearray(path.read_bytes())
    marks = ((b"\xff\xf7\x00\x0b", 5), (b"\xff\x51\x00", 6))  # JPEG-LS frame, JPEG 2000 SIZ
    for mark, skip in marks:
        place = raw.find(mark)
        if place > 0:
            size = b"\xff\xff\xff\xff" if skip == 5 else b"\x00\x00\xff\xff\x00\x00\xff\xff"
            raw[place + skip : place + skip + len(size)] = size
    path.write_bytes(raw)


@mutation("files")
def float_pixels(case: Case, rng: Generator) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        size = int(dataset.Rows) * int(dataset.Columns)
        keyword, kind = choice(rng, [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
        setattr(dataset, keyword, np.full(size, 55, kind).tobytes())
        dataset.BitsAllocated = 32 if kind == "<f4" else 64
        if rng.random() < 0.5:
            del dataset.PixelData

    edit(case.one(rng), change)


@mutation()
def deflate_bomb(case: Case, rng: Generator) -> None:
    """A few hundred kilobytes that become two gigabytes."""
    bomb(case.folder / "bomb.dcm", case.files[0])


def bomb(path: Path, like: Path, *, megabytes: int = 2000) -> None:
    """Write a deflated file with an element of zeros."""
    header = pydicom.dcmread(like, stop_before_pixels=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = header.SOPClassUID, "1.2.3"
    start = pydicom.Dataset()
    start.file_meta, start.SOPClassUID = meta, header.SOPClassUID
    start.save_as(path, enforce_file_format=True)
    raw = path.read_bytes()
    place = raw.find(meta.TransferSyntaxUID.encode()) + len(meta.TransferSyntaxUID)
    end = _PREAMBLE + 12 + struct.unpack("<I", raw[_PREAMBLE + 8 : _PREAMBLE + 12])[0]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflate.compress(b"\x09\x00\x01\x10OB\x00\x00" + struct.pack("<I", megabytes << 20))
    packed += deflate.flush(zlib.Z_FULL_FLUSH)
    zeros = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)  # may be repeated
    packed += zeros * megabytes + deflate.flush()
    path.write_bytes(raw[: max(end, place)] + packed)
