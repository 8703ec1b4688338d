"""The last step: nothing that identifies a patient may stand in what would be shared.

In: everything below results/, logs/ and benchmarks/; the private tables of the index. Out: results/phi_scan.tsv;
private: resources/index/phi_scan.tsv, what was looked for.
"""


rule phi_scan:
    """Look through every artifact for values of the source headers; a hit ends the study."""
    input:
        study=STUDY,
        provenance=rules.provenance.output,
        private=expand("resources/index/{dataset}_private.tsv", dataset=DATASETS),
    output:
        counts="results/phi_scan.tsv",
        spellings="resources/index/phi_scan.tsv",
    log:
        "logs/phi_scan.log",
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        folders=["results", "logs", "benchmarks"],
        configured=lambda wildcards, input: configured_names(),
        ignore=config["privacy"]["ignore"],
        code=code_of("smartnet.privacy.scan"),
    script:
        "../scripts/phi_scan.py"
