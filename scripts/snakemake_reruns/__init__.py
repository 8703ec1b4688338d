"""Which jobs run again when a setting or a module of the library changes, by Snakemake's own word.

Writes docs/reference/rerun.md: ``cd scripts && python -m snakemake_reruns``, part of ``make docs``. Only
``study`` touches Snakemake; nothing else in scripts/ needs this package.
"""
