"""Figures of numbers: one rule, one adapter, one caption each; they read cached tables only. Figures of scans: panels.smk.

In: results/metrics.csv, results/comparisons.csv, predictions, features, histories. Out: results/figures/.
"""


rule figure_datasets:
    """Draw scans, kinds of hemorrhage and lesion volumes of every data set."""
    input:
        volumes=shard_folders("volumes", DATASETS),
    output:
        pdf="results/figures/datasets.pdf",
        png=report(
            "results/figures/datasets.png",
            caption="../report/datasets.rst",
            category="Data",
            labels=shows("Data sets"),
        ),
    log:
        "logs/figures/datasets.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        style=style_of("datasets", "classes", "kinds"),
        code=code_of("smartnet.figures.datasets"),
    script:
        "../scripts/figure_datasets.py"


rule figure_roc:
    """Draw the ROC of every start's classifier on every test set."""
    input:
        tables=column(runs("classification", seeds=[FIRST_SEED], among=COMPARED), "table"),
        thresholds=column(runs("classification", seeds=[FIRST_SEED], among=COMPARED), "threshold"),
        metrics="results/metrics.csv",
    output:
        pdf="results/figures/roc.pdf",
        png=report(
            "results/figures/roc.png",
            caption="../report/roc.rst",
            category="Classification",
            labels=shows("ROC"),
        ),
    log:
        "logs/figures/roc.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        runs=runs("classification", seeds=[FIRST_SEED], among=COMPARED),
        style=style_of("roc", "starts"),
        code=code_of("smartnet.figures.roc"),
    script:
        "../scripts/figure_roc.py"


rule figure_calibration:
    """Draw how far the probabilities of every start's classifier hold, before and after temperature scaling."""
    input:
        tables=column(runs("classification", seeds=[FIRST_SEED], among=COMPARED), "table"),
        thresholds=column(runs("classification", seeds=[FIRST_SEED], among=COMPARED), "threshold"),
        metrics="results/metrics.csv",
    output:
        pdf="results/figures/calibration.pdf",
        png=report(
            "results/figures/calibration.png",
            caption="../report/calibration.rst",
            category="Classification",
            labels=shows("Calibration"),
        ),
    log:
        "logs/figures/calibration.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        runs=runs("classification", seeds=[FIRST_SEED], among=COMPARED),
        style=style_of("calibration", "starts", "classes"),
        code=code_of("smartnet.figures.calibration"),
    script:
        "../scripts/figure_calibration.py"


rule figure_randomisation:
    """Draw how much of each start's Grad-CAM survives random weights."""
    input:
        tables=expand(
            "results/maps/{pretext}/seed-{seed}/randomisation.csv",
            pretext=config["pretexts"],
            seed=FIRST_SEED,
        ),
    output:
        pdf="results/figures/randomisation.pdf",
        png=report(
            "results/figures/randomisation.png",
            caption="../report/randomisation.rst",
            category="Explanation",
            labels=shows("Random weights"),
        ),
    log:
        "logs/figures/randomisation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        pretexts=config["pretexts"],
        style=style_of("randomisation", "starts"),
        code=code_of("smartnet.figures.randomisation"),
    script:
        "../scripts/figure_randomisation.py"


rule figure_tsne:
    """Draw hemorrhage against normal slices in the feature space of every start."""
    input:
        tables=expand(
            "results/features/{pretext}/seed-{seed}/tsne.tsv", pretext=config["pretexts"], seed=FIRST_SEED
        ),
        metrics="results/metrics.csv",
    output:
        pdf="results/figures/tsne.pdf",
        png=report(
            "results/figures/tsne.png",
            caption="../report/tsne.rst",
            category="Explanation",
            labels=shows("t-SNE"),
        ),
    log:
        "logs/figures/tsne.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        pretexts=config["pretexts"],
        seed=FIRST_SEED,
        style=style_of("tsne", "classes"),
        code=code_of("smartnet.figures.tsne"),
    script:
        "../scripts/figure_tsne.py"


