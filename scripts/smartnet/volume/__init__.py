"""From a catalog of CT series to straightened volumes in Hounsfield units with their reference masks."""

from smartnet.volume.build import build_shard

__all__ = ["build_shard"]
