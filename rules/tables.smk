"""Tables: one rule, one adapter, one caption each, as CSV and LaTeX; all but the first are drawn from the metrics alone.

In: results/metrics.csv, volumes. Out: results/tables/ (the table of the data's quality: quality.smk).
"""

TABLE_NAMES = ["datasets", "quality", "classification", "segmentation", "pretexts", "operators", "published"]
TABLE_NAMES += ["localisation"]
TABLES = expand("results/tables/{name}.{suffix}", name=TABLE_NAMES, suffix=["csv", "tex"])


rule table_datasets:
    """Describe the data sets: scans, prevalence, kinds, volumes, geometry, rejected."""
    input:
        volumes=shard_folders("volumes", DATASETS),
        split="results/split.tsv",
    output:
        csv=report(
            "results/tables/datasets.csv",
            caption="../report/table_datasets.rst",
            category="Data",
            labels={"figure": "Table"},
        ),
        tex="results/tables/datasets.tex",
    log:
        "logs/tables/datasets.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        code=fingerprint("smartnet.figures.datasets"),
    script:
        "../scripts/table_datasets.py"


rule table_classification:
    """Set the starts' classifiers side by side, per test set."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/classification.csv",
            caption="../report/table_classification.rst",
            category="Classification",
            labels={"figure": "Table"},
        ),
        tex="results/tables/classification.tex",
    log:
        "logs/tables/classification.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        models=models_of("classification", COMPARED),
        code=fingerprint("smartnet.figures.tables"),
    script:
        "../scripts/table_classification.py"


rule table_segmentation:
    """Set the starts' segmenters side by side, per test set."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/segmentation.csv",
            caption="../report/table_segmentation.rst",
            category="Segmentation",
            labels={"figure": "Table"},
        ),
        tex="results/tables/segmentation.tex",
    log:
        "logs/tables/segmentation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        models=models_of("segmentation", COMPARED),
        code=fingerprint("smartnet.figures.tables"),
    script:
        "../scripts/table_segmentation.py"


rule table_pretexts:
    """Set the starts side by side: what the encoder learnt from, and what came of it."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/pretexts.csv",
            caption="../report/table_pretexts.rst",
            category="Ablation",
            labels={"figure": "Starts"},
        ),
        tex="results/tables/pretexts.tex",
    log:
        "logs/tables/pretexts.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        models=[name for name in COMPARED if MODELS[name].pretext],
        code=fingerprint("smartnet.figures.ablation"),
    script:
        "../scripts/table_pretexts.py"


rule table_operators:
    """Set the 3D operators of one start side by side."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/operators.csv",
            caption="../report/table_operators.rst",
            category="Ablation",
            labels={"figure": "3D operators"},
        ),
        tex="results/tables/operators.tex",
    log:
        "logs/tables/operators.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        models=SIBLINGS,
        code=fingerprint("smartnet.figures.ablation"),
    script:
        "../scripts/table_operators.py"


rule table_published:
    """Set our numbers beside the published ones."""
    input:
        metrics="results/metrics.csv",
        published="resources/published.csv",
    output:
        csv=report(
            "results/tables/published.csv",
            caption="../report/table_published.rst",
            category="Classification",
            labels={"figure": "Table"},
        ),
        tex="results/tables/published.tex",
    log:
        "logs/tables/published.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        phantoms=any(is_phantom(name) for name in TEST_SETS),
        code=fingerprint("smartnet.figures.tables"),
    script:
        "../scripts/table_published.py"


rule table_localisation:
    """Set side by side how well the maps of the starts lie on the lesions, and what trivial and random maps reach."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/localisation.csv",
            caption="../report/table_localisation.rst",
            category="Explanation",
            labels={"figure": "Localisation", "model": "all", "dataset": "all"},
        ),
        tex="results/tables/localisation.tex",
    log:
        "logs/tables/localisation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        pretexts=config["pretexts"],
        code=fingerprint("smartnet.figures.localisation"),
    script:
        "../scripts/table_localisation.py"
