"""Pseudonyms: keyed hashes that cannot be turned back without the key, stable for one key."""

import hashlib
import hmac
import zlib


def pseudonym(key: bytes, identifier: str, prefix: str) -> str:
    """Name an identifier by a keyed hash.

    Args:
        key: the study's secret; whoever lacks it cannot test guesses of an identifier.
        identifier: a UID or patient ID, surrounding spaces ignored (DICOM pads with them).
        prefix: one letter that tells what is named: c case, p patient, i instance.

    Returns:
        ``prefix`` and 12 hexadecimal digits of HMAC-SHA256.
    """
    return prefix + hmac.new(key, identifier.strip().encode(), hashlib.sha256).hexdigest()[:12]


def case_name(key: bytes, series_uid: str) -> str:
    """Name a case after its series."""
    return pseudonym(key, series_uid, "c")


def patient_name(key: bytes, patient_id: str, study_uid: str, series_uid: str) -> str:
    """Name a patient; without a patient ID the study (else the series) stands for the patient.

    Exams without an ID must not all become one patient, and two series of one exam must stay together.
    """
    return pseudonym(key, patient_id.strip() or study_uid.strip() or series_uid, "p")


def instance_name(key: bytes, instance_uid: str) -> str:
    """Name one slice's SOP instance."""
    return pseudonym(key, instance_uid, "i")


def shard_of(case: str, shards: int) -> int:
    """Tell the shard a case belongs to: CRC-32 of its name modulo the number of shards."""
    return zlib.crc32(case.encode()) % shards
