from smartnet.fingerprint import BEHIND, fingerprint
from smartnet.why.ledger import known_fingerprints, note_fingerprints


def test_fingerprints_of_earlier_runs_are_kept(tmp_path):
    path = tmp_path / "fingerprints.json"
    path.write_text('{"0123456789ab": {"smartnet": "1"}}')
    now = fingerprint("smartnet.slices.split")
    note_fingerprints(path)
    known = known_fingerprints(path)
    assert known["0123456789ab"] == {"smartnet": "1"}
    assert known[now] == BEHIND[now]
    assert "smartnet.slices.split" in known[now]


def test_a_damaged_ledger_ends_nothing(tmp_path):
    (tmp_path / "fingerprints.json").write_text("{")
    assert known_fingerprints(tmp_path / "fingerprints.json") == BEHIND
