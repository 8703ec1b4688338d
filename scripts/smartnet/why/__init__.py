"""What would be done again, why, and what it cost last time; the guard against doing too much of it.

``plan`` is handed Snakemake's graph of jobs and uses nothing of it but its attributes; the rest is plain
data.
"""
