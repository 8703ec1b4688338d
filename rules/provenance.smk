"""Where every artifact came from: the table of provenance, and the same as an RO-Crate.

In: everything below results/, the records that jobs left in resources/runs/. Out: results/provenance.json,
results/ro-crate-metadata.json, results/workflow/.
"""

# What the study makes, but for its provenance and the scan, which come after it.
FIGURES, TABLES = outputs_of("figure_"), outputs_of("table_")
STUDY = [
    *[*FIGURES, *TABLES, "results/cases/index.html"],
    *["results/metrics.csv", "results/comparisons.csv", "results/quality/index.html"],
]


rule workflow_text:
    """Keep the workflow's own text beside what it made."""
    input:
        snakefile=shipped("Snakefile"),
        rules=[shipped(f"rules/{file.name}") for file in sorted(ROOT.glob("rules/*.smk"))],
    output:
        folder=directory("results/workflow"),
    log:
        "logs/workflow_text.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        code=code_of("smartnet.provenance.build"),
    script:
        "../scripts/workflow_text.py"


rule provenance:
    """Say of every artifact what it holds and which run made it, from what, how."""
    input:
        study=STUDY,
        text="results/workflow",
    output:
        table="results/provenance.json",
        crate="results/ro-crate-metadata.json",
    log:
        "logs/provenance.log",
    conda:
        "../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=growing(1500),
        runtime=growing(120),
    params:
        citation=yaml.safe_load((ROOT / "CITATION.cff").read_text()),
        code=code_of("smartnet.provenance.build"),
    script:
        "../scripts/provenance.py"
