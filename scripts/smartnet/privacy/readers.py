"""What an artifact says beside its pixels and voxels: its text and its headers, by kind of file."""

import base64
import binascii
import gzip
import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote_to_bytes

CHUNK_BYTES = 1 << 23
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PIXEL_DATA = b"\xe0\x7f\x10\x00"  # tag (7FE0,0010), little endian


class Piece(NamedTuple):
    """A piece of an artifact's text.

    Attributes:
        text: of the piece.
        place: where it stands; the line of a hit is added where ``line`` is not 0.
        line: number of its first line, 0 where lines mean nothing.
    """

    text: str
    place: str = ""
    line: int = 0


def read_pieces(path: Path) -> tuple[str, Iterator[Piece]]:
    """Tell the kind of a file and read what it says.

    Returns:
        kind (``text`` for tables, JSON, LaTeX and logs, ``html``, ``nifti``, ``npy``, ``safetensors``,
        ``png``, ``jpeg``, ``pdf``, ``dicom``; ``other`` if nothing but its name can be read) and its pieces.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    name = path.name.lower()
    if name.endswith((".nii.gz", ".nii")):
        return "nifti", _nifti(path)
    for kind, fits, reader in _BINARY:
        if fits(head):
            return kind, reader(path)
    if name.endswith((".html", ".htm", ".svg")):
        return "html", _html(_decoded(path.read_bytes()))
    if head.startswith(b"\x1f\x8b"):
        return "text", _text(lambda: gzip.open(path, "rb"))
    if b"\0" in head:
        return "other", iter(())
    return "text", _text(lambda: path.open("rb"))


def _text(opened: Callable[[], BinaryIO]) -> Iterator[Piece]:
    """Read lines in chunks of some MB."""
    with opened() as file:
        line = 1
        while lines := file.readlines(CHUNK_BYTES):
            yield Piece(_decoded(b"".join(lines)), "", line)
            line += len(lines)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _nifti(path: Path) -> Iterator[Piece]:
    """Read the text fields and extensions of a NIfTI-1 header, and the file name inside gzip."""
    from nibabel import Nifti1Header

    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        start = file.read(512)
    if compressed and start[3] & 8:  # FNAME, RFC 1952
        yield Piece(start[10:].split(b"\0")[0].decode("latin-1"), "file name inside gzip")
    with gzip.open(path, "rb") if compressed else path.open("rb") as file:
        start = file.read(348)
        if len(start) < 348:
            raise ValueError("no NIfTI header")
        header = Nifti1Header(start, check=False)
        for field in header.keys():  # noqa: SIM118 - a header is no dict
            if header[field].dtype.kind == "S":
                yield Piece(bytes(header[field].tobytes()).decode("latin-1"), f"header field {field}")
        extensions = file.read(max(0, int(header["vox_offset"]) - 348))
    yield Piece(extensions.decode("latin-1"), "header extension")


def _npy(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        start = file.read(12)
        length = struct.unpack("<H", start[8:10])[0] if start[6] == 1 else struct.unpack("<I", start[8:])[0]
        file.seek(10 if start[6] == 1 else 12)
        yield Piece(file.read(length).decode("latin-1"), "header")


def _is_safetensors(head: bytes) -> bool:
    return head[8:10] == b'{"' and struct.unpack("<Q", head[:8])[0] < 100_000_000


def _safetensors(path: Path) -> Iterator[Piece]:
    with path.open("rb") as file:
        header = file.read(struct.unpack("<Q", file.read(8))[0])
    yield Piece(json.dumps(json.loads(header), ensure_ascii=False, indent=0), "header")


def _png(path: Path) -> Iterator[Piece]:
    yield from png_pieces(path.read_bytes())


def png_pieces(data: bytes) -> Iterator[Piece]:
    """Read every chunk of a PNG but its pixels (PNG specification, 11.3), and what follows its end."""
    position, texts = 8, 0
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        content = data[position + 8 : position + 8 + length]
        position += length + 12
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            content = b" ".join(_inflated_parts(content))
        if kind not in (b"IDAT", b"PLTE", b"tRNS"):
            texts += kind in _PNG_TEXTS
            place = f"text chunk {texts}" if kind in _PNG_TEXTS else "chunk without text"
            yield Piece(_decoded(content.replace(b"\0", b"\n")), place)
        if kind == b"IEND":
            break
    yield Piece(data[position:].decode("latin-1"), "bytes after the image")


def _jpeg(path: Path) -> Iterator[Piece]:
    """Read the segments of a JPEG before its pixels: comments, Exif, XMP (ITU-T T.81, annex B)."""
    data, position = path.read_bytes(), 2
    while position + 4 <= len(data):
        marker, length = struct.unpack(">HH", data[position : position + 4])
        if marker == 0xFFDA:  # start of scan
            break
        yield Piece(_decoded(data[position + 4 : position + 2 + length].replace(b"\0", b"\n")), "segment")
        position += 2 + length


def _inflated_parts(content: bytes) -> Iterator[bytes]:
    """Give a chunk's content as it stands, and inflated from wherever a zlib stream starts."""
    yield content
    for start in (match.start() for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content)):
        try:
            yield zlib.decompress(content[start:])
        except zlib.error:
            continue


