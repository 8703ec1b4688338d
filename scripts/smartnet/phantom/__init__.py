"""Phantom head CT: synthetic heads with and without hemorrhage, written as raw DICOM as hospitals send it."""
