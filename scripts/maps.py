"""Adapter of rule maps."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.explain.maps import compute_maps

    compute_maps(
        Path(snakemake.input.upstream).parent,
        Path(snakemake.input.classifier[0]).parent,
        Path(snakemake.input.cases),
        [Path(folder) for folder in snakemake.input.slices],
        Path(snakemake.input.split),
        output=Path(snakemake.output.table).parent,
        gpu=snakemake.resources.gpu,
        threads=snakemake.threads,
    )
