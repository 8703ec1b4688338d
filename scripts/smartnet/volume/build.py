"""The volumes of one shard: one straightened NIfTI per accepted case, with mask, sidecar and slice map."""

import logging
import math
from functools import partial
from pathlib import Path

import pandas as pd

from smartnet.dicom.catalog import CATALOG_COLUMNS
from smartnet.errors import ConfigError, DataError
from smartnet.files import read_table, write_json, write_nifti, write_table
from smartnet.parallel import map_processes
from smartnet.volume.case import RejectedError, Volume, load_case

logger = logging.getLogger(__name__)

_NUMBERS = ["slices", "rows", "columns", "contrast", "hemorrhage", "EDH", "IPH", "IVH", "SAH", "SDH"]
_FLOATS = ["pixel_spacing_mm", "slice_spacing_mm", "slice_thickness_mm", "tilt_deg", "coverage_mm"]
_FLOATS += ["kvp", "score"]
_REJECT_CHOICES = ("continue", "stop")


def build_shard(
    catalog: Path,
    identity: Path,
    output: Path,
    *,
    folder: Path,
    masks: Path | None,
    pictures: Path,
    on_rejected: str,
    threads: int,
    uneven_spacing: str = "resample",
) -> None:
    """Write the volumes of one shard's accepted cases, and ``cases.tsv`` with every case's verdict.

    Args:
        catalog: the shard's catalog.
        identity: the shard's private table of files.
        output: folder to write to.
        folder: the data set's folder, where the paths of the identity table begin.
        masks: folder of the reference masks, None if there are none.
        pictures: folder for ``{case}-mask.png`` of a mask that does not fit its scan; made only then.
        on_rejected: ``continue`` makes a case that fails a ``rejected`` row; ``stop`` raises instead.
        threads: number of processes, one case each.
        uneven_spacing: ``resample`` or ``keep`` stacks with gaps that differ (those to reject are already).

    Raises:
        ConfigError: ``on_rejected`` is neither.
        DataError: a reference mask does not fit its scan (always), or a case fails with ``stop``.
    """
    if on_rejected not in _REJECT_CHOICES:
        raise ConfigError(f"on_rejected is {on_rejected!r}: choose one of {', '.join(_REJECT_CHOICES)}")
    cases = read_catalog(catalog)
    output.mkdir(parents=True, exist_ok=True)
    accepted = cases[cases["verdict"] == "accepted"]
    jobs = [row._asdict() for row in accepted.itertuples(index=False)]
    work = partial(_build_case, output=output, masks=masks, pictures=pictures, uneven_spacing=uneven_spacing)
    files = _files_by_case(identity, folder, set(accepted["case"]))
    updates = {}
    results = map_processes(work, jobs, [files[job["case"]] for job in jobs], threads=threads)
    for done, update in enumerate(results, start=1):
        updates[update["case"]] = update
        if update["verdict"] == "rejected":
            if on_rejected == "stop":
                raise DataError(
                    f"case {update['case']} is rejected: {update['reason']}: mend or remove the scan, or set "
                    "on_rejected to continue"
                )
            logger.warning("case %s rejected: %s", update["case"], update["reason"])
        else:
            logger.info("case %s done (%d of %d)", update["case"], done, len(jobs))
    rows = [row | updates.get(row["case"], {}) for row in cases.astype(object).to_dict("records")]
    table = pd.DataFrame(rows, columns=[*CATALOG_COLUMNS, "lesion_ml"])
    table = table.astype(dict.fromkeys(_NUMBERS, "Int64") | dict.fromkeys([*_FLOATS, "lesion_ml"], float))
    write_table(table, output / "cases.tsv")


def files_read(identity: Path, folder: Path, masks: Path | None) -> list[Path]:
    """List what the volumes of a shard are made of: images in the order of the table, then masks.

    A mask may be a folder, see :func:`smartnet.volume.masks.load_mask`.

    Args:
        identity: the shard's private table of files.
        folder: the data set's folder.
        masks: folder of the reference masks, None if there are none.
    """
    table = read_table(identity, dtype=str).fillna("")
    images = [Path(folder, path) for path in table["path"].unique()]
    named = [Path(masks, name) for name in table["mask"].unique() if name] if masks else []
    return [path for path in images + named if path.exists()]  # the job itself says what is missing


