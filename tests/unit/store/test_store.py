"""The artifact store: whole entries or none, for its owner or a group, checked when taken."""

import grp
import logging
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import ROOT

from smartnet.errors import ConfigError
from smartnet.job.digests import Digest
from smartnet.store.__main__ import main
from smartnet.store.entry import folder_of, key_of, prune, put, take
from smartnet.store.rights import Rights

KEY = key_of({"rule": "slices", "settings": {"width": 80}})
FACTS = {"rule": "slices", "wildcards": {"dataset": "internal", "shard": "0"}, "made": {"seconds": 2.5}}
NOBODY = 65534


@pytest.fixture
def made(tmp_path):
    """A result of one file and one folder."""
    folder = tmp_path / "made"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "weights").write_bytes(b"weights")
    (folder / "deep/images.npy").write_bytes(b"images")
    (folder / "deep/er/cases.tsv").write_bytes(b"cases")
    return {"weights": folder / "weights", "folder": folder / "deep"}


@pytest.fixture
def wanted(tmp_path):
    """Where another clone wants it."""
    return {"weights": tmp_path / "clone/weights", "folder": tmp_path / "clone/deep"}


@pytest.fixture
def store(tmp_path, made):
    put(tmp_path / "store", KEY, made, FACTS, Rights())
    return tmp_path / "store"


def modes(store):
    return {stat.S_IMODE(path.stat().st_mode) for path in [store, *store.rglob("*")]}


def test_what_was_kept_is_taken_with_its_facts(store, wanted, caplog):
    caplog.set_level(logging.INFO)
    assert take(store, KEY, wanted, Rights()) == FACTS
    assert wanted["weights"].read_bytes() == b"weights"
    assert (wanted["folder"] / "er/cases.tsv").read_bytes() == b"cases"
    assert caplog.messages == [f"taken from the store: {KEY}"]
    wanted["weights"].write_bytes(b"changed in place")
    assert take(store, KEY, wanted, Rights()) and wanted["weights"].read_bytes() == b"weights"


def test_another_key_and_no_store_are_misses_without_a_word(store, wanted, tmp_path, caplog):
    assert take(store, key_of({"rule": "slices", "settings": {"width": 81}}), wanted, Rights()) is None
    assert take(tmp_path / "none", KEY, wanted, Rights()) is None
    assert caplog.messages == [] and not wanted["folder"].exists()


@pytest.mark.parametrize("file", ["deep/images.npy", "weights"])
def test_a_flipped_byte_is_noticed_and_the_entry_set_aside(store, wanted, caplog, file):
    name = {"deep/images.npy": "folder/images.npy"}.get(file, file)
    (folder_of(store, KEY) / name).write_bytes(b"imagEs")
    assert take(store, KEY, wanted, Rights()) is None
    assert "is damaged" in caplog.text and "made anew" in caplog.text
    assert not wanted["weights"].exists() and not wanted["folder"].exists()
    assert not folder_of(store, KEY).exists()


def test_a_file_has_its_name_only_when_it_is_checked(store, wanted, monkeypatch):
    there = []

    def check(path):
        there.extend(file.name for file in wanted["weights"].parent.rglob("*") if file.is_file())
        return {"": Digest("0", 0)}

    monkeypatch.setattr("smartnet.store.entry.digests", check)
    assert take(store, KEY, wanted, Rights()) is None
    assert there == [f".weights.{os.getpid()}.tmp"]


def test_a_full_disk_is_not_the_stores_fault(store, wanted, caplog):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            take(store, KEY, wanted, Rights())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.filename is None and caplog.messages == []
    assert not [path for path in wanted["weights"].parent.rglob("*") if path.is_file()]
    assert take(store, KEY, wanted, Rights()) == FACTS


@pytest.mark.parametrize("content", [None, "[]", "{"], ids=["none", "of another kind", "cut off"])
def test_an_entry_without_a_manifest_is_set_aside_and_kept_anew(store, made, wanted, caplog, content):
    manifest = folder_of(store, KEY) / "manifest.json"
    manifest.unlink() if content is None else manifest.write_text(content)
    assert take(store, KEY, wanted, Rights()) is None
    assert "is damaged" in caplog.text
    put(store, KEY, made, FACTS, Rights())
    assert take(store, KEY, wanted, Rights()) == FACTS


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_it_is_its_owners_alone_whatever_the_umask(tmp_path, made, mask):
    before = os.umask(mask)
    try:
        put(tmp_path / "store", KEY, made, FACTS, Rights())
    finally:
        os.umask(before)
    assert modes(tmp_path / "store") == {0o700, 0o600}


def test_a_group_reads_and_adds_and_nobody_else(tmp_path, made):
    rights = Rights(NOBODY)
    put(tmp_path / "store", KEY, made, FACTS, rights)
    assert modes(tmp_path / "store") == {0o2770, 0o2750, 0o640}
    assert {path.stat().st_gid for path in (tmp_path / "store").rglob("*")} == {NOBODY}


COLLEAGUE = """
import logging, os, sys
from pathlib import Path
from smartnet.store.entry import take
from smartnet.store.rights import Rights
os.setgroups([int(sys.argv[4])])
os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
logging.basicConfig(format="%(message)s")
store, out = Path(sys.argv[1]), Path(sys.argv[2])
wanted = {"weights": out / "weights", "folder": out / "deep"}
facts = take(store, sys.argv[5], wanted, Rights(int(sys.argv[4])))
print("taken" if facts else "not taken")
"""


