"""Adapter of rule downstream."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake, stored=True) as taken:
    if not taken:
        from smartnet.training.downstream import train_downstream

        train_downstream(
            slices=[Path(folder) for folder in snakemake.input.slices],
            split=Path(snakemake.input.split),
            upstream=Path(snakemake.input.weights).parent,
            output=Path(snakemake.output.weights).parent,
            state=Path("resources/state"),
            seed=int(snakemake.wildcards.seed),
            gpu=snakemake.resources.gpu,
            threads=snakemake.threads,
            **{name: value for name, value in snakemake.params.items() if name != "script"},
        )
