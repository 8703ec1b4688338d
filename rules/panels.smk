"""Figures that show scans: one rule, one adapter, one caption each; they read cached volumes, masks and maps only.

In: volumes, slices, predictions, maps. Out: results/figures/.
"""


rule figure_montage:
    """Draw a development case per kind of hemorrhage, and one without, at window 0..80 HU, the reference outlined."""
    input:
        volumes=shard_folders(
            "volumes", [name for name in DATASETS if DATASETS[name]["role"] == "development"]
        ),
    output:
        pdf="results/figures/montage.pdf",
        png=report(
            "results/figures/montage.png",
            caption="../report/montage.rst",
            category="Data",
            labels=shows("Scans"),
        ),
    log:
        "logs/figures/montage.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        style=style_of("montage", "outlines"),
        code=code_of("smartnet.figures.montage"),
    script:
        "../scripts/figure_montage.py"


rule figure_segmentation:
    """Draw image, reference and the mask of every start's segmenter."""
    input:
        tables=column(runs("segmentation", seeds=[FIRST_SEED], among=COMPARED), "table"),
        cases="results/maps/cases.tsv",
        volumes=shard_folders("volumes", TEST_SETS),
    output:
        pdf="results/figures/segmentation.pdf",
        png=report(
            "results/figures/segmentation.png",
            caption="../report/segmentation.rst",
            category="Segmentation",
            labels=shows("Segmentation"),
        ),
    log:
        "logs/figures/segmentation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        runs=runs("segmentation", seeds=[FIRST_SEED], among=COMPARED),
        style=style_of("segmentation", "outlines"),
        code=code_of("smartnet.figures.segmentation"),
    script:
        "../scripts/figure_segmentation.py"


rule figure_failures:
    """Draw the worst failures of every kind, chosen by rule."""
    input:
        tables=column(runs(seeds=[FIRST_SEED], among=REFERENCES.values()), "table"),
        thresholds=column(runs(seeds=[FIRST_SEED], among=REFERENCES.values()), "threshold"),
        volumes=shard_folders("volumes", TEST_SETS),
    output:
        pdf="results/figures/failures.pdf",
        png=report(
            "results/figures/failures.png",
            caption="../report/failures.rst",
            category="Segmentation",
            labels=shows("Failure cases", REFERENCE),
        ),
    log:
        "logs/figures/failures.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        runs=runs(seeds=[FIRST_SEED], among=REFERENCES.values()),
        style=style_of("failures", "outlines"),
        code=code_of("smartnet.figures.failures"),
    script:
        "../scripts/figure_failures.py"


rule figure_rendering:
    """Draw the segmenter's answer in three dimensions, beside the reference."""
    input:
        tables=column(runs("segmentation", seeds=[FIRST_SEED], among=[REFERENCES["segmentation"]]), "table"),
        cases="results/maps/cases.tsv",
        volumes=shard_folders("volumes", TEST_SETS),
    output:
        pdf="results/figures/rendering.pdf",
        png=report(
            "results/figures/rendering.png",
            caption="../report/rendering.rst",
            category="Segmentation",
            labels=shows("3D rendering", REFERENCE),
        ),
    log:
        "logs/figures/rendering.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        model=REFERENCES["segmentation"],
        style=style_of("rendering", "outlines"),
        code=code_of("smartnet.figures.rendering"),
    script:
        "../scripts/figure_rendering.py"


rule figure_activation:
    """Draw what the last encoder stage of every start responds to."""
    input:
        maps=expand(
            "results/maps/{pretext}/seed-{seed}/maps.tsv", pretext=config["pretexts"], seed=FIRST_SEED
        ),
        cases="results/maps/cases.tsv",
        slices=slices_of_role("test"),
        split="results/split.tsv",
    output:
        pdf="results/figures/activation.pdf",
        png=report(
            "results/figures/activation.png",
            caption="../report/activation.rst",
            category="Explanation",
            labels=shows("Activation maps"),
        ),
    log:
        "logs/figures/activation.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        pretexts=config["pretexts"],
        style=style_of("activation", "outlines"),
        code=code_of("smartnet.figures.panels"),
    script:
        "../scripts/figure_activation.py"


rule figure_gradcam:
    """Draw where every classifier's evidence lies, through its 3D operator."""
    input:
        maps=expand(
            "results/maps/{pretext}/seed-{seed}/maps.tsv", pretext=config["pretexts"], seed=FIRST_SEED
        ),
        cases="results/maps/cases.tsv",
        slices=slices_of_role("test"),
        split="results/split.tsv",
    output:
        pdf="results/figures/gradcam.pdf",
        png=report(
            "results/figures/gradcam.png",
            caption="../report/gradcam.rst",
            category="Explanation",
            labels=shows("Grad-CAM"),
        ),
    log:
        "logs/figures/gradcam.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        pretexts=config["pretexts"],
        style=style_of("gradcam", "outlines"),
        code=code_of("smartnet.figures.panels"),
    script:
        "../scripts/figure_gradcam.py"


rule figure_profile:
    """Draw where along the scan the evidence of the classifier lies, beside the true lesion."""
    input:
        profile=f"results/maps/{REFERENCE}/seed-{FIRST_SEED}/profile.csv",
        maps=f"results/maps/{REFERENCE}/seed-{FIRST_SEED}/volumes",
        cases="results/maps/cases.tsv",
        volumes=shard_folders("volumes", TEST_SETS),
        predictions=expand(
            "results/predictions/{model}/seed-{seed}/{dataset}.csv",
            model=REFERENCES["classification"],
            seed=FIRST_SEED,
            dataset=TEST_SETS,
        ),
    output:
        pdf="results/figures/profile.pdf",
        png=report(
            "results/figures/profile.png",
            caption="../report/profile.rst",
            category="Explanation",
            labels=shows("Slice profile", REFERENCE),
        ),
    log:
        "logs/figures/profile.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        start=REFERENCE,
        style=style_of("profile", "outlines", "starts"),
        code=code_of("smartnet.figures.profile"),
    script:
        "../scripts/figure_profile.py"


rule figure_volumetric:
    """Draw the evidence behind the masks of the segmenter in three cuts through each lesion."""
    input:
        maps=f"results/maps/{REFERENCE}/seed-{FIRST_SEED}/volumes",
        cases="results/maps/cases.tsv",
        volumes=shard_folders("volumes", TEST_SETS),
        predictions=expand(
            "results/predictions/{model}/seed-{seed}/{dataset}.csv",
            model=REFERENCES["segmentation"],
            seed=FIRST_SEED,
            dataset=TEST_SETS,
        ),
    output:
        pdf="results/figures/volumetric.pdf",
        png=report(
            "results/figures/volumetric.png",
            caption="../report/volumetric.rst",
            category="Explanation",
            labels=shows("Grad-CAM in 3D", REFERENCE),
        ),
    log:
        "logs/figures/volumetric.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        style=style_of("volumetric", "outlines"),
        code=code_of("smartnet.figures.volumetric"),
    script:
        "../scripts/figure_volumetric.py"
