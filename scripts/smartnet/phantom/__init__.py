"""Phantom head CT: synthetic heads with and without hemorrhage, written as raw DICOM as hospitals send it."""

from smartnet.phantom.dataset import generate_dataset
from smartnet.phantom.sites import SITES, Site

__all__ = ["SITES", "Site", "generate_dataset"]
