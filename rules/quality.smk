"""What a person looks at before believing the data: contact sheets, a table, and a page of both.

In: results/volumes/. Out: results/quality/ and results/tables/quality.csv.
"""


rule contact_sheets:
    """Draw every accepted case of a shard: evenly spread slices with the mask outlined."""
    input:
        volumes="results/volumes/{dataset}/{shard}",
    output:
        folder=directory("results/quality/{dataset}/{shard}"),
    log:
        "logs/contact_sheets/{dataset}/{shard}.log",
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        code=code_of("smartnet.quality.sheets"),
    script:
        "../scripts/contact_sheets.py"


rule quality:
    """Write the quality page: what was found, measured, flagged and rejected, and every contact sheet."""
    input:
        volumes=shard_folders("volumes", DATASETS),
        sheets=shard_folders("quality", DATASETS),
        template=shipped("report/quality.html.jinja"),
    output:
        page="results/quality/index.html",
    log:
        "logs/quality.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        code=code_of("smartnet.quality.page"),
    script:
        "../scripts/quality.py"


rule table_quality:
    """Describe what ingestion found in each data set."""
    input:
        volumes=shard_folders("volumes", DATASETS),
    output:
        csv=report(
            "results/tables/quality.csv",
            caption="../report/table_quality.rst",
            category="Data",
            labels=shows("Quality"),
        ),
        tex="results/tables/quality.tex",
    log:
        "logs/tables/quality.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        code=code_of("smartnet.quality.summary"),
    script:
        "../scripts/table_quality.py"
