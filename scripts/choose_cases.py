"""Adapter of rule choose_cases."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.cases import choose_cases

    choose_cases(
        [Path(folder) for folder in snakemake.input.slices],
        Path(snakemake.input.split),
        output=Path(snakemake.output.cases),
        **snakemake.params.settings,
    )
