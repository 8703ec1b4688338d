"""SMART-Net, reproducible: the library behind the workflow.

Data flows one way: ``dicom -> volume -> slices -> networks -> training -> predict -> metrics -> figures``.
Nothing in here knows Snakemake. Importing this package imports nothing heavy.
"""
