"""Ways to damage a series: in its tags and against each other; how a way is registered.

``witness`` says what an accepted volume must equal. ``truth``: the healthy series, because the damage
contradicts something that is still there. ``files``: what the files say now, because nothing else is left
that could contradict them (a flipped bit of an uncompressed pixel, a slope that another scanner could have).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from fuzzing.seeds import Seed

Generator = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A data set to be damaged.

    Attributes:
        files: of the series, bottom up.
        folder: that holds them.
        control: folder of the healthy series beside it.
        seed: what it was made from.
    """

    files: list[Path]
    folder: Path
    control: Path
    seed: Seed

    def some(self, rng: Generator, *, every: float = 0.3) -> list[Path]:
        """One file, or (with that probability) all of them."""
        return self.files if rng.random() < every else [self.one(rng)]

    def one(self, rng: Generator) -> Path:
        return self.files[int(rng.integers(len(self.files)))]

    def inner(self, rng: Generator) -> Path:
        """A file that is neither the first nor the last slice, where there are several."""
        return self.files[int(rng.integers(1, len(self.files) - 1))] if len(self.files) > 2 else self.files[0]


@dataclass(frozen=True)
class Mutation:
    """Named damage.

    Attributes:
        name: of it.
        apply: does it.
        witness: ``truth`` or ``files``.
        control: it may cost the healthy series too.
        classic: it makes no sense for enhanced multi-frame objects.
        unfit: names of further seeds that it makes no sense for.
    """

    name: str
    apply: Callable[[Case, Generator], None]
    witness: str
    control: bool = False
    classic: bool = False
    unfit: tuple[str, ...] = ()

    def fits(self, seed: Seed) -> bool:
        return not (self.classic and seed.enhanced) and seed.name not in self.unfit


MUTATIONS: list[Mutation] = []


def mutation(witness: str = "truth", **options) -> Callable:
    """Register a function as a mutation."""

    def register(function: Callable) -> Callable:
        MUTATIONS.append(Mutation(function.__name__.replace("_", " "), function, witness, **options))
        return function

    return register


def choice(rng: Generator, options: list):
    return options[int(rng.integers(len(options)))]


def edit(path: Path, change: Callable[[pydicom.Dataset], None]) -> None:
    """Read, change and write a file in its own transfer syntax, whatever the values are."""
    dataset = pydicom.dcmread(path)
    implicit, little = dataset.original_encoding
    change(dataset)
    pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=little)


def set_raw(path: Path, keyword: str, value: bytes) -> None:
    """Give an element bytes that pydicom itself would not write."""

    def change(dataset: pydicom.Dataset) -> None:
        tag = pydicom.tag.Tag(pydicom.datadict.tag_for_keyword(keyword))
        raw = pydicom.dataelem.RawDataElement
        implicit, little = dataset.original_encoding
        value_even = value + b" " * (len(value) % 2)
        vr = pydicom.datadict.dictionary_VR(tag).split(" or ")[0]
        dataset._dict[tag] = raw(tag, vr, len(value_even), value_even, 0, implicit, little)

    edit(path, change)


