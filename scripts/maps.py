"""Adapter of rule maps."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.maps import compute_maps
    from smartnet.explain.start import Start

    options = {"gpu": snakemake.resources.gpu, "threads": snakemake.threads}
    settings = snakemake.params.settings
    networks = [Path(snakemake.input[name]).parent for name in ("upstream", "classifier", "segmenter")]
    compute_maps(
        Start.load(*networks, max_slices=settings["max_slices"], **options),
        Path(snakemake.input.cases),
        [Path(folder) for folder in snakemake.input.slices],
        [Path(folder) for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        output=Path(snakemake.output.table).parent,
        seed=settings["seed"],
    )
