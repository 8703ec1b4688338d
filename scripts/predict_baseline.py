"""Adapter of rule predict_baseline."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.predict.baseline import predict_threshold

    predict_threshold(
        [Path(folder) for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        dataset=snakemake.wildcards.dataset,
        threshold_hu=snakemake.params.threshold_hu,
        task=snakemake.params.task,
        output=Path(snakemake.output.table),
        masks=Path(snakemake.output.masks),
    )