GEOMETRY = ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
NEEDED = [
    *GEOMETRY,
    *["RescaleSlope", "RescaleIntercept", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"],
    *["PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation", "PixelData", "Modality"],
    *["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "ImageType"],
]
OPTIONAL = ["KVP", "SliceThickness", "InstanceNumber", "ConvolutionKernel", "Manufacturer", "PatientName"]
NO_NUMBERS = [
    b"",
    b"abc",
    b"NaN",
    b"inf",
    b"-inf",
    b"1e400",
    b"1,5",
    b"0x10",
    b"1\\2\\3\\4\\5\\6\\7",
    b"\\\\",
]


@mutation()
def tag_removed(case: Case, rng: Generator) -> None:
    keyword = choice(rng, NEEDED)
    for path in case.some(rng):
        edit(path, lambda dataset: dataset.pop(keyword, None))


@mutation()
def harmless_tag_removed(case: Case, rng: Generator) -> None:
    keyword = choice(rng, OPTIONAL)
    for path in case.some(rng):
        edit(path, lambda dataset: dataset.pop(keyword, None))


@mutation()
def tag_emptied(case: Case, rng: Generator) -> None:
    keyword = choice(rng, [name for name in NEEDED if name != "PixelData"])
    for path in case.some(rng):
        set_raw(path, keyword, b"")


@mutation(classic=True)
def number_that_is_none(case: Case, rng: Generator) -> None:
    keyword = choice(rng, [*GEOMETRY, "RescaleSlope", "RescaleIntercept"])
    value = choice(rng, NO_NUMBERS)
    for path in case.some(rng):
        set_raw(path, keyword, value)


@mutation(classic=True)
def harmless_number_that_is_none(case: Case, rng: Generator) -> None:
    keyword = choice(rng, ["KVP", "SliceThickness", "InstanceNumber", "AcquisitionNumber"])
    value = choice(rng, [*NO_NUMBERS, b"9" * 400, b"-1"])
    for path in case.some(rng):
        set_raw(path, keyword, value)


@mutation("files", classic=True)
def slice_beside_the_others(case: Case, rng: Generator) -> None:
    """In its plane: scans of two fields of view in one series are like that."""
    shift = rng.uniform(5, 60) * choice(rng, [-1, 1])
    axis = int(rng.integers(2))

    def change(dataset: pydicom.Dataset) -> None:
        position = list(map(float, dataset.ImagePositionPatient))
        position[axis] += shift
        dataset.ImagePositionPatient = [f"{value:.9g}" for value in position]

    edit(case.inner(rng), change)


@mutation("files", classic=True)
def slice_above_its_place(case: Case, rng: Generator) -> None:
    shift = rng.uniform(-8, 8)

    def change(dataset: pydicom.Dataset) -> None:
        *plane, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [f"{value:.9g}" for value in (*plane, z + shift)]

    edit(case.one(rng), change)


@mutation(classic=True)
def positions_all_the_same(case: Case, rng: Generator) -> None:
    same = pydicom.dcmread(case.files[0]).ImagePositionPatient
    for path in case.files:
        edit(path, lambda dataset: setattr(dataset, "ImagePositionPatient", same))


@mutation(classic=True)
def absurd_positions(case: Case, rng: Generator) -> None:
    factor = choice(rng, [1e-9, 1e-4, 1e3, 1e30, 1e200])

    def change(dataset: pydicom.Dataset) -> None:
        dataset.ImagePositionPatient = [
            f"{float(value) * factor:.6g}" for value in dataset.ImagePositionPatient
        ]

    for path in case.files:
        edit(path, change)


@mutation(classic=True)
def orientation_of_one_slice(case: Case, rng: Generator) -> None:
    angle = np.radians(rng.uniform(1, 90))
    turned = [np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0]
    values = choice(rng, [turned, [0] * 6, [1, 0, 0, 1, 0, 0], [-1, 0, 0, 0, -1, 0], [1e9, 0, 0, 0, 1e9, 0]])
    text = "\\".join(f"{value:.8g}" for value in values).encode()
    set_raw(case.inner(rng), "ImageOrientationPatient", text)


@mutation(classic=True)
def impossible_orientation(case: Case, rng: Generator) -> None:
    values = choice(rng, [[0] * 6, [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 2, 0], [1, 0, 0, 0.3, 1, 0], [0.1] * 6])
    for path in case.files:
        set_raw(path, "ImageOrientationPatient", "\\".join(map(str, values)).encode())


@mutation("files", classic=True)
def other_orientation(case: Case, rng: Generator) -> None:
    values = choice(rng, [[-1, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 0], [1, 0, 0, 0, -1, 0]])
    for path in case.files:
        set_raw(path, "ImageOrientationPatient", "\\".join(map(str, values)).encode())


@mutation(classic=True)
def spacing_of_one_slice(case: Case, rng: Generator) -> None:
    value = choice(rng, [0.5, 7.0, 0.0, -4.0, 1e6])
    set_raw(case.inner(rng), "PixelSpacing", f"{value}\\{value}".encode())


@mutation(classic=True)
def impossible_spacing(case: Case, rng: Generator) -> None:
    value = choice(rng, ["0\\0", "-4\\-4", "4\\0", "1e9\\1e9", "1e-9\\1e-9", "4", "4\\4\\4", "1e200\\1e200"])
    for path in case.files:
        set_raw(path, "PixelSpacing", value.encode())


@mutation("files", classic=True)
def other_spacing(case: Case, rng: Generator) -> None:
    factor = rng.uniform(0.5, 1.5)

    def change(dataset: pydicom.Dataset) -> None:
        dataset.PixelSpacing = [f"{float(value) * factor:.8g}" for value in dataset.PixelSpacing]

    for path in case.files:
        edit(path, change)


@mutation("files", classic=True)
def other_rescale_of_one_slice(case: Case, rng: Generator) -> None:
    slope, intercept = choice(rng, [("2", "-1024"), ("1", "0"), ("1", "-2048"), ("0.01", "-1024")])

    def change(dataset: pydicom.Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept

    edit(case.one(rng), change)


@mutation("files", classic=True)
def other_rescale(case: Case, rng: Generator) -> None:
    keyword, value = choice(
        rng, [("RescaleSlope", "1.1"), ("RescaleIntercept", "0"), ("RescaleIntercept", "1e9")]
    )
    for path in case.files:
        set_raw(path, keyword, value.encode())


@mutation(classic=True)
def impossible_rescale(case: Case, rng: Generator) -> None:
    for path in case.some(rng):
        set_raw(path, "RescaleSlope", choice(rng, [b"0", b"-1", b"1e300", b"-0.0", b"NaN"]))


@mutation()
def absurd_size(case: Case, rng: Generator) -> None:
    keyword, value = choice(
        rng,
        [
            *[("Rows", 65535), ("Columns", 65535), ("Rows", 0), ("Columns", 0), ("Rows", 1), ("Columns", 1)],
            *[("BitsAllocated", bits) for bits in (0, 1, 8, 12, 32, 64, 65535)],
            *[("SamplesPerPixel", count) for count in (0, 3, 4, 65535)],
        ],
    )
    for path in case.some(rng):
        edit(path, lambda dataset: setattr(dataset, keyword, value))


@mutation()
def enormous_matrix(case: Case, rng: Generator) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.Rows = dataset.Columns = 65535

    for path in case.some(rng):
        edit(path, change)


@mutation()
def absurd_number_of_frames(case: Case, rng: Generator) -> None:
    value = choice(rng, [b"1000000000", b"0", b"-1", b"abc", b"2", b"1.5", b"9" * 300])
    for path in case.some(rng):
        set_raw(path, "NumberOfFrames", value)


@mutation()
def row_or_column_less(case: Case, rng: Generator) -> None:
    """One column less than there is shears the image, one row less only cuts it."""
    keyword, less = choice(rng, ["Rows", "Columns"]), int(rng.integers(1, 4))

    def change(dataset: pydicom.Dataset) -> None:
        setattr(dataset, keyword, dataset[keyword].value - less)

    for path in case.some(rng, every=0.7):
        edit(path, change)


@mutation()
def row_or_column_more(case: Case, rng: Generator) -> None:
    keyword, more = choice(rng, ["Rows", "Columns"]), int(rng.integers(1, 4))

    def change(dataset: pydicom.Dataset) -> None:
        setattr(dataset, keyword, dataset[keyword].value + more)

    for path in case.some(rng, every=0.7):
        edit(path, change)


@mutation("files")
def bits_that_contradict(case: Case, rng: Generator) -> None:
    keyword, value = choice(
        rng,
        [
            *[("BitsStored", bits) for bits in (1, 8, 12, 17, 64)],
            *[("HighBit", bit) for bit in (0, 7, 11, 31)],
            *[("PixelRepresentation", value) for value in (0, 1, 2)],
        ],
    )
    for path in case.some(rng):
        edit(path, lambda dataset: setattr(dataset, keyword, value))


@mutation()
def padding_that_swallows_the_head(case: Case, rng: Generator) -> None:
    low, high = choice(rng, [(0, 65535), (-32768, 32767), (0, 3000), (1, 2000), (24, 1070)])
    for path in case.some(rng):
        signed = low < 0

        def change(dataset: pydicom.Dataset, signed: bool = signed) -> None:
            dataset.add_new("PixelPaddingValue", "SS" if signed else "US", low)
            dataset.add_new("PixelPaddingRangeLimit", "SS" if signed else "US", high)

        edit(path, change)


@mutation()
def padding_that_is_no_number(case: Case, rng: Generator) -> None:
    for path in case.some(rng):
        set_raw(path, "PixelPaddingValue", choice(rng, [b"", b"x ", b"1\\2\\3 ", b"\x00" * 6]))
