"""Adapter of rule localisation."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.localisation import measure_localisation
    from smartnet.explain.start import Start

    options = {"gpu": snakemake.resources.gpu, "threads": snakemake.threads}
    settings = snakemake.params.settings
    networks = [Path(snakemake.input[name]).parent for name in ("upstream", "classifier", "segmenter")]
    measure_localisation(
        Start.load(*networks, max_slices=settings["max_slices"], **options),
        [Path(folder) for folder in snakemake.input.slices],
        [Path(folder) for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        output=Path(snakemake.output.table),
        threshold_hu=settings["threshold_hu"],
        limit=settings["limit"],
        seed=settings["seed"],
        run=int(snakemake.wildcards.seed),
    )
