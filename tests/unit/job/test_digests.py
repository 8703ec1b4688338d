"""Digests of files and folders: as sha256sum has them, each file read once."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from smartnet.job import digests as module
from smartnet.job.digests import STAMP, digest_of, digests


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"b/c.txt": "three", "a.txt": "one", "b.txt": "two"}.items():
        file = tmp_path / "results/volumes" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "results/volumes" / STAMP).touch()
    return Path("results/volumes")


def test_a_file_has_its_own_digest(folder):
    found = digests(folder / "a.txt")
    assert found[""].size == 3
    assert digest_of(found) == hashlib.sha256(b"one").hexdigest()


def test_a_folder_has_the_digest_of_what_sha256sum_prints(folder):
    assert list(digests(folder)) == ["a.txt", "b.txt", "b/c.txt"]
    script = "find . -type f ! -name .snakemake_timestamp -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum"
    listing = subprocess.run(script, shell=True, check=True, cwd=folder, capture_output=True).stdout
    assert digest_of(digests(folder)) == hashlib.sha256(listing).hexdigest()


def test_a_file_is_read_again_only_if_it_was_touched(folder, tmp_path, monkeypatch):
    read = []
    real = module._hash
    monkeypatch.setattr(module, "_hash", lambda file: read.append(file.name) or real(file))
    notes = Path("notes")
    first = digests(folder, notes=notes)
    assert sorted(read) == ["a.txt", "b.txt", "c.txt"]
    read.clear()
    assert digests(folder, notes=notes) == first and read == []
    (folder / "a.txt").write_text("ONE")
    os.utime(folder / "a.txt", ns=(1, 1))
    (folder / "b.txt").unlink()
    second = digests(folder, notes=notes)
    assert read == ["a.txt"] and list(second) == ["a.txt", "b/c.txt"]
    (tmp_path / "notes/results/volumes.json").write_text("{broken")
    assert digests(folder, notes=notes) == second


def test_a_file_that_was_given_its_old_time_is_read_again(folder):
    digests(folder, notes=Path("notes"))
    before = (folder / "a.txt").stat()
    (folder / "a.txt").write_text("ONE")
    os.utime(folder / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digests(folder, notes=Path("notes"))["a.txt"].sha256 == hashlib.sha256(b"ONE").hexdigest()


def test_nothing_outside_of_the_study_is_noted(folder, tmp_path):
    digests(tmp_path / "results/volumes", notes=Path("notes"))
    digests(Path("results/../results/volumes"), notes=Path("notes"))
    assert not Path("notes").exists()


def test_a_missing_path_is_an_error(folder):
    with pytest.raises(FileNotFoundError):
        digests(folder / "none.txt")
