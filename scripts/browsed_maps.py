"""Adapter of rule browsed_maps."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.browsed import map_browsed

    map_browsed(
        Path(snakemake.input.classifier).parent,
        Path(snakemake.input.cases),
        [Path(folder) for folder in snakemake.input.slices],
        [Path(folder) for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        output=Path(snakemake.output.maps),
        gpu=snakemake.resources.gpu,
        threads=snakemake.threads,
        max_slices=snakemake.params.max_slices,
    )
