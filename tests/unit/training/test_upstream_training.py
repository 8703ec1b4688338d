import logging
import math

import numpy as np
import pytest
import torch
from children import start
from study_runs import changed, facts, states_after_use

from smartnet.errors import ConfigError, DataError, ModelError
from smartnet.experiments import PRETEXTS
from smartnet.files import read_table, write_array
from smartnet.networks import load_model, load_weights
from smartnet.training.upstream import train_upstream

SMART = PRETEXTS["smartnet"]


def test_run_writes_all_files_and_is_reproducible(options, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    train_upstream(**options, pretext=SMART, output=tmp_path / "a")
    lines = [r.message for r in caplog.records if r.message.startswith("epoch ")]
    assert len(lines) == 3 and lines[0].startswith("epoch 1/3: train_")
    assert not states_after_use(tmp_path)
    train_upstream(**options, pretext=SMART, output=tmp_path / "b")
    for name in ("model.safetensors", "model.json", "history.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    history = read_table(tmp_path / "a" / "history.csv")
    assert list(history["epoch"]) == [0, 1, 2]
    for name in ("cls", "seg", "rec", "consistency", "loss"):
        assert history[[f"train_{name}", f"valid_{name}"]].notna().all().all()
    total = history.valid_cls + history.valid_seg + history.valid_rec + 0.5 * history.valid_consistency
    assert np.allclose(total, history.valid_loss, atol=1e-5)
    run = facts(tmp_path / "a")
    assert (
        run["best_epoch"] == history.valid_loss.idxmin()
        and run["device"] == "cpu"
        and run["resumed_from"] is None
    )
    assert run["slices_per_second"] > 0 and run["peak_memory_mb"] > 10
    train_upstream(**{**options, "seed": 2}, pretext=SMART, output=tmp_path / "c")
    assert (tmp_path / "a/model.safetensors").read_bytes() != (tmp_path / "c/model.safetensors").read_bytes()


def test_weights_of_the_best_epoch_leave(options, tmp_path):
    """A run to the best epoch and no further must end with the very same weights."""
    settings = {
        **options["settings"],
        "warmup": 0.0,
        "constant": 1.0,
        "learning_rate": 1e-3,
        "optimizer": "adamw",
    }
    one = {**options, "settings": {**settings, "epochs": 1}}
    train_upstream(**one, pretext={"heads": ["cls"], "consistency": False}, output=tmp_path / "one")
    bad = {**options, "settings": {**settings, "epochs": 4, "validate_every": 1}}
    train_upstream(**bad, pretext={"heads": ["cls"], "consistency": False}, output=tmp_path / "four")
    history = read_table(tmp_path / "four/history.csv")
    best = int(history.valid_loss.idxmin())
    until = {**options, "settings": {**settings, "epochs": best + 1}}
    train_upstream(**until, pretext={"heads": ["cls"], "consistency": False}, output=tmp_path / "until")
    assert (tmp_path / "until/model.safetensors").read_bytes() == (
        tmp_path / "four/model.safetensors"
    ).read_bytes()


def test_scratch_is_the_seeded_encoder_untrained(options, tmp_path):
    train_upstream(**options, pretext={"heads": [], "consistency": False}, output=tmp_path / "a")
    train_upstream(**options, pretext={"heads": [], "consistency": False}, output=tmp_path / "b")
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()
    assert all(name.startswith("encoder.") for name in load_weights(tmp_path / "a"))
    assert load_model(tmp_path / "a").architecture["heads"] == []
    assert facts(tmp_path / "a")["epochs"] == 0
    assert len(read_table(tmp_path / "a/history.csv")) == 0


@pytest.mark.parametrize("pretext", ["models-genesis", "transvw"])
def test_a_state_of_other_code_or_a_damaged_one_is_not_taken_up(options, tmp_path, words, pretext):
    options = {**options, "pretext": PRETEXTS[pretext], "words": words}
    options = changed(options, epochs=8, validate_every=3)
    train_upstream(**options, output=tmp_path / "undisturbed")
    assert not states_after_use(tmp_path)
    child = start("upstream", {**options, "output": tmp_path / "killed"})
    for line in child.stdout:
        if line.startswith("epoch 5/8"):
            break
    child.kill()
    child.wait()
    (saved,) = (tmp_path / "state").glob("*/epoch.ckpt")

    train_upstream(**{**options, "code": "changed"}, output=tmp_path / "other")
    assert facts(tmp_path / "other")["resumed_from"] is None and saved.exists()

    damaged = tmp_path / "damaged_state" / saved.parent.name / saved.name
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(saved.read_bytes()[:1000])
    train_upstream(**{**options, "state": tmp_path / "damaged_state"}, output=tmp_path / "damaged")
    assert facts(tmp_path / "damaged")["resumed_from"] is None

    train_upstream(**options, output=tmp_path / "killed")
    assert 1 <= facts(tmp_path / "killed")["resumed_from"] < 8
    for name in ("model.safetensors", "history.csv"):
        undisturbed = (tmp_path / "undisturbed" / name).read_bytes()
        assert (tmp_path / "killed" / name).read_bytes() == undisturbed
        assert (tmp_path / "damaged" / name).read_bytes() == undisturbed


def test_missing_gpu_is_said_and_recorded(options, tmp_path, caplog):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    train_upstream(**{**options, "gpu": 1}, pretext={"heads": ["cls"], "consistency": False}, output=tmp_path)
    assert "1 GPU asked for, but none is available" in caplog.text
    run = facts(tmp_path)
    assert (run["gpu_asked"], run["gpu_used"], run["device"]) == (1, 0, "cpu")


def test_loss_that_is_not_finite_names_the_cases(options, tmp_path):
    settings = {**options["settings"], "learning_rate": 1e30, "warmup": 0.0}
    with pytest.raises(ModelError, match=r"the loss is (nan|inf) in epoch \d+, step \d+, cases c\d\d"):
        train_upstream(**{**options, "settings": settings}, pretext=SMART, output=tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {"learning_rat": 1}}, "did you mean learning_rate"),
        ({"settings": {"epochs": 0}}, "epochs is 0"),
        ({"settings": {"sampling": "some"}}, "volume, all, balanced"),
        ({"settings": {"loss_weights": {"sge": 1}}}, "did you mean seg"),
        ({"augmentation": {"blur": 3}}, "did you mean blur_px"),
        ({"augmentation": {"blur_px": 4}}, "must be odd"),
        ({"augmentation": {"flip": "up"}}, "flip is .up.: choose one of all, left-right, none"),
        ({"pretext": {"heads": ["cls"], "consistency": True}}, "needs cls and seg"),
    ],
)
def test_wrong_settings(options, tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        train_upstream(**{"pretext": SMART, **options, **change}, output=tmp_path)


def test_no_usable_case(options, tmp_path, study):
    split = tmp_path / "split.tsv"
    split.write_text(study.split.read_text().replace("valid", "test"))
    with pytest.raises(DataError, match="no validation case can be used"):
        train_upstream(**{**options, "split": split}, pretext=SMART, output=tmp_path)


def test_learns_something(options, tmp_path):
    settings = {**options["settings"], "epochs": 12, "sampling": "all", "learning_rate": 5e-3}
    train_upstream(**{**options, "settings": settings}, pretext=SMART, output=tmp_path)
    history = read_table(tmp_path / "history.csv")
    assert history.valid_seg.min() < 0.5 * history.valid_seg.iloc[0]
    assert math.isclose(history.lr.iloc[-1], 0, abs_tol=1e-6)


def test_input_content_is_part_of_the_key(study, tmp_path):
    from smartnet.training.runs import input_files, state_key

    before = state_key({"a": 1}, input_files(study.slices, study.split))
    assert before == state_key({"a": 1}, input_files(study.slices, study.split))
    assert before != state_key({"a": 2}, input_files(study.slices, study.split))
    copy = tmp_path / "slices"
    copy.mkdir()
    for file in study.slices[0].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert before == state_key({"a": 1}, input_files([copy], study.split))
    images = np.load(copy / "images.npy")
    images[0, 0, 0] += 1
    write_array(images, copy / "images.npy")
    assert before != state_key({"a": 1}, input_files([copy], study.split))