def read_catalog(path: Path) -> pd.DataFrame:
    """Read a catalog, or the ``cases.tsv`` of the volumes: whole numbers as Int64, the rest text or float."""
    table = read_table(path, dtype=str)
    numbers = dict.fromkeys(_NUMBERS, "Int64")
    floats = {name: float for name in [*_FLOATS, "lesion_ml"] if name in table.columns}
    text = [name for name in table.columns if name not in numbers and name not in floats]
    table[text] = table[text].fillna("")
    for name in numbers:
        table[name] = pd.to_numeric(table[name])
    return table.astype(numbers | floats)


def _files_by_case(identity: Path, folder: Path, wanted: set[str]) -> dict[str, pd.DataFrame]:
    table = read_table(identity, dtype=str).fillna("")
    table["path"] = f"{Path(folder).as_posix()}/" + table["path"]
    table = table[table["case"].isin(wanted) & (table["z"] != "")]
    return dict(iter(table.groupby("case")))


def _build_case(
    row: dict,
    files: pd.DataFrame,
    *,
    output: Path,
    masks: Path | None,
    pictures: Path,
    uneven_spacing: str,
) -> dict:
    """Build and write one case; give the fields of its row that reading the pixels has settled."""
    case = row["case"]
    name = files["mask"].iloc[0]
    mask_file = Path(masks) / name if masks is not None and name else None
    try:
        volume = load_case(
            case,
            files,
            mask_file=mask_file,
            mask_state=row["mask"],
            pictures=pictures,
            uneven_spacing=uneven_spacing,
        )
        update = _settle_label(row, volume)
    except RejectedError as error:
        return {"case": case, "verdict": "rejected", "reason": str(error), "lesion_ml": float("nan")}
    _write_case(row | update, volume, output)
    return update | {"flags": "; ".join(update["flags"])}


def _settle_label(row: dict, volume: Volume) -> dict:
    """Let label and mask agree: a missing label follows the mask, a contradiction is never passed on.

    Raises:
        RejectedError: labelled 0 although its mask marks a hemorrhage.
    """
    lesion_ml, label, mask = volume.lesion_ml, row["hemorrhage"], row["mask"]
    flags = [*filter(None, row["flags"].split("; ")), *volume.flags, *volume.plausibility.flags]
    if lesion_ml is not None and pd.isna(label):
        label = int(lesion_ml > 0)
    elif lesion_ml and label == 0:
        raise RejectedError(f"labelled 0, but its mask marks {lesion_ml:.3f} mL")
    elif lesion_ml == 0 and label == 1:
        flags.append("labelled 1, but its mask is empty: not used for segmentation")
        mask, lesion_ml = "none", None
    return {
        "case": row["case"],
        "verdict": "accepted",
        "reason": "",
        "hemorrhage": label,
        "mask": mask,
        "lesion_ml": float("nan") if lesion_ml is None else lesion_ml,
        "flags": flags,
    }


def _write_case(row: dict, volume: Volume, output: Path) -> None:
    case = row["case"]
    write_nifti(volume.hu, volume.affine, output / f"{case}.nii.gz")
    if row["mask"] != "none":
        write_nifti(volume.mask, volume.affine, output / f"{case}_mask.nii.gz")
    write_table(volume.slices, output / f"{case}_slices.tsv")
    sidecar = {name: row[name] for name in ("case", "patient", "dataset", "manufacturer", "kernel", "flags")}
    numbers = {
        "kvp": row["kvp"],
        "slice_thickness_mm": row["slice_thickness_mm"],
        "tilt_deg": volume.tilt_deg,
        "air_hu": volume.plausibility.air_hu,
        "tissue_hu": volume.plausibility.tissue_hu,
        "lesion_ml": row["lesion_ml"],
    }
    sidecar |= {name: _rounded(value) for name, value in numbers.items()}
    sidecar["spacing_mm"] = [_rounded(value) for value in volume.spacing_mm]
    sidecar["shape"] = list(volume.hu.shape)
    write_json(sidecar, output / f"{case}.json")


def _rounded(value: float | None) -> float | None:
    """Round to what a table would hold; a missing value is null, as NaN is no JSON."""
    return None if value is None or math.isnan(value) else round(float(value), 6)
