"""Adapter of rule case_browser."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.browser.page import write_browser

    write_browser(
        snakemake.params.runs,
        Path(snakemake.input.cases),
        [Path(folder) for folder in snakemake.input.volumes],
        [Path(snakemake.input.maps)],
        colours=snakemake.params.style["colours"]["outlines"],
        template=Path(snakemake.input.template[0]),
        output=Path(snakemake.output.page),
        threads=snakemake.threads,
    )
