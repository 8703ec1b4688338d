"""Damaged DICOM through the ingestion: seeds, mutations, and a judge that knows the truth.

Shared by ``bench/fuzz_dicom.py`` (hundreds of mutations) and ``tests/unit/dicom/test_fuzz.py`` (some dozens).
"""

from fuzzing import file_mutations, raw_mutations  # noqa: F401, always registered in the same order
