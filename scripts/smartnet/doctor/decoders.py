"""One sample in every transfer syntax that CT comes in, really decoded and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smartnet.doctor.result import MISSING, OK, Result

_REFERENCE = "1"


@dataclass(frozen=True)
class Sample:
    """A file ``{uid}.ct`` with the end of its transfer syntax UID.

    Attributes:
        uid: what follows 1.2.840.10008.1.2 (0: nothing).
        name: of the transfer syntax (DICOM PS3.5, annex A).
        package: that decodes it, besides pydicom and numpy.
        off_hu: how far a decoded value may be off; the sample spans 4096 HU.
    """

    uid: str
    name: str
    package: str = "pydicom"
    off_hu: int = 0


SAMPLES = (
    Sample("0", "Implicit VR Little Endian"),
    Sample("1", "Explicit VR Little Endian"),
    Sample("1.99", "Deflated Explicit VR Little Endian"),
    Sample("2", "Explicit VR Big Endian"),
    Sample("5", "RLE Lossless"),
    Sample("4.50", "JPEG Baseline", "pylibjpeg-libjpeg", 48),  # 8 bits for 4096 HU: steps of 16
    Sample("4.51", "JPEG Extended", "pylibjpeg-libjpeg", 4),
    Sample("4.57", "JPEG Lossless", "pylibjpeg-libjpeg"),
    Sample("4.70", "JPEG Lossless, first-order prediction", "pylibjpeg-libjpeg"),
    Sample("4.80", "JPEG-LS Lossless", "pyjpegls"),
    Sample("4.81", "JPEG-LS Near-Lossless", "pyjpegls", 4),
    Sample("4.90", "JPEG 2000 Lossless", "pylibjpeg-openjpeg"),
    Sample("4.91", "JPEG 2000", "pylibjpeg-openjpeg", 8),
)


def check_decoders(folder: Path) -> list[Result]:
    """Decode every sample with the study's own reader and compare it with the uncompressed one.

    Args:
        folder: holds the samples (``resources/doctor``).
    """
    try:
        from smartnet.dicom.pixels import read_slice

        reference = read_slice(folder / f"{_REFERENCE}.ct").hu.astype(int)
    except ImportError as error:
        return [Result(MISSING, "decoders", f"{error.name} cannot be imported", "make setup")]
    except (ValueError, OSError) as error:
        remedy = "restore resources/doctor from git"
        return [Result(MISSING, "decoders", f"the uncompressed sample: {error}", remedy)]
    failed = [result for sample in SAMPLES for result in _check(sample, folder, reference, read_slice)]
    return failed or [Result(OK, "decoders", f"{len(SAMPLES)} transfer syntaxes decoded and compared")]


def _check(sample: Sample, folder: Path, reference, read_slice) -> list[Result]:  # noqa: ANN001, numpy comes late
    try:
        off = int(abs(read_slice(folder / f"{sample.uid}.ct").hu.astype(int) - reference).max())
    except (ValueError, OSError) as error:
        text = f"{error}"
    else:
        if off <= sample.off_hu:
            return []
        text = f"decoded wrongly, {off} HU off where {sample.off_hu} are allowed"
    name = f"decoder of {sample.name} (1.2.840.10008.1.2{'' if sample.uid == '0' else '.' + sample.uid})"
    remedy = f"install {sample.package} anew in the version of requirements.lock"
    return [Result(MISSING, name, text, remedy)]
