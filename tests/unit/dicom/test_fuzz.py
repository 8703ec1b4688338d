"""Damaged DICOM through the ingestion, each way once; ``bench/fuzz_dicom.py`` does it by the hundred."""

import os
import time

import numpy as np
import pytest
from factories import run_volumes
from fuzzing import run
from fuzzing.judge import FEWER, OTHER, RIGHT, Found, compare, read_found
from fuzzing.mutations import MUTATIONS, Mutation
from fuzzing.run import FAILURES, REJECTED, plan, run_all, run_one, tally
from fuzzing.seeds import synthetic_seeds

from smartnet.files import read_table


def test_no_damage_is_accepted_wrongly_or_stops_the_study():
    verdicts = list(run_all(len(MUTATIONS), number=2026))
    assert {verdict.mutation for verdict in verdicts} == {mutation.name for mutation in MUTATIONS}
    assert [verdict for verdict in verdicts if verdict.kind in FAILURES] == [], tally(verdicts)
    kinds = [verdict.kind for verdict in verdicts]
    assert kinds.count(REJECTED) > 10
    assert kinds.count("accepted right") > 10


def test_the_same_seed_damages_the_same():
    first, second = (
        [(number, seed.name, mutation.name) for number, seed, mutation in plan(99, 5, synthetic_seeds())]
        for _ in range(2)
    )
    assert first == second


@pytest.fixture(scope="module", params=synthetic_seeds(), ids=lambda seed: seed.name)
def accepted(request, tmp_path_factory):
    """A volume of every healthy series, and the truth."""
    folder = tmp_path_factory.mktemp("healthy")
    truth = request.param.write(folder / "data")
    volumes = run_volumes(folder / "data", folder, labelled=False)
    (case,) = read_table(volumes / "cases.tsv")["case"]
    return read_found(volumes / f"{case}.nii.gz"), truth


def test_the_judge_knows_the_truth(accepted):
    found, truth = accepted
    assert compare(found, truth) == (RIGHT, "")
    assert compare(Found(found.hu[:-1], found.affine), truth)[0] == FEWER


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_judge_sees_what_is_flipped_or_beside(accepted, axis):
    found, truth = accepted
    assert compare(Found(np.flip(found.hu, axis), found.affine), truth)[0] == OTHER
    beside = found.affine.copy()
    beside[axis, 3] += 0.3 * np.linalg.norm(beside[:3, axis])
    assert compare(Found(found.hu, beside), truth)[0] == OTHER
    wide = found.affine.copy()
    wide[:3, axis] *= 1.03
    assert compare(Found(found.hu, wide), truth)[0] == OTHER


def test_the_judge_sees_other_values(accepted):
    found, truth = accepted
    assert compare(Found(found.hu + 5, found.affine), truth)[0] == OTHER
    changed = found.hu.copy()
    changed[3, 10:20, 10:20] = 60
    assert compare(Found(changed, found.affine), truth)[0] == OTHER


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda case, rng: time.sleep(20), run.HANG),
        (lambda case, rng: os._exit(3), run.CRASH),
        (lambda case, rng: 1 / 0, run.BROKEN),
        (lambda case, rng: bytearray(b"x") * (700 << 20), run.MEMORY),
        (lambda case, rng: [path.unlink() for path in case.control.iterdir()], run.CRASH),
    ],
)
def test_what_goes_wrong_has_a_name(monkeypatch, damage, kind):
    # A busy machine may need seconds for what is no hang.
    monkeypatch.setattr(run, "SECONDS", 3 if kind == run.HANG else 60)
    verdict = run_one(1, synthetic_seeds()[0], Mutation("test", damage, "truth"))
    assert verdict.kind == kind, verdict
