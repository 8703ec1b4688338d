import json

import numpy as np
import pytest
import torch

from smartnet.experiments import PRETEXTS
from smartnet.files import read_table
from smartnet.networks import load_model
from smartnet.training import restoration
from smartnet.training.downstream import train_downstream
from smartnet.training.naming import words_module
from smartnet.training.settings import UPSTREAM, complete, complete_augmentation
from smartnet.training.upstream import train_upstream
from smartnet.training.words import cut, open_words

STARTS = {"models-genesis": {"restoration"}, "transvw": {"restoration", "words"}}


@pytest.fixture(params=STARTS)
def start(request):
    return request.param


def test_runs_write_the_same_bytes_and_no_mask_is_needed(options, words, tmp_path, start):
    for name in ("a", "b"):
        train_upstream(**options, pretext=PRETEXTS[start], words=words, output=tmp_path / name)
    for name in ("model.safetensors", "model.json", "history.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    history = read_table(tmp_path / "a" / "history.csv")
    assert set(history) == {"epoch", "lr"} | {
        f"{part}_{term}" for part in ("train", "valid") for term in STARTS[start] | {"loss"}
    }
    weighted = history["valid_restoration"] + 0.01 * history.get("valid_words", 0)
    assert np.allclose(weighted, history["valid_loss"], atol=1e-5)
    run = json.loads((tmp_path / "a" / "run.json").read_text())
    assert run["resumed_from"] is None and run["slices_per_second"] > 0
    other = {**options, "seed": 2}
    train_upstream(**other, pretext=PRETEXTS[start], words=words, output=tmp_path / "c")
    assert (tmp_path / "a/model.safetensors").read_bytes() != (tmp_path / "c/model.safetensors").read_bytes()


def test_network_on_disk_knows_its_words(options, words, tmp_path):
    train_upstream(**options, pretext=PRETEXTS["transvw"], words=words, output=tmp_path)
    network = load_model(tmp_path)
    assert network.architecture["words"] == 3 and network.architecture["heads"] == ["rec", "words"]
    answers = network(torch.rand(2, 1, 32, 32))
    assert answers["words"].shape == (2, 3) and answers["rec"].shape == (2, 1, 32, 32)


def test_every_case_of_the_split_teaches_even_one_without_a_mask(options, tmp_path, monkeypatch):
    """c03 has a lesion, but no mask; and slices are drawn as if no mask were known."""
    seen = []
    inputs = restoration.RestorationModule.inputs

    def spy(self, batch, *, training):
        seen.extend(batch["cases"] if training else [])
        return inputs(self, batch, training=training)

    monkeypatch.setattr(restoration.RestorationModule, "inputs", spy)
    train_upstream(**options, pretext=PRETEXTS["models-genesis"], output=tmp_path)
    assert set(seen) == {f"c{i:02d}" for i in range(11)} and len(seen) == 33


def test_losses_fall(options, words, tmp_path, start):
    """The words of the small study lie on pure noise, so that only restoring can be learnt of them."""
    settings = {**options["settings"], "epochs": 20, "sampling": "all", "learning_rate": 5e-3}
    train_upstream(**{**options, "settings": settings}, pretext=PRETEXTS[start], words=words, output=tmp_path)
    history = read_table(tmp_path / "history.csv")
    assert history["valid_loss"].min() < 0.7 * history["valid_loss"].iloc[0]
    assert history["train_loss"].iloc[-1] < 0.7 * history["train_loss"].iloc[0]


def _bright_and_dark(folder):
    """Words that can be told apart: a bright left half, a bright upper half."""
    rng = np.random.default_rng(0)
    for name, count in (("train_{}1", 40), ("val_{}1", 10)):
        cubes = 0.3 * rng.random((count, 32, 32, 4))
        cubes[::2, :, :16] += 0.7
        cubes[1::2, :16] += 0.7
        stem = name + "_vwGen_ex_ref_fold1.0.npy"
        np.save(folder / stem.format("data"), cubes)
        np.save(folder / stem.format("label"), np.arange(count)[:, None] % 2)


def test_words_of_files_are_learnt(options, tmp_path):
    _bright_and_dark(tmp_path)
    settings = {**options["settings"], "epochs": 8, "learning_rate": 5e-3, "batch_size": 8}
    settings["loss_weights"] = {"words": 1.0}
    changes = {**options, "settings": settings, "words": tmp_path, "output": tmp_path / "out"}
    train_upstream(**changes, pretext=PRETEXTS["transvw"])
    history = read_table(tmp_path / "out/history.csv")
    assert history["valid_words"].min() < 0.4 < 0.6 < history["train_words"].iloc[0]
    assert load_model(tmp_path / "out").architecture["words"] == 2


@pytest.fixture
def module(options, words, study):
    return words_module(
        torch.nn.Identity(),
        open_words(words, study.slices, study.split),
        settings=complete(options["settings"], UPSTREAM, what="upstream"),
        augmentation=complete_augmentation({"probability": 0.0}),
        seed=1,
    )


def test_an_epoch_shows_every_instance_by_one_of_its_crops(module):
    plan = module._train[0]
    drawn = [item for batch in plan(0) for item in batch]
    assert sorted(i for i, _ in drawn) == list(range(15))
    assert {k for epoch in range(5) for batch in plan(epoch) for _, k in batch} == {0, 1}
    assert module.augmentation["flip"] == "none"
    assert len([item for batch in module._valid[0](0) for item in batch]) == 6


def test_inputs_are_stretched_crops_and_validation_is_distorted_the_same_way_each_epoch(module, monkeypatch):
    batch = {**module._valid[1]([(0, 0), (5, 0)], range(2)), "step": 3, "part": 0}
    slices, masks = module.inputs(batch, training=False)
    raw = cut(batch["slices"], batch["boxes"], batch["size"])
    low, high = raw.amin((1, 2, 3), keepdim=True), raw.amax((1, 2, 3), keepdim=True)
    assert masks is None and torch.allclose(slices, (raw - low) / (high - low), atol=1e-6)
    epochs, answers = [0, 1], {}
    monkeypatch.setattr(type(module), "current_epoch", property(lambda self: epochs[0]))
    for training in (False, True):
        answers[training] = []
        for epoch in (0, 1):
            epochs[0] = epoch
            answers[training].append(module.answers(batch, slices, training=training))
    assert torch.equal(*answers[False]) and not torch.equal(*answers[True])
    assert not torch.equal(answers[False][0], answers[True][0])


def test_crops_are_cut_in_full_precision(module):
    module.trainer = type("Trainer", (), {"current_epoch": 0})()
    batch = next(iter(module.val_dataloader()))
    batch["boxes"] = torch.tensor([0.21, 0.37, 0.3, 0.3]).expand(len(batch["slices"]), 4)
    whole, _ = module.inputs(batch, training=False)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = module.inputs(batch, training=False)
    assert torch.equal(whole, mixed)


def test_downstream_starts_from_the_encoder(options, words, tmp_path, start):
    options = {**options, "settings": {**options["settings"], "epochs": 1}}
    train_upstream(**options, pretext=PRETEXTS[start], words=words, output=tmp_path / "up")
    options["settings"] = {"epochs": 1, "batch_size": 2}
    train_downstream(
        **options,
        upstream=tmp_path / "up",
        output=tmp_path / "down",
        task="classification",
        operator="bilstm",
    )
    own, theirs = (load_model(tmp_path / name).encoder.state_dict() for name in ("down", "up"))
    assert all(torch.equal(own[name], theirs[name]) for name in own)
