"""Two jobs that ask for too little at first: one of time, one of memory."""


rule all:
    input:
        "slow.txt",
        "large.txt",


rule slow:
    output:
        "slow.txt",
    resources:
        mem_mb=500,
        runtime=lambda wildcards, attempt: attempt,
    shell:
        "echo {resources.runtime} >> tried_slow.txt; sleep 75; echo {resources.runtime} > {output}"


rule large:
    output:
        "large.txt",
    resources:
        mem_mb=lambda wildcards, attempt: 600 * attempt,
        runtime=5,
    shell:
        "echo {resources.mem_mb} >> tried_large.txt;"
        " python3 -c 'import time; held = bytearray(b\"x\") * 700_000_000; time.sleep(8)';"
        " echo {resources.mem_mb} > {output}"