@pytest.mark.parametrize(("shared", "answer"), [(True, "taken"), (False, "not taken")])
def test_a_colleague_takes_what_the_group_shares_and_nothing_else(tmp_path, made, shared, answer):
    if os.getuid():
        pytest.skip("only root can become somebody else")
    group = grp.getgrnam("nogroup").gr_gid if shared else None
    people = [str(NOBODY), str(grp.getgrnam("nogroup").gr_gid)]
    with tempfile.TemporaryDirectory() as name:  # which others may enter, unlike the folders of the tests
        place = Path(name)
        place.chmod(0o755)
        put(place / "store", KEY, made, FACTS, Rights(group))
        (place / "out").mkdir()
        (place / "out").chmod(0o777)
        result = subprocess.run(
            [sys.executable, "-c", COLLEAGUE, place / "store", place / "out", *people, KEY],
            env={"PYTHONPATH": str(ROOT / "scripts")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.stdout.strip() == answer, result.stderr


def test_what_somebody_else_made_is_not_believed(store, wanted, caplog):
    if os.getuid():
        pytest.skip("only root can give files away")
    os.chown(folder_of(store, KEY) / "weights", NOBODY, NOBODY)
    assert take(store, KEY, wanted, Rights()) is None
    assert f"user {NOBODY} made it, who does not share this store: it is made here" in caplog.text


def test_a_link_and_an_open_folder_are_not_believed(store, wanted, caplog, tmp_path):
    (folder_of(store, KEY) / "weights").unlink()
    (folder_of(store, KEY) / "weights").symlink_to(tmp_path / "made/weights")
    assert take(store, KEY, wanted, Rights()) is None
    assert "neither file nor folder" in caplog.text
    store.chmod(0o755)
    assert take(store, KEY, wanted, Rights()) is None
    assert "every user of this machine may reach it" in caplog.text


def test_a_store_that_cannot_be_written_is_a_warning(tmp_path, made, caplog):
    put(tmp_path / "no/such/store", KEY, made, FACTS, Rights())
    assert caplog.messages == ["the result cannot be kept in the store (No such file or directory)"]
    (tmp_path / "open").mkdir(mode=0o755)
    put(tmp_path / "open", KEY, made, FACTS, Rights())
    assert "give the folder to its users alone" in caplog.messages[-1]


def test_two_that_keep_the_same_do_no_harm(store, made, wanted):
    put(store, KEY, made, FACTS, Rights())
    assert take(store, KEY, wanted, Rights()) == FACTS
    assert [path.name for path in store.glob("*/*")] == [KEY]


def test_an_unknown_group_is_one_line():
    with pytest.raises(ConfigError, match=r"store\.group is 'no-such-group', but this machine knows no such"):
        Rights.of("no-such-group")


def test_it_is_listed_and_pruned(store, made, capsys):
    other = key_of({"rule": "upstream"})
    put(store, other, made, FACTS, Rights())
    os.utime(folder_of(store, KEY), (1000, 1000))
    assert main(["list", str(store)]) == 0
    assert "slices dataset=internal shard=0" in capsys.readouterr().out
    assert prune(store, older_than_s=None, at_most_bytes=1e9, now=3000) == []
    assert prune(store, older_than_s=1500, at_most_bytes=None, now=3000) == [KEY]
    assert main(["prune", str(store), "--max-gb", "0"]) == 0
    assert capsys.readouterr().out == "1 entries removed\n"


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"facts": []}'])
def test_a_damaged_entry_is_listed_as_such(store, capsys, content):
    (folder_of(store, KEY) / "manifest.json").write_text(content)
    assert main(["list", str(store)]) == 0
    assert capsys.readouterr().out.endswith(" MB  damaged\n")


def test_a_half_written_entry_is_listed_by_what_its_manifest_says(store, capsys):
    entry = folder_of(store, KEY)
    entry.rename(entry.with_name(f".{KEY}.host.123"))
    assert main(["list", str(store)]) == 0
    assert "slices dataset=internal shard=0" in capsys.readouterr().out


def test_pruning_spares_what_is_no_entry(store, capsys):
    (store / "py/important").mkdir(parents=True)
    (store / "py/important/file").write_text("of somebody who named the wrong folder")
    (store / f"{KEY[:2]}/notes").mkdir()
    set_aside = folder_of(store, KEY).with_name(f"{KEY}.damaged")
    folder_of(store, KEY).rename(set_aside)
    assert main(["prune", str(store), "--max-gb", "0"]) == 0
    assert (store / "py/important/file").exists() and (store / f"{KEY[:2]}/notes").exists()
    assert not set_aside.exists()
    with pytest.raises(SystemExit):
        main(["prune", str(store)])
    assert "say what shall go" in capsys.readouterr().err


def test_an_entry_that_cannot_be_removed_stays_and_the_next_goes(store, made, monkeypatch, caplog):
    other = key_of({"rule": "upstream"})
    put(store, other, made, FACTS, Rights())
    os.utime(folder_of(store, KEY), (1000, 1000))
    remove = shutil.rmtree

    def refuse(path, **options):
        if path.name == KEY:
            raise PermissionError(13, "Permission denied")
        remove(path, **options)

    monkeypatch.setattr("smartnet.store.entry.shutil.rmtree", refuse)
    assert prune(store, older_than_s=None, at_most_bytes=0, now=3000) == [other]
    assert caplog.messages[-1] == f"{KEY} stays: it cannot be removed (Permission denied)"
