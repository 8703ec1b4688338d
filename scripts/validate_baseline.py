"""Adapter of rule validate_baseline."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.predict.baseline import validate_threshold

    validate_threshold(
        [Path(folder) for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        task=snakemake.params.task,
        threshold_hu=snakemake.params.threshold_hu,
        output=Path(snakemake.output.validation),
    )
