import pytest

from smartnet.why.guard import GuardError, guard
from smartnet.why.plan import Cause, Planned, label
from smartnet.why.text import explain


def job(
    rule="downstream", name="smartnet_bilstm seed 1", *, text="a", shared=None, seconds=3600.0, redo=True
):
    cause = Cause(text, shared or text)
    return Planned(rule=rule, name=name, causes=(cause,), follows=False, seconds=seconds, redo=redo)


def test_a_job_has_its_reason_and_its_cost():
    lines = explain([job(text="setting epochs changed from 1 to 2", seconds=134)])
    assert lines == [
        "downstream smartnet_bilstm seed 1: setting epochs changed from 1 to 2 (took 2 min 14 s last time)",
        "",
        "In all: 1 job, 2 min 14 s last time.",
        "Training: 1 job, 1 of them again (2 min 14 s last time).",
    ]


def test_jobs_of_a_rule_with_the_same_reason_are_one_line():
    some = [
        job(
            "slices",
            f"internal/{n}",
            text=f"volumes/{n} is remade",
            shared="what volumes makes is remade",
            seconds=2,
        )
        for n in range(1000)
    ]
    other = job("slices", "public/0", text="it was never made", seconds=None, redo=False)
    lines = explain([*some, other])
    assert lines == [
        "slices, 1000 jobs (internal/0 ... internal/999): what volumes makes is remade (took 33 min 20 s in "
        "all last time)",
        "slices public/0: it was never made",
        "",
        "In all: 1001 jobs, 33 min 20 s last time, without 1 that never ended.",
        "No training.",
    ]


def test_no_job_is_one_line():
    assert explain([]) == ["Nothing to redo."]


@pytest.mark.parametrize(
    ("wildcards", "text"),
    [
        ({}, ""),
        ({"dataset": "internal", "shard": "3"}, "internal/3"),
        ({"model": "smartnet_bilstm", "seed": "1", "dataset": "public"}, "smartnet_bilstm seed 1 public"),
    ],
)
def test_wildcards_are_written_for_people(wildcards, text):
    assert label(wildcards) == text


def test_the_guard_says_how_much_what_and_why():
    jobs = [job(text="setting a.b changed from 1 to 2"), job(name="scratch_conv3d seed 1", seconds=4800)]
    with pytest.raises(GuardError) as caught:
        guard(jobs, training_hours=1.5, confirm=False)
    assert str(caught.value) == (
        "2 h 20 min of training would be done again, guard.training_hours is 1.5: downstream smartnet_bilstm "
        "seed 1 and 1 more, because setting a.b changed from 1 to 2; nothing was deleted or run. See all by "
        "`make why`, go on by `--config confirm=true`"
    )


@pytest.mark.parametrize(
    ("jobs", "options"),
    [
        ([], {}),
        ([job()], {"training_hours": 1.0}),
        ([job()], {"training_hours": None}),
        ([job()], {"confirm": True}),
        ([job(redo=False), job(seconds=None, redo=False)], {}),
        ([job("predict_segmentation")], {}),
    ],
    ids=["nothing", "no more than allowed", "off", "agreed", "first or interrupted training", "other rules"],
)
def test_the_guard_lets_through(jobs, options):
    guard(jobs, **{"training_hours": 0.5, "confirm": False, **options})
