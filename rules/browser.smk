"""The case browser: the test cases with the largest errors of the reference, slice by slice.

In: a trained classifier, predictions, slices, volumes. Out: results/maps/browsed/, results/cases/.
"""

BROWSED = runs(seeds=[FIRST_SEED], among=REFERENCES.values())


rule choose_browsed:
    """Choose the cases of the browser by rule: of every test set those with the largest errors."""
    input:
        tables=column(BROWSED, "table"),
        thresholds=column(BROWSED, "threshold"),
    output:
        cases="results/maps/browsed.tsv",
    log:
        "logs/choose_browsed.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        runs=BROWSED,
        per_dataset=config["explain"]["browse"],
        code=code_of("smartnet.browser.errors"),
    script:
        "../scripts/choose_browsed.py"


rule browsed_maps:
    """Map these cases: Grad-CAM of the scan's logit through the 3D operator, in CT space."""
    input:
        classifier=f"results/downstream/{REFERENCES['classification']}/seed-{FIRST_SEED}/model.safetensors",
        architecture=f"results/downstream/{REFERENCES['classification']}/seed-{FIRST_SEED}/model.json",
        cases="results/maps/browsed.tsv",
        slices=slices_of_role("test"),
        volumes=shard_folders("volumes", TEST_SETS),
        split="results/split.tsv",
    output:
        maps=directory("results/maps/browsed"),
    log:
        "logs/browsed_maps.log",
    benchmark:
        "benchmarks/browsed_maps.tsv"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=1,
    params:
        max_slices=config["downstream"]["classification"]["max_slices"],
        code=lambda wildcards: code_of_models("smartnet.explain.browsed", REFERENCES["classification"]),
    script:
        "../scripts/browsed_maps.py"


rule case_browser:
    """Draw the worst test cases with reference, prediction and map, and the page to look through them."""
    input:
        tables=column(BROWSED, "table"),
        thresholds=column(BROWSED, "threshold"),
        cases="results/maps/browsed.tsv",
        maps="results/maps/browsed",
        volumes=shard_folders("volumes", TEST_SETS),
        template=[shipped(f"report/browser.{suffix}") for suffix in ("html.jinja", "css", "js")],
    output:
        page="results/cases/index.html",
        sheets=directory(expand("results/cases/{dataset}", dataset=TEST_SETS)),
    log:
        "logs/case_browser.log",
    benchmark:
        "benchmarks/case_browser.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        runs=BROWSED,
        style=style_of("browser", "outlines"),
        code=code_of("smartnet.browser.page"),
    script:
        "../scripts/case_browser.py"
