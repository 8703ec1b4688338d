"""From a folder of DICOM files to a catalog of CT series: discovery, grouping, geometry, pixels, identity.

``index_folder`` reads every header once into a private table; ``catalog_shard`` turns that table into one
row per series with a verdict. Pixels are read later, by :mod:`smartnet.volume`, through
``smartnet.dicom.pixels``.
"""

from smartnet.dicom.catalog import catalog_shard
from smartnet.dicom.index import index_folder
from smartnet.dicom.labels import read_labels

__all__ = ["catalog_shard", "index_folder", "read_labels"]
