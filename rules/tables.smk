"""Tables: one rule, one adapter, one caption each, as CSV and LaTeX; all but the first are drawn from the metrics and
comparisons alone.

In: results/metrics.csv, results/comparisons.csv, volumes. Out: results/tables/ (the table of the data's quality: quality.smk).
"""


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
            labels=shows("Data sets"),
        ),
        tex="results/tables/datasets.tex",
    log:
        "logs/tables/datasets.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        code=code_of("smartnet.figures.datasets"),
    script:
        "../scripts/table_datasets.py"


rule table_classification:
    """Set the starts' classifiers side by side, per test set."""
    input:
        metrics="results/metrics.csv",
        comparisons="results/comparisons.csv",
    output:
        csv=report(
            "results/tables/classification.csv",
            caption="../report/table_classification.rst",
            category="Classification",
            labels=shows("Classification"),
        ),
        tex="results/tables/classification.tex",
    log:
        "logs/tables/classification.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=models_of("classification", COMPARED),
        code=code_of("smartnet.figures.tables"),
    script:
        "../scripts/table_classification.py"


rule table_operating:
    """Say what a reader meets at the operating points: alarms, predictive values, calibration."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/operating.csv",
            caption="../report/table_operating.rst",
            category="Classification",
            labels=shows("Operating points"),
        ),
        tex="results/tables/operating.tex",
    log:
        "logs/tables/operating.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=models_of("classification", COMPARED),
        prevalences=config["evaluation"]["prevalence"],
        code=code_of("smartnet.figures.tables"),
    script:
        "../scripts/table_operating.py"


rule table_segmentation:
    """Set the starts' segmenters side by side, per test set."""
    input:
        metrics="results/metrics.csv",
        comparisons="results/comparisons.csv",
    output:
        csv=report(
            "results/tables/segmentation.csv",
            caption="../report/table_segmentation.rst",
            category="Segmentation",
            labels=shows("Segmentation"),
        ),
        tex="results/tables/segmentation.tex",
    log:
        "logs/tables/segmentation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=models_of("segmentation", COMPARED),
        convention=EMPTY_CONVENTION,
        code=code_of("smartnet.figures.tables"),
    script:
        "../scripts/table_segmentation.py"


rule table_agreement:
    """Set predicted beside reference volumes: bias, limits of agreement, ICC."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/agreement.csv",
            caption="../report/table_agreement.rst",
            category="Segmentation",
            labels=shows("Agreement of volumes"),
        ),
        tex="results/tables/agreement.tex",
    log:
        "logs/tables/agreement.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=models_of("segmentation", COMPARED),
        convention=EMPTY_CONVENTION,
        code=code_of("smartnet.figures.tables"),
    script:
        "../scripts/table_agreement.py"


rule table_lesions:
    """Count the lesions that every start's segmenter finds, by their volume."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/lesions.csv",
            caption="../report/table_lesions.rst",
            category="Segmentation",
            labels=shows("Lesions by volume"),
        ),
        tex="results/tables/lesions.tex",
    log:
        "logs/tables/lesions.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=models_of("segmentation", COMPARED),
        convention=EMPTY_CONVENTION,
        code=code_of("smartnet.figures.tables"),
    script:
        "../scripts/table_lesions.py"


rule table_pretexts:
    """Set the starts side by side: what the encoder learnt from, and what came of it."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/pretexts.csv",
            caption="../report/table_pretexts.rst",
            category="Ablation",
            labels=shows("Starts"),
        ),
        tex="results/tables/pretexts.tex",
    log:
        "logs/tables/pretexts.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=[name for name in COMPARED if MODELS[name].pretext],
        convention=EMPTY_CONVENTION,
        code=code_of("smartnet.figures.ablation"),
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
            labels=shows("3D operators"),
        ),
        tex="results/tables/operators.tex",
    log:
        "logs/tables/operators.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=SIBLINGS,
        convention=EMPTY_CONVENTION,
        code=code_of("smartnet.figures.ablation"),
    script:
        "../scripts/table_operators.py"


rule table_published:
    """Set our numbers beside the published ones."""
    input:
        metrics="results/metrics.csv",
        comparisons="results/comparisons.csv",
        published=shipped("resources/published.csv"),
    output:
        csv=report(
            "results/tables/published.csv",
            caption="../report/table_published.rst",
            category="Comparison",
            labels=shows("Published numbers"),
        ),
        tex="results/tables/published.tex",
    log:
        "logs/tables/published.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        phantoms=any(is_phantom(name) for name in TEST_SETS),
        convention=EMPTY_CONVENTION,
        code=code_of("smartnet.figures.tables"),
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
            labels=shows("Localisation"),
        ),
        tex="results/tables/localisation.tex",
    log:
        "logs/tables/localisation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        pretexts=config["pretexts"],
        code=code_of("smartnet.figures.localisation"),
    script:
        "../scripts/table_localisation.py"


rule table_comparisons:
    """Set every model's difference to the reference beside its p, adjusted for the number of tests."""
    input:
        comparisons="results/comparisons.csv",
    output:
        csv=report(
            "results/tables/comparisons.csv",
            caption="../report/table_comparisons.rst",
            category="Comparison",
            labels=shows("Comparison"),
        ),
        tex="results/tables/comparisons.tex",
    log:
        "logs/tables/comparisons.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        code=code_of("smartnet.figures.comparison"),
    script:
        "../scripts/table_comparisons.py"


rule table_subgroups:
    """Set the subgroups of every test set side by side, for the reference."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/subgroups.csv",
            caption="../report/table_subgroups.rst",
            category="Comparison",
            labels=shows("Subgroups", REFERENCE),
        ),
        tex="results/tables/subgroups.tex",
    log:
        "logs/tables/subgroups.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        references=REFERENCES,
        code=code_of("smartnet.figures.subgroups"),
    script:
        "../scripts/table_subgroups.py"


rule table_features:
    """Set side by side what the features of the starts hold."""
    input:
        metrics="results/metrics.csv",
    output:
        csv=report(
            "results/tables/features.csv",
            caption="../report/table_features.rst",
            category="Explanation",
            labels=shows("Features"),
        ),
        tex="results/tables/features.tex",
    log:
        "logs/tables/features.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        starts=config["pretexts"],
        code=code_of("smartnet.figures.features"),
    script:
        "../scripts/table_features.py"
