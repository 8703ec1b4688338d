"""What killed jobs leave behind."""

from smartnet.files import atomic_path, read_json, write_bytes, write_json
from smartnet.job.leftovers import discard_finished_states, discard_states_begun, discard_unfinished


def test_what_a_killed_process_wrote_is_removed_and_nothing_else(tmp_path):
    for name in (".a[1].csv.4321.tmp", ".a[1].csv.77.tmp", ".a1.csv.77.tmp", ".a[1].csv.old.tmp", "a[1].csv"):
        (tmp_path / name).write_text("half")
    discard_unfinished([tmp_path / "a[1].csv", tmp_path / "not there/b.csv"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a1.csv.77.tmp",
        ".a[1].csv.old.tmp",
        "a[1].csv",
    ]


def test_the_names_are_those_that_a_writer_gives(tmp_path):
    with atomic_path(tmp_path / "a.csv") as temporary:
        temporary.write_text("half")
        discard_unfinished([tmp_path / "a.csv"])
        assert not temporary.exists()
        temporary.write_text("whole")


def test_a_state_is_kept_until_its_weights_are_used(tmp_path):
    for key, weights in (("a", "results/x/model.safetensors"), ("b", "results/y/model.safetensors")):
        write_json({"weights": weights}, tmp_path / key / "finished.json")
        write_bytes(b"0", tmp_path / key / "epoch.ckpt")
    write_bytes(b"0", tmp_path / "running" / "epoch.ckpt")
    discard_finished_states(["results/split.tsv", "results/x/model.safetensors"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "running"]


def test_another_job_may_remove_a_state_first(tmp_path, monkeypatch):
    write_json({"weights": "results/x/model.safetensors"}, tmp_path / "a" / "finished.json")

    def removed(note):
        note.unlink()
        return read_json(note)

    monkeypatch.setattr("smartnet.job.leftovers.read_json", removed)
    discard_finished_states(["results/x/model.safetensors"], tmp_path)


def test_states_of_what_came_from_the_store_are_removed_but_not_those_of_other_settings(tmp_path):
    weights, other = "results/x/model.safetensors", "results/y/model.safetensors"
    begun = {"weights": weights, "settings": {"epochs": 9, "patience": None}, "code": "c0de"}
    notes = {
        "same": begun,
        "weights": begun | {"weights": other},
        "settings": begun | {"settings": {"epochs": 8, "patience": None}},
        "code": begun | {"code": "0ther"},
    }
    for key, note in notes.items():
        write_json(note, tmp_path / key / "begun.json")
        write_bytes(b"0", tmp_path / key / "epoch.ckpt")
    discard_states_begun([weights, "results/x/run.json"], {"epochs": 9}, "c0de", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code", "settings", "weights"]
