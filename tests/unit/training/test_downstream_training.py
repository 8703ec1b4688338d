import json

import numpy as np
import pytest
import torch
from study_runs import states_after_use

from smartnet.errors import ConfigError, ModelError
from smartnet.files import read_table, write_json
from smartnet.networks import build, load_model, load_weights, save_model
from smartnet.training.downstream import train_downstream, transfer
from smartnet.training.upstream import train_upstream
from smartnet.validation import DSC_COLUMNS, read_validation

TASKS = [("classification", "bilstm"), ("segmentation", "conv3d")]


@pytest.fixture
def upstream(options, tmp_path):
    torch.manual_seed(5)
    save_model(build({**options["network"], "network": "upstream", "heads": ["cls", "seg"]}), tmp_path / "up")
    return tmp_path / "up"


def _run(options, upstream, task, operator, output, **settings):
    options = {**options, "settings": {**options["settings"], "batch_size": 2, **settings}}
    train_downstream(**options, upstream=upstream, task=task, operator=operator, output=output)


@pytest.mark.parametrize(("task", "operator"), TASKS)
def test_run_writes_all_files_and_is_reproducible(options, upstream, tmp_path, task, operator):
    for name in "ab":
        _run(options, upstream, task, operator, tmp_path / name)
        assert not states_after_use(tmp_path)
    for name in ("model.safetensors", "model.json", "history.csv", "validation.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    found, answers = read_validation(tmp_path / "a/validation.csv")
    assert found == task and list(answers["case"]) == ["c11", "c12", "c13"]
    assert list(answers["truth"]) == [1, 0, 1]
    if task == "classification":
        np.testing.assert_allclose(1 / (1 + np.exp(-answers["logit"])), answers["probability"], rtol=1e-12)
    else:
        scores = answers[DSC_COLUMNS]
        assert list(scores.isna().all(axis=1)) == [False, True, False]
        assert scores.loc[[0, 2]].stack().between(0, 1).all()
    assert len(read_table(tmp_path / "a/history.csv")) == 3
    assert load_model(tmp_path / "a").architecture["operator"] == operator


@pytest.mark.parametrize(("task", "operator"), TASKS)
def test_frozen_encoder_keeps_weights_and_statistics(options, upstream, tmp_path, task, operator):
    _run(options, upstream, task, operator, tmp_path / "frozen", unfreeze={"start": 1.0, "step": 0.0})
    before, after = load_weights(upstream), load_weights(tmp_path / "frozen")
    encoder = [name for name in before if name.startswith("encoder.")]
    assert len(encoder) == 120
    assert all(torch.equal(before[name], after[name]) for name in encoder)
    _run(options, upstream, task, operator, tmp_path / "free", unfreeze={"start": 0.0, "step": 0.0})
    free = load_weights(tmp_path / "free")
    changed = [name for name in encoder if not torch.equal(before[name], free[name])]
    assert set(changed) == set(encoder)


def test_only_the_deepest_stage_learns_first(options, upstream, tmp_path):
    _run(options, upstream, *TASKS[0], tmp_path / "out", unfreeze={"start": 0.5, "step": 0.5})
    before, after = load_weights(upstream), load_weights(tmp_path / "out")
    changed = {
        n.split(".")[1] for n in before if n.startswith("encoder.") and not torch.equal(before[n], after[n])
    }
    best = json.loads((tmp_path / "out/run.json").read_text())["best_epoch"]
    assert changed == ({"layer4"} if best == 2 else set())


@pytest.mark.parametrize(("start", "learns"), [(1.0, False), (0.0, True)])
def test_a_transferred_decoder_is_frozen_as_long_as_the_encoder(options, upstream, tmp_path, start, learns):
    _run(
        options,
        upstream,
        *TASKS[1],
        tmp_path / "out",
        transfer_decoder=True,
        epochs=1,
        unfreeze={"start": start, "step": 0.1},
    )
    before, after = load_weights(upstream), load_weights(tmp_path / "out")
    names = [name for name in before if name.startswith("seg_decoder.")]
    assert names and all(torch.equal(before[name], after[name]) for name in names) != learns
    assert any("running_mean" in name for name in names)


def test_encoder_and_decoder_are_transferred(options, upstream):
    torch.manual_seed(9)
    segmenter = build({**options["network"], "network": "segmenter", "operator": "conv3d"})
    drawn = {name: value.clone() for name, value in segmenter.state_dict().items()}
    tensors = load_weights(upstream)
    assert transfer(segmenter, upstream, decoder=False) == ["encoder"]
    state = segmenter.state_dict()
    assert all(torch.equal(state[n], v) for n, v in tensors.items() if n.startswith("encoder."))
    assert all(torch.equal(state[n], v) for n, v in drawn.items() if n.startswith("seg_decoder."))
    assert transfer(segmenter, upstream, decoder=True) == ["encoder", "seg_decoder"]
    state = segmenter.state_dict()
    assert all(torch.equal(state[n], v) for n, v in tensors.items() if n.startswith("seg_decoder."))


def test_upstream_of_another_size_is_refused(options, upstream, tmp_path):
    wide = {**options, "network": {**options["network"], "width": 0.25}}
    with pytest.raises(
        ModelError, match=r"encoder of .*up does not fit the network: bn1.bias is \(4,\), expected"
    ):
        _run(wide, upstream, *TASKS[0], tmp_path / "out")


def test_start_from_scratch_and_missing_upstream(options, tmp_path):
    train_upstream(**options, pretext={"heads": [], "consistency": False}, output=tmp_path / "scratch")
    unfreeze = {"start": 1.0, "step": 0.0}
    _run(
        options,
        tmp_path / "scratch",
        *TASKS[1],
        tmp_path / "out",
        transfer_decoder=True,
        epochs=1,
        unfreeze=unfreeze,
    )
    assert (tmp_path / "out/validation.csv").exists()
    before, after = load_weights(tmp_path / "scratch"), load_weights(tmp_path / "out")
    learnt = {name.split(".")[1] for name, value in before.items() if not torch.equal(value, after[name])}
    assert learnt >= {"conv1", "layer1", "layer4"}, "nothing was pretrained, so nothing is frozen"
    with pytest.raises(ModelError, match="no weights at"):
        _run(options, tmp_path / "nowhere", *TASKS[0], tmp_path / "out2")
    with pytest.raises(ConfigError, match="task 'detection' does not exist"):
        _run(options, tmp_path / "scratch", "detection", "bilstm", tmp_path / "out2")
    with pytest.raises(ModelError, match="unknown classifier operator 'conv3d': choose from bilstm"):
        _run(options, tmp_path / "scratch", "classification", "conv3d", tmp_path / "out2")


def test_a_start_that_says_it_was_not_trained_is_another_run(options, upstream, tmp_path):
    for said in (True, False):
        write_json({"pretrained": said}, upstream / "run.json")
        _run(options, upstream, *TASKS[0], tmp_path / "out", epochs=1)
    assert len(list((tmp_path / "state").iterdir())) == 2


def test_segmenter_learns_bright_discs(options, upstream, tmp_path):
    _run(options, upstream, *TASKS[1], tmp_path / "out", epochs=10, learning_rate=1e-2, constant=0.8)
    history = read_table(tmp_path / "out/history.csv")
    assert np.nanmin(history.valid_seg) < 0.6 * history.valid_seg.iloc[0]
