"""SMART-Net, reproducible: raw head-CT DICOM to the paper's tables and figures."""

from snakemake.utils import min_version

min_version("9.25")


# A workflow that uses this one as a module describes itself.
if workflow.modifier.is_main_snakefile():

    report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/phantom.smk"
include: "rules/ingest.smk"
include: "rules/quality.smk"
include: "rules/preprocess.smk"
include: "rules/upstream.smk"
include: "rules/downstream.smk"
include: "rules/evaluate.smk"
include: "rules/explain.smk"
include: "rules/browser.smk"
include: "rules/figures.smk"
include: "rules/panels.smk"
include: "rules/tables.smk"
include: "rules/provenance.smk"
include: "rules/privacy.smk"


count_scripts()


onstart:
    before_the_first_job(workflow)


wildcard_constraints:
    dataset=one_of(DATASETS),
    shard=r"\d+",
    seed=r"\d+",
    pretext=one_of(config["pretexts"]),
    model=one_of(MODELS),


rule all:
    """The whole study: every figure and every table, and the scan for what would identify a patient."""
    input:
        STUDY,
        "results/phi_scan.tsv",


rule figures:
    """All figures, from cached tables and maps."""
    input:
        FIGURES,


rule tables:
    """All tables."""
    input:
        TABLES,


rule data:
    """Slices and split only: what training needs."""
    input:
        shard_folders("slices", DATASETS),
        "results/split.tsv",
