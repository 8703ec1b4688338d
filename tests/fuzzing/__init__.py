"""Damaged DICOM through the ingestion: seeds, mutations, and a judge that knows the truth.

Shared by ``bench/fuzz_dicom.py`` (hundreds of mutations) and ``tests/unit/dicom/test_fuzz.py`` (some dozens).
"""
