"""A job's log and what it says when it fails, on real disks where the disk is the matter."""

import errno
import logging
import os
import sys
from types import SimpleNamespace

import pytest
from support import ROOT, run_on_a_disk_of_its_own

from smartnet.errors import DataError
from smartnet.job.failures import in_plain_words
from smartnet.job.run import job


def snakemake(**parts):
    return SimpleNamespace(log=["logs/rule.log"], output=["results/a.csv"], input=["results/b.csv"], **parts)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails(error):
    with pytest.raises(SystemExit) as end, job(snakemake()):
        logging.getLogger("smartnet").info("begun")
        raise error
    return end.value.code


def test_an_error_that_a_user_can_act_on_is_one_line(here, capsys):
    assert fails(DataError("no case: add some")) == 1
    assert capsys.readouterr().err == "DataError: no case: add some (log: logs/rule.log)\n"
    log = (here / "logs/rule.log").read_text()
    assert log == "INFO begun\nERROR DataError: no case: add some\n"


def test_another_error_has_its_traceback_in_the_log_alone(here, capsys):
    fails(KeyError("volume"))
    assert capsys.readouterr().err == "KeyError: 'volume' (log: logs/rule.log)\n"
    assert "Traceback" in (here / "logs/rule.log").read_text()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full ('results/a.csv'): free some space and start again"),
        (errno.EROFS, "the disk is read-only ('results/a.csv'): make it writable for this user"),
        (errno.EACCES, "permission is missing ('results/a.csv'): make it writable"),
        (errno.ENOENT, "a file or folder is not there any more ('results/a.csv'): put it back"),
    ],
)
def test_what_the_disk_refuses_is_one_line(here, capsys, number, words):
    fails(OSError(number, os.strerror(number), f"{here}/results/.a.csv.123.tmp"))
    error = capsys.readouterr().err
    assert error.startswith(f"DiskError: {words}") and error.count("\n") == 1
    assert "Traceback" not in (here / "logs/rule.log").read_text()


def test_the_path_of_a_users_file_is_not_shown(here):
    for folder in ("/data", f"{here}/data", "data"):
        error = PermissionError(errno.EACCES, "Permission denied", f"{folder}/Doe^Jane/1.dcm")
        words = "DiskError: permission is missing (a file that the study does not make): "
        assert in_plain_words(error).startswith(words)


def test_an_error_of_our_own_stands_for_itself(here, capsys):
    error = DataError("case a: one of its files is out of reach")
    error.__cause__ = OSError(errno.EIO, "Input/output error", "/data/Doe^Jane/1.dcm")
    fails(error)
    assert capsys.readouterr().err.startswith(f"DataError: {error}")


def test_what_is_behind_a_librarys_error_counts_only_if_the_disk_is_full(here):
    for number, known in ((errno.ENOSPC, True), (errno.ENOENT, False)):
        try:
            try:
                raise OSError(number, "why")
            except OSError:
                raise RuntimeError("enforce fail at inline_container.cc") from None
        except RuntimeError as error:
            assert bool(in_plain_words(error)) is known
    assert not in_plain_words(ValueError("a number"))


WRITERS = {
    "array": "from smartnet.files import write_array; write_array(np.zeros(4_000_000), 'results/a.npy')",
    "bytes": "from smartnet.files import write_bytes; write_bytes(bytes(9_000_000), 'results/a.bin')",
    "state": (
        "import torch; from smartnet.files import atomic_path\n"
        "from smartnet.training.engine import PlainWriter\n"
        "with atomic_path('results/a.ckpt') as path:\n"
        "    PlainWriter().save_checkpoint({'w': torch.rand(4_000_000)}, path)"
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_is_really_full_leaves_no_half_file(here, writer):
    lines = [
        "import numpy as np; from types import SimpleNamespace as N; from smartnet.job.run import job",
        "import os",
        "before = set(os.listdir('results'))",
        "with job(N(log=['results/rule.log'], output=[], input=[])):",
        *(f"    {line}" for line in WRITERS[writer].splitlines()),
    ]
    (here / "results").mkdir()
    (here / "fill.py").write_text("\n".join(lines) + "\n")
    mount = "mount -t tmpfs -o size=1m none results"
    printed, files = run_on_a_disk_of_its_own(
        here, "results", mount, [sys.executable, "fill.py"], PYTHONPATH=str(ROOT / "scripts")
    )
    assert printed.startswith("DiskError: the disk is full"), printed
    assert printed.count("\n") == 1
    assert files == ["results/rule.log"]
