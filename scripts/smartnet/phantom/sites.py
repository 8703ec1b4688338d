"""The invented hospitals: how each one scans heads and writes its files."""

from dataclasses import dataclass

from smartnet.errors import ConfigError


@dataclass(frozen=True)
class Site:
    """How one hospital scans.

    Attributes:
        manufacturer: vendor as its scanners write it.
        model: scanner model.
        station: station name.
        kvp: tube voltages in use.
        tube_ma: tube currents in use; noise goes with its inverse square root.
        kernel: reconstruction kernel.
        field_mm: smallest and largest reconstructed field of view.
        thickness_mm: slice thicknesses in use (contiguous slices).
        noise_hu: standard deviation in the brain at 200 mA and 5 mm.
        blur_mm: standard deviation of the in-plane point spread.
        grain_mm: correlation length of the noise.
        tilt_deg: largest gantry tilt either way; 0 for sites that never tilt.
        tilted_share: share of scans made with a tilted gantry.
        tilt_sign: sign of the tilt tag against the tilt measured from the vectors; vendors disagree.
        signed: stored values are signed (PixelRepresentation 1).
        intercept: RescaleIntercept.
        padding: stored value outside the reconstruction circle, or None for a square image.
        instances: ``position`` (numbered upwards), ``reverse`` (from the vertex down) or ``mixed``
            (some series numbered in the order of reconstruction, unlike any position).
        naming: ``flat`` (all files of a data set in one folder), ``nested`` or ``dicomdir`` (8.3 names).
        localizer_share: share of studies that come with a scout image.
        rotation_deg: standard deviation of the head's rotation about each axis.
    """

    manufacturer: str
    model: str
    station: str
    kvp: tuple[int, ...]
    tube_ma: tuple[int, ...]
    kernel: str
    field_mm: tuple[float, float]
    thickness_mm: tuple[float, ...]
    noise_hu: float
    blur_mm: float
    grain_mm: float
    tilt_deg: float = 0.0
    tilted_share: float = 0.0
    tilt_sign: int = -1
    signed: bool = False
    intercept: int = -1024
    padding: int | None = None
    instances: str = "position"
    naming: str = "nested"
    localizer_share: float = 0.0
    rotation_deg: float = 4.0


SITES = {
    "alpha": Site(
        manufacturer="SIEMENS",
        model="SOMATOM Definition AS+",
        station="CTALPHA1",
        kvp=(120,),
        tube_ma=(180, 220, 280),
        kernel="H31s",
        field_mm=(218.0, 236.0),
        thickness_mm=(5.0, 5.0, 6.0),
        noise_hu=3.7,
        blur_mm=0.75,
        grain_mm=0.80,
        tilt_deg=14.0,
        tilted_share=0.35,
        localizer_share=0.3,
    ),
    "beta": Site(
        manufacturer="GE MEDICAL SYSTEMS",
        model="LightSpeed VCT",
        station="CTBETA01",
        kvp=(120, 140),
        tube_ma=(150, 200, 250),
        kernel="STANDARD",
        field_mm=(240.0, 250.0),
        thickness_mm=(5.0,),
        noise_hu=4.2,
        blur_mm=0.70,
        grain_mm=0.75,
        tilt_deg=20.0,
        tilted_share=0.6,
        signed=True,
        padding=-2000,
        instances="reverse",
        naming="flat",
        rotation_deg=5.0,
    ),
    "gamma": Site(
        manufacturer="Philips",
        model="Brilliance 64",
        station="CTGAMMA",
        kvp=(120,),
        tube_ma=(160, 240),
        kernel="UB",
        field_mm=(220.0, 250.0),
        thickness_mm=(4.5, 5.0, 6.0),
        noise_hu=3.5,
        blur_mm=0.85,
        grain_mm=0.95,
        tilt_deg=8.0,
        tilted_share=0.2,
        instances="mixed",
        naming="dicomdir",
        rotation_deg=6.0,
    ),
    "delta": Site(
        manufacturer="TOSHIBA",
        model="Aquilion",
        station="CTDELTA",
        kvp=(120, 135),
        tube_ma=(150, 200),
        kernel="FC26",
        field_mm=(220.0, 240.0),
        thickness_mm=(5.0, 7.0),
        noise_hu=4.0,
        blur_mm=0.80,
        grain_mm=0.85,
        tilt_deg=18.0,
        tilted_share=0.5,
        signed=True,
        intercept=0,
    ),
}


def find_site(name: str) -> Site:
    """Give the site of that name.

    Raises:
        ConfigError: no such site.
    """
    if name not in SITES:
        raise ConfigError(f"Unknown phantom site {name!r}: choose one of {', '.join(SITES)}.")
    return SITES[name]