_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_STRING = re.compile(rb"\(((?:[^\\()]|\\.)*)\)|<([0-9A-Fa-f\s]+)>", re.DOTALL)
_SHOWN = re.compile(rb"\[((?:[^\]\\]|\\.)*)\]\s*TJ|(\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f\s]*>)\s*Tj", re.DOTALL)


def _pdf(path: Path) -> Iterator[Piece]:
    """Read a PDF's metadata (strings and streams), and text as Matplotlib sets it."""
    data = path.read_bytes()
    strings = [_pdf_string(match) for match in _STRING.finditer(_STREAM.sub(b"", data))]
    yield Piece("\n".join(strings), "metadata")
    for match in _STREAM.finditer(data):
        try:
            content = zlib.decompress(match[1])
        except zlib.error:
            content = match[1]
        if b"<x:xmpmeta" in content or b"<rdf:" in content:
            yield Piece(_decoded(content), "metadata stream")
        elif b"BT" in content and (b"TJ" in content or b"Tj" in content):
            shown = (shown[1] or shown[2] for shown in _SHOWN.finditer(content))
            yield Piece(
                "\n".join("".join(map(_pdf_string, _STRING.finditer(text))) for text in shown), "text"
            )


def _pdf_string(match: re.Match[bytes]) -> str:
    """Decode a string object (PDF 32000-1, 7.3.4): UTF-16, two-byte codes of an embedded font, or Latin-1."""
    if match[1] is not None:
        raw = re.sub(rb"\\(\d{3}|.)", _pdf_escape, match[1], flags=re.DOTALL)
    else:
        digits = re.sub(rb"\s", b"", match[2])
        raw = binascii.unhexlify(digits + b"0" * (len(digits) % 2))
    if raw.startswith(b"\xfe\xff") or (raw and len(raw) % 2 == 0 and not any(raw[::2])):
        return raw.decode("utf-16-be", errors="replace").lstrip("\ufeff")
    return raw.decode("latin-1")


def _pdf_escape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code.isdigit():
        return bytes([int(code, 8) & 255])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(code, code)


def _dicom(path: Path) -> Iterator[Piece]:
    """Read a DICOM file's bytes before its pixels; no artifact should be one."""
    header = path.read_bytes().partition(_PIXEL_DATA)[0]
    yield Piece(header.decode("latin-1").replace("\0", "\n"), "DICOM header")


_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[\w.=+%-]+)*),([^\"'\s<>()]*)")
_SCRIPT = re.compile(r"<(script|style)((?:\s[^>]*)?)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_DATA_SCRIPT = re.compile(r"""\bid=["'](?!packages["'])""")


def _html(page: str) -> Iterator[Piece]:
    """Read a page's text, tags and attributes, and what its data URIs hold.

    Of Snakemake's report the parts that Snakemake ships are left out: code, style, and the packages'
    licences, which name people; the study's data stand in scripts with an ``id``.
    """
    if "<title>Snakemake Report</title>" in page[:4096]:
        page = _SCRIPT.sub(_of_the_study, page)
    embedded: list[re.Match[str]] = []

    def take(match: re.Match[str]) -> str:
        embedded.append(match)
        return f"data:{match[1]}{match[2]}"

    yield Piece(_DATA_URI.sub(take, page), "", 1)
    for number, match in enumerate(embedded, start=1):
        yield from _data_uri(match, f"data URI {number}")


def _of_the_study(script: re.Match[str]) -> str:
    """Give a script that holds the study's data as it is, the lines of another empty."""
    return script[0] if _DATA_SCRIPT.search(script[2]) else "\n" * script[0].count("\n")


def _data_uri(match: re.Match[str], place: str) -> Iterator[Piece]:
    data = unquote_to_bytes(match[3])
    if "base64" in match[2]:
        with suppress(binascii.Error):
            data = base64.b64decode(data + b"=" * (-len(data) % 4))
    if data.startswith(b"\x89PNG"):
        yield from (Piece(piece.text, f"{place}, {piece.place}") for piece in png_pieces(data))
    elif match[1].startswith("text/") or match[1].endswith(("xml", "json")):
        for piece in _text(lambda: io.BytesIO(data)):
            yield Piece(piece.text, place, piece.line)


# Kind, how its files start, how they are read.
_BINARY: list[tuple[str, Callable[[bytes], bool], Callable[[Path], Iterator[Piece]]]] = [
    ("png", lambda head: head.startswith(b"\x89PNG"), _png),
    ("jpeg", lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg),
    ("pdf", lambda head: head.startswith(b"%PDF"), _pdf),
    ("npy", lambda head: head.startswith(b"\x93NUMPY"), _npy),
    ("dicom", lambda head: head[128:132] == b"DICM", _dicom),
    ("safetensors", _is_safetensors, _safetensors),
]