rule figure_learning:
    """Draw the learning curves of every start, and of every operator beside the others of its start."""
    input:
        upstream=expand(
            "results/upstream/{pretext}/seed-{seed}/history.csv", pretext=config["pretexts"], seed=FIRST_SEED
        ),
        downstream=expand(
            "results/downstream/{model}/seed-{seed}/history.csv", model=LEARNED, seed=FIRST_SEED
        ),
    output:
        pdf="results/figures/learning.pdf",
        png=report(
            "results/figures/learning.png",
            caption="../report/learning.rst",
            category="Training",
            labels=shows("Learning curves"),
        ),
    log:
        "logs/figures/learning.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        pretexts=config["pretexts"],
        models=LEARNED,
        compared=COMPARED,
        style=style_of("learning", "starts", "operators"),
        code=code_of("smartnet.figures.learning"),
    script:
        "../scripts/figure_learning.py"


rule figure_agreement:
    """Draw predicted against reference volumes of every start's segmenter, after Bland and Altman."""
    input:
        tables=column(runs("segmentation", seeds=[FIRST_SEED], among=COMPARED), "table"),
    output:
        pdf="results/figures/agreement.pdf",
        png=report(
            "results/figures/agreement.png",
            caption="../report/agreement.rst",
            category="Segmentation",
            labels=shows("Agreement of volumes"),
        ),
    log:
        "logs/figures/agreement.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        runs=runs("segmentation", seeds=[FIRST_SEED], among=COMPARED),
        style=style_of("agreement", "starts"),
        code=code_of("smartnet.figures.agreement"),
    script:
        "../scripts/figure_agreement.py"


rule figure_lesions:
    """Draw which share of the lesions every start's segmenter finds, by their volume."""
    input:
        metrics="results/metrics.csv",
    output:
        pdf="results/figures/lesions.pdf",
        png=report(
            "results/figures/lesions.png",
            caption="../report/lesions.rst",
            category="Segmentation",
            labels=shows("Lesions by volume"),
        ),
    log:
        "logs/figures/lesions.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=models_of("segmentation", COMPARED),
        style=style_of("lesions", "starts"),
        code=code_of("smartnet.figures.lesions"),
    script:
        "../scripts/figure_lesions.py"


rule figure_comparison:
    """Draw every model's AUC or DSC on every test set, with intervals and the stars of the tests."""
    input:
        metrics="results/metrics.csv",
        comparisons="results/comparisons.csv",
    output:
        pdf="results/figures/comparison.pdf",
        png=report(
            "results/figures/comparison.png",
            caption="../report/comparison.rst",
            category="Comparison",
            labels=shows("Comparison"),
        ),
    log:
        "logs/figures/comparison.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        references=REFERENCES,
        style=style_of("comparison", "starts"),
        code=code_of("smartnet.figures.comparison"),
    script:
        "../scripts/figure_comparison.py"


rule figure_subgroups:
    """Draw the reference's AUC and DSC in the subgroups of every test set, with the threshold's."""
    input:
        metrics="results/metrics.csv",
    output:
        pdf="results/figures/subgroups.pdf",
        png=report(
            "results/figures/subgroups.png",
            caption="../report/subgroups.rst",
            category="Comparison",
            labels=shows("Subgroups", REFERENCE),
        ),
    log:
        "logs/figures/subgroups.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        references=REFERENCES,
        baselines={MODELS[name].task: name for name in BASELINES},
        style=style_of("subgroups", "starts"),
        code=code_of("smartnet.figures.subgroups"),
    script:
        "../scripts/figure_subgroups.py"


rule figure_operators:
    """Draw the 3D operators of one start side by side."""
    input:
        metrics="results/metrics.csv",
    output:
        pdf="results/figures/operators.pdf",
        png=report(
            "results/figures/operators.png",
            caption="../report/operators.rst",
            category="Ablation",
            labels=shows("3D operators"),
        ),
    log:
        "logs/figures/operators.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        models=SIBLINGS,
        style=style_of("operators", "starts"),
        code=code_of("smartnet.figures.operators"),
    script:
        "../scripts/figure_operators.py"
