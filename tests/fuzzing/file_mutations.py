"""Ways to damage a series: in its names and texts, and as a set of files."""

import os
import shutil

import pydicom
from pydicom.uid import generate_uid

from fuzzing.mutations import Case, Generator, choice, edit, mutation, set_raw


@mutation()
def uid_of_one_slice(case: Case, rng: Generator) -> None:
    keyword = choice(rng, ["SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "PatientID"])
    edit(case.inner(rng), lambda dataset: setattr(dataset, keyword, generate_uid(entropy_srcs=["other"])))


@mutation()
def instance_uids_all_the_same(case: Case, rng: Generator) -> None:
    for path in case.files:
        edit(path, lambda dataset: setattr(dataset, "SOPInstanceUID", "1.2.3"))


@mutation()
def strange_uids(case: Case, rng: Generator) -> None:
    keyword = choice(
        rng, ["SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "PatientID", "Modality"]
    )
    values = [
        b"1." * 5000,
        b"a b c",
        b"1.2\x003",
        b'1"2\t3\n4',
        b"\xff\xfe\xfd\xfc",
        b"'; DROP",
        b"NA",
        b"nan ",
    ]
    value = choice(rng, values)
    for path in case.some(rng, every=0.7):
        set_raw(path, keyword, value)


@mutation(control=True)
def slices_that_join_another_series(case: Case, rng: Generator) -> None:
    control = pydicom.dcmread(next(iter(sorted(case.control.iterdir()))))

    def change(dataset: pydicom.Dataset) -> None:
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = (
            control.SeriesInstanceUID,
            control.StudyInstanceUID,
        )

    for path in case.some(rng, every=0.5):
        edit(path, change)


@mutation()
def image_type_or_class_of_one_slice(case: Case, rng: Generator) -> None:
    keyword, value = choice(
        rng,
        [
            *[("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), ("ImageType", ["DERIVED", "SECONDARY"])],
            *[("Modality", "MR"), ("SOPClassUID", pydicom.uid.MRImageStorage)],
            *[("SOPClassUID", pydicom.uid.EnhancedCTImageStorage), ("SOPClassUID", "1.2.3")],
        ],
    )
    edit(case.inner(rng), lambda dataset: setattr(dataset, keyword, value))


@mutation()
def huge_text(case: Case, rng: Generator) -> None:
    keywords = ["PatientName", "ImageComments", "ConvolutionKernel", "Manufacturer", "SeriesDescription"]
    keyword = choice(rng, [*keywords, "PatientID", "ContrastBolusAgent", "ManufacturerModelName"])
    value = "x" * int(rng.integers(100_000, 3_000_000))

    def change(dataset: pydicom.Dataset) -> None:
        dataset.add_new(keyword, "UT", value)

    for path in case.some(rng, every=0.2):
        edit(path, change)


@mutation()
def strange_text(case: Case, rng: Generator) -> None:
    values = [
        b'a"b\tc\nd\re',
        b"\x00\x01\x02\x1c\x85",
        b"\xff\xfe\xed\xa0\x80",
        b"\xe2\x80\xa8x",
        b"NA",
        b"\x1b$B%d",
    ]
    keyword = choice(rng, ["Manufacturer", "ConvolutionKernel", "PatientID", "SeriesDescription"])
    charset = choice(rng, [None, b"ISO_IR 192", b"ISO 2022 IR 87", b"nonsense", b"\\ISO 2022 IR 149"])
    value = choice(rng, values)
    for path in case.some(rng, every=0.7):
        set_raw(path, keyword, value)
        if charset:
            set_raw(path, "SpecificCharacterSet", charset)


@mutation()
def slice_copied(case: Case, rng: Generator) -> None:
    """The same pixels at the same place, with a UID of its own or not."""
    path = case.one(rng)
    copy = shutil.copyfile(path, case.folder / "copy.dcm")
    if rng.random() < 0.5:
        edit(copy, lambda dataset: setattr(dataset, "SOPInstanceUID", generate_uid(entropy_srcs=["copy"])))


@mutation(classic=True)
def slice_copied_with_other_pixels(case: Case, rng: Generator) -> None:
    first, second = (case.files[i] for i in rng.choice(len(case.files), 2, replace=False))
    position = pydicom.dcmread(first).ImagePositionPatient

    def change(dataset: pydicom.Dataset) -> None:
        dataset.ImagePositionPatient = position
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=["copy"])

    edit(shutil.copyfile(second, case.folder / "copy.dcm"), change)


@mutation("files", classic=True)
def pixels_of_two_slices_swapped(case: Case, rng: Generator) -> None:
    first, second = (case.files[i] for i in rng.choice(len(case.files), 2, replace=False))
    pixels = [pydicom.dcmread(path).PixelData for path in (second, first)]
    for path, data in zip((first, second), pixels, strict=True):
        edit(path, lambda dataset, data=data: setattr(dataset, "PixelData", data))


@mutation()
def files_swapped(case: Case, rng: Generator) -> None:
    names = list(rng.permutation(len(case.files)))
    for path in case.files:
        path.rename(path.with_suffix(".old"))
    for path, number in zip(case.files, names, strict=True):
        path.with_suffix(".old").rename(case.files[number])


@mutation(classic=True)
def slice_lost(case: Case, rng: Generator) -> None:
    case.one(rng).unlink()


@mutation("files", classic=True)
def slices_lost(case: Case, rng: Generator) -> None:
    """What is left may look like a protocol with coarser slices."""
    for index in rng.choice(len(case.files), int(rng.integers(2, 5)), replace=False):
        case.files[index].unlink()


@mutation()
def strange_file_names(case: Case, rng: Generator) -> None:
    names = [
        b"\xe4\xf6\xfc\xff.dcm",
        b'tab\tquote".dcm',
        b"new\nline.dcm",
        b"carriage\rreturn",
        b"\\back,comma;.dcm",
    ]
    names += [b"x" * 255, b" lead and trail ", b"-rf", b"NA", "汉字\u2028.dcm".encode()]
    name = choice(rng, names)
    path = case.one(rng)
    path.rename(case.folder / os.fsdecode(name))


@mutation()
def strange_folders(case: Case, rng: Generator) -> None:
    kind = choice(rng, ["loop", "loops", "dangling", "fifo", "directory", "deep", "self", "outside"])
    folder = case.folder
    if kind == "loop":
        (folder / "loop").symlink_to(folder)
    elif kind == "loops":  # two of them: every level doubles the paths
        (folder / "one").symlink_to(folder)
        (folder / "two").symlink_to(folder.parent)
    elif kind == "dangling":
        (folder / "gone.dcm").symlink_to(folder / "nowhere")
    elif kind == "fifo":
        os.mkfifo(folder / "pipe.dcm")
    elif kind == "directory":
        (folder / "folder.dcm").mkdir()
    elif kind == "self":
        (folder / "self.dcm").symlink_to(folder / "self.dcm")
    elif kind == "outside":
        (folder / "null.dcm").symlink_to("/dev/zero")
    else:
        deep = folder.joinpath(*["d"] * 300)
        deep.mkdir(parents=True)
        shutil.move(case.files[0], deep / case.files[0].name)
