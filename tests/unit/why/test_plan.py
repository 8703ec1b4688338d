"""Jobs of a made-up graph, as Snakemake has them."""

import json
from types import SimpleNamespace

import pytest

from smartnet.job.record import record_file
from smartnet.why.plan import planned

REASONS = (
    *("forced", "incomplete_output", "missing_output", "params_changed", "code_changed"),
    *("software_stack_changed", "input_changed"),
)
OUTPUT = "results/upstream/cls/seed-1/model.safetensors"


class Job(SimpleNamespace):
    """A job is a key of the graph's dependencies."""

    __hash__ = object.__hash__


def graph(*, span=(100.0, 160.0), **reason):
    """One training that was made, for this reason."""
    job = Job(
        rule=SimpleNamespace(name="upstream"),
        output=[OUTPUT],
        input=[],
        params={},
        wildcards_dict={"pretext": "cls", "seed": "1"},
    )
    kept = SimpleNamespace(starttime=span[0], endtime=span[1], params=[], input=[])
    found = dict.fromkeys(REASONS, False) | {"updated_input": [], "updated_input_run": []} | reason
    return SimpleNamespace(
        workflow=SimpleNamespace(rules=[job.rule], persistence=SimpleNamespace(metadata=lambda file: kept)),
        needrun_jobs=lambda: [job],
        reason=lambda job: SimpleNamespace(**found),
        dependencies={job: {}},
    )


def test_a_job_whose_reason_is_not_known_is_told_all_the_same():
    (job,) = planned(graph(params_changed=True), {})
    assert [cause.text for cause in job.causes] == ["something else changed"]


@pytest.mark.parametrize(
    ("span", "record", "seconds"),
    [
        ((100.0, 160.0), None, 60.0),
        ((100.0, 160.0), {"seconds": 36000.0, "stored": True}, 36000.0),
        ((100.0, 160.0), {"seconds": 59.0}, 60.0),
        ((100.0, 100.0), {"seconds": 59.0}, 59.0),
        ((100.0, 160.0), {}, 60.0),
    ],
    ids=["no record", "taken from a store, or resumed", "just made", "touched", "of another kind"],
)
def test_a_training_costs_what_it_took_to_make(tmp_path, monkeypatch, span, record, seconds):
    monkeypatch.chdir(tmp_path)
    if record is not None:
        file = record_file("upstream", {"pretext": "cls", "seed": "1"})
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(record))
    (job,) = planned(graph(span=span, forced=True), {})
    assert job.seconds == seconds
