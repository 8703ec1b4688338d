"""From a folder of DICOM files to a catalog of CT series: discovery, grouping, geometry, pixels, identity.

``index.index_folder`` reads every header once into a private table; ``catalog.catalog_shard`` turns that
table into one row per series with a verdict. Pixels are read later, by :mod:`smartnet.volume`, through
``pixels``.
"""
