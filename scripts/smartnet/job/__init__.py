"""What surrounds every job of the workflow: its log, failures in plain words, what stays on record of it.

The modules here are handed Snakemake's ``snakemake`` object by the adapters and use nothing of it but its
attributes; nothing of Snakemake is imported.
"""
