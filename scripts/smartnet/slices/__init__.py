"""From volumes in HU to 8-bit slices in memory-mapped arrays, the patient-level split, and their reader."""

from smartnet.slices.build import build_shard
from smartnet.slices.dataset import SliceSet
from smartnet.slices.split import make_split

__all__ = ["SliceSet", "build_shard", "make_split"]
