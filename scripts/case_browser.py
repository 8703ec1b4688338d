"""Adapter of rule case_browser."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
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
