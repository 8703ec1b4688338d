"""The case browser: the test cases with the largest errors, slice by slice.

In: predictions, volumes. Out: results/cases/.
"""

# The study's own network: SMART-Net or the last start, with the first 3D operator of each task.
BROWSED_START = "smartnet" if "smartnet" in config["pretexts"] else config["pretexts"][-1]
BROWSED = [name for name in COMPARED if MODELS[name].pretext == BROWSED_START]
BROWSER = ["results/cases/index.html"] if BROWSED else []


rule case_browser:
    """Draw the worst test cases with reference, prediction and map, and the page to look through them."""
    input:
        tables=column(runs(seeds=[FIRST_SEED], among=BROWSED), "table"),
        thresholds=column(runs(seeds=[FIRST_SEED], among=BROWSED), "threshold"),
        volumes=shard_folders("volumes", TEST_SETS),
        template=[f"report/browser.{suffix}" for suffix in ("html.jinja", "css", "js")],
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
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        runs=runs(seeds=[FIRST_SEED], among=BROWSED),
        per_dataset=config["explain"]["browse"],
        style=style_of("browser", "outlines"),
        code=fingerprint("smartnet.browser.page"),
    script:
        "../scripts/case_browser.py"
