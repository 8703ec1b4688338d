"""Adapter of rule case_browser."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.browser.page import write_browser

    write_browser(
        snakemake.params.runs,
        [Path(folder) for folder in snakemake.input.volumes],
        [Path(folder) for folder in snakemake.input.get("maps", [])],
        count=snakemake.params.per_dataset,
        colours=snakemake.params.style["colours"]["outlines"],
        template=Path(snakemake.input.template[0]),
        output=Path(snakemake.output.page),
        threads=snakemake.threads,
    )
