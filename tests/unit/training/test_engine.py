"""What surrounds the loops: resume, early stop, memory, precision, facts about a run."""

import random
import signal
import time

import numpy as np
import pytest
import torch
from children import start
from study_runs import changed, facts, states_after_use

from smartnet.errors import ConfigError, ModelError
from smartnet.files import read_table
from smartnet.networks import build
from smartnet.training import engine
from smartnet.training.callbacks import Keeper, load_state
from smartnet.training.data import Share, TrainingBatches, ValidationBatches
from smartnet.training.downstream import train_downstream
from smartnet.training.modules import UpstreamModule
from smartnet.training.settings import UPSTREAM, complete, complete_augmentation
from smartnet.training.upstream import train_upstream

SMART = {"heads": ["cls", "seg", "rec"], "consistency": True}
PLAIN = {"heads": ["seg", "rec"], "consistency": False}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def place(network):
    return next(network.parameters()).device.type


@pytest.mark.parametrize("stage", ["upstream", "downstream"])
def test_killed_at_random_epochs_and_taken_up_gives_the_same_bytes(options, downstream, tmp_path, stage):
    task = {**options, "pretext": SMART} if stage == "upstream" else downstream
    task = changed(task, epochs=9, validate_every=2, batch_size=2)
    train = {"upstream": train_upstream, "downstream": train_downstream}[stage]
    train(**{**task, "state": tmp_path / "other"}, output=tmp_path / "undisturbed")
    rng, kills = random.Random(stage), 0
    while not (tmp_path / "killed/run.json").exists():
        child = start(stage, {**task, "output": tmp_path / "killed"})
        last = rng.randint(1, 3) if kills < 2 else 99
        for number, line in enumerate(line for line in child.stdout if line.startswith("epoch ")):
            assert not (number == 0 and kills and line.startswith("epoch 1/")), "it began anew"
            if number + 1 == last:
                child.send_signal(signal.SIGKILL)
                kills += 1
                break
        child.wait()
    assert kills == 2 and facts(tmp_path / "killed")["resumed_from"]
    names = ["model.safetensors", "history.csv", *(["validation.csv"] if stage == "downstream" else [])]
    for name in names:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    assert not states_after_use(tmp_path)


def test_saving_takes_a_tenth_of_the_time_at_most(tmp_path):
    keeper = Keeper(tmp_path, validate_every=1, patience=None, memory={}, earlier=0.0, begin=0.0)
    assert keeper._due(), "the first epoch is saved"
    keeper._saved = time.perf_counter()
    for took, due in ((60.0, False), (0.0, True)):
        keeper._took = took
        assert keeper._due() is due


def test_a_run_that_is_told_to_end_does_not_end_as_if_it_were_done(options, tmp_path):
    child = start("upstream", {**changed(options, epochs=200), "pretext": PLAIN, "output": tmp_path / "out"})
    for line in child.stdout:
        if line.startswith("epoch 2/"):
            child.terminate()
    assert child.wait() == 128 + signal.SIGTERM
    assert line.startswith("told to end: the next run goes on")
    assert not (tmp_path / "out/run.json").exists() and list((tmp_path / "state").glob("*/epoch.ckpt"))


def still(options):
    """A rate of next to nothing: one of the first validations stays the best."""
    rate = {"learning_rate": 1e-12, "warmup": 0.0, "weight_decay": 0.0}
    return changed(options, epochs=30, patience=3, **rate)


def test_patience_ends_a_run_at_its_best_epoch(options, tmp_path):
    train_upstream(**still(options), pretext=PLAIN, output=tmp_path)
    history, run = read_table(tmp_path / "history.csv"), facts(tmp_path)
    assert len(history) == run["epochs"] < 30
    assert run["best_epoch"] == history.valid_loss.idxmin() == run["epochs"] - 4


def test_patience_waits_for_a_validation(options, tmp_path):
    task = changed(still(options), validate_every=5)
    train_upstream(**task, pretext=PLAIN, output=tmp_path)
    history, run = read_table(tmp_path / "history.csv"), facts(tmp_path)
    assert run["best_epoch"] == history.valid_loss.idxmin() == run["epochs"] - 6 and run["epochs"] < 30


def test_a_run_that_had_stopped_is_not_trained_further_when_it_is_taken_up(options, tmp_path, monkeypatch):
    task = {**still(options), "pretext": PLAIN}
    with monkeypatch.context() as patch:  # as if it had been killed just before it wrote its results
        patch.setattr("smartnet.training.upstream.record", lambda *args, **kwargs: None)
        train_upstream(**task, output=tmp_path / "a")
    train_upstream(**{**task, "state": tmp_path / "other"}, output=tmp_path / "undisturbed")
    train_upstream(**task, output=tmp_path / "a")
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    assert facts(tmp_path / "a")["resumed_from"] == facts(tmp_path / "a")["epochs"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_comes_near_full_precision(options, downstream, tmp_path, precision, device):
    """Within a tenth after three epochs."""
    gpu = int(device == "cuda")
    used = "16-mixed" if precision == "fp16" and gpu else "bf16-mixed"
    for stage, train in (({**options, "pretext": SMART}, train_upstream), (downstream, train_downstream)):
        task = {**changed(stage, batch_size=2), "gpu": gpu}
        train(**task, output=tmp_path / "full")
        train(**changed(task, precision=precision), output=tmp_path / "mixed")
        full, mixed = (read_table(tmp_path / name / "history.csv") for name in ("full", "mixed"))
        assert np.allclose(full.valid_loss, mixed.valid_loss, rtol=0.1)
        assert not np.array_equal(full.valid_loss, mixed.valid_loss)
        assert facts(tmp_path / "mixed")["precision"] == used
        assert facts(tmp_path / "full")["precision"] == "32-true"


@pytest.mark.parametrize("device", DEVICES)
def test_validation_scans_are_answered_where_the_network_was_trained(
    downstream, tmp_path, monkeypatch, device
):
    from smartnet.training import downstream as library

    answer, seen = library._validate, []
    monkeypatch.setattr(library, "_validate", lambda *args: seen.append(place(args[0])) or answer(*args))
    train_downstream(**{**downstream, "gpu": int(device == "cuda")}, output=tmp_path / "out")
    assert seen == [device]


def module(options, *, passes, heads=("cls", "rec")):
    """A module in evaluation mode, so that no batch statistics and no dropout tell parts from a whole."""
    from smartnet.training.upstream import _module

    torch.manual_seed(3)
    model = build({**options["network"], "network": "upstream", "heads": list(heads)}).eval()
    off = complete_augmentation({"noise_variance": [0.0, 0.0]})
    settings = complete({**options["settings"], "batch_size": 5}, UPSTREAM, what="test")
    pretext = {"heads": heads, "consistency": False}
    made = _module(
        model,
        options["slices"],
        options["split"],
        pretext=pretext,
        settings=settings,
        augmentation=off,
        seed=1,
    )
    made.share = Share(passes=passes)
    return made


def gradients(made):
    """Of one epoch, as Lightning adds them up."""
    made.trainer = type("Trainer", (), {"current_epoch": 0})()
    UpstreamModule.current_epoch = property(lambda self: 0)
    try:
        for batch in TrainingBatches(*made._train, lambda: 0, made.share):
            (made.training_step(batch, 0) / made.share.passes).backward()
    finally:
        del UpstreamModule.current_epoch
    return {name: p.grad.clone() for name, p in made.network.named_parameters()}


def test_a_batch_in_passes_has_the_gradient_of_the_whole(options):
    whole = gradients(module(options, passes=1))
    for passes in (2, 3):
        parts = gradients(module(options, passes=passes))
        for name, value in whole.items():
            assert torch.allclose(parts[name], value, atol=1e-5 + 1e-3 * value.abs().max()), name


def test_parts_cover_every_batch_once():
    plan = [[1, 2, 3, 4, 5], [6, 7, 8, 9], [10, 11]]

    def load(items, chosen):
        return {"items": [items[k] for k in chosen], "fraction": len(chosen) / len(items)}

    for processes, passes in ((1, 1), (2, 1), (1, 3), (2, 2)):
        shares = [Share(p, processes, passes) for p in range(processes)]
        turns = [list(TrainingBatches(lambda _: plan, load, lambda: 0, share)) for share in shares]
        assert len({len(t) for t in turns}) == 1
        assert sorted(i for t in turns for batch in t for i in batch["items"]) == list(range(1, 12))
        for step in {batch["step"] for batch in turns[0]}:
            weights = [batch["weight"] for t in turns for batch in t if batch["step"] == step]
            assert sum(weights) == pytest.approx(processes * passes)
        turns = [list(ValidationBatches(lambda _: plan, load, lambda: 0, share)) for share in shares]
        assert len({len(t) for t in turns}) == 1
        seen = sorted(i for t in turns for batch in t if batch["weight"] for i in batch["items"])
        assert seen == list(range(1, 12))
    with pytest.raises(ConfigError, match="5 items to train on cannot be shared by 2 devices in 3 passes"):
        list(TrainingBatches(lambda _: plan[:1], load, lambda: 0, Share(0, 2, 3)))


def test_too_little_memory_halves_the_batch_and_says_so(options, tmp_path):
    """A child that may take as much as half a batch needs, but not as much as a whole one."""
    large = changed(
        {**options, "pretext": SMART}, epochs=2, batch_size=600, slices_per_volume=60, max_slices=4
    )
    child = start("upstream", {**large, "output": tmp_path / "small"}, memory=350 * 2**20)
    text = child.communicate()[0]
    assert child.returncode == 0, text
    assert "out of memory in epoch 1: each batch of 600 is now taken in 2 passes" in text
    run = facts(tmp_path / "small")
    assert run["out_of_memory"][0] == {"epoch": 0, "passes": 2}
    assert run["passes"] == run["out_of_memory"][-1]["passes"]
    asked = changed(large, accumulate=run["passes"])
    train_upstream(**{**asked, "state": tmp_path / "other"}, output=tmp_path / "asked")
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "small" / name).read_bytes() == (tmp_path / "asked" / name).read_bytes()


def test_a_run_that_is_taken_up_took_what_its_attempts_took(options, tmp_path, monkeypatch):
    task, step, calls = {**options, "pretext": PLAIN}, UpstreamModule.training_step, iter(range(99))
    ends = {4: ValueError("killed"), 9: RuntimeError("out of memory")}  # in epoch 2, and in epoch 3 after it

    def ended(self, *args):
        if error := ends.get(next(calls)):
            raise error
        return step(self, *args)

    monkeypatch.setattr(UpstreamModule, "training_step", ended)
    with pytest.raises(ValueError, match="killed"):
        train_upstream(**task, output=tmp_path)
    (folder,) = (tmp_path / "state").glob("*")
    state = torch.load(folder / "epoch.ckpt", weights_only=True)
    assert 0 < state["callbacks"]["Keeper"]["seconds"] < 3600
    state["callbacks"]["Keeper"]["seconds"] = 3600.0
    torch.save(state, folder / "epoch.ckpt")
    train_upstream(**task, output=tmp_path)
    run, kept = facts(tmp_path), load_state(folder)[1]["seconds"]
    assert (run["resumed_from"], run["passes"]) == (1, 2)
    assert 3600 < kept < run["seconds"] < 2 * 3600


def test_a_shortage_is_still_told_when_the_run_is_taken_up(options, tmp_path, monkeypatch):
    task, step, calls = {**options, "pretext": PLAIN}, UpstreamModule.training_step, iter(range(99))

    def short(self, *args):
        if next(calls) == 4:  # the second batch of epoch 2
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return step(self, *args)

    monkeypatch.setattr(UpstreamModule, "training_step", short)
    with monkeypatch.context() as patch:  # as if it had been killed just before it wrote its results
        patch.setattr("smartnet.training.upstream.record", lambda *args, **kwargs: None)
        train_upstream(**task, output=tmp_path)
    train_upstream(**task, output=tmp_path)
    run = facts(tmp_path)
    assert (run["passes"], run["resumed_from"]) == (2, 3)
    assert run["out_of_memory"] == [{"epoch": 1, "passes": 2}]


def test_what_was_validated_before_memory_ran_out_does_not_count(options, tmp_path, monkeypatch):
    task = {**changed(options, max_slices=4), "pretext": PLAIN}
    step, histories = UpstreamModule.validation_step, []
    for failing in (4, 6):  # the first and the last of the three validation batches of epoch 2
        calls = iter(range(1, 99))

        def validate(self, *args, calls=calls, failing=failing):
            if next(calls) == failing:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            step(self, *args)

        with monkeypatch.context() as patch:
            patch.setattr(UpstreamModule, "validation_step", validate)
            train_upstream(**task, output=tmp_path / str(failing))
        run = facts(tmp_path / str(failing))
        assert run["out_of_memory"] == [{"epoch": 1, "passes": 2}] and run["resumed_from"] is None
        histories.append((tmp_path / str(failing) / "history.csv").read_bytes())
        assert not states_after_use(tmp_path)
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_every_wording_of_too_little_memory_is_known(text):
    class Trainer:
        def fit(self, module, **_):
            raise RuntimeError(text)

    assert not engine._fits(Trainer(), torch.nn.Linear(1, 1), None)


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (
            1,
            r"out of memory even with a batch_size of 5 in 4 passes: .* or lower max_slices .*network.width$",
        ),
        (2, r"batch_size of 5 on 2 devices in 4 passes: raise accumulate to 8, or lower batch_size$"),
    ],
)
def test_too_little_memory_for_anything_is_one_line(options, devices, message):
    made = module(options, passes=4)
    made.settings["devices"] = devices
    with pytest.raises(ModelError, match=message):
        engine._more_passes({"passes": 4, "shortages": []}, made, epoch=0)
    if devices == 1:
        assert engine._more_passes({"passes": 2, "shortages": []}, made, epoch=3) == {
            "passes": 4,
            "shortages": [{"epoch": 3, "passes": 4}],
        }


def test_card_of_a_run(options, tmp_path):
    train_upstream(**options, pretext=SMART, output=tmp_path)
    run = facts(tmp_path)
    assert set(run["versions"]) == {"python", "torch", "lightning", "numpy"}
    assert run["code"] == "abc" and run["seed"] == 1
    assert run["commit"] is None or len(run["commit"].removesuffix("-dirty")) == 40
    assert 0 < run["data_wait"] < 1
    assert run["peak_gpu_memory_mb"] == 0 and run["peak_memory_mb"] > 100
    assert (run["passes"], run["devices"], run["out_of_memory"]) == (1, 1, [])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 0}, "patience is 0, but must be a whole number"),
        ({"precision": "half"}, "precision is 'half': choose one of 32, bf16, fp16"),
        ({"accumulate": 3, "devices": 2}, "batch_size of 4 cannot be shared by accumulate x devices = 3 x 2"),
    ],
)
def test_wrong_settings(options, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        complete({**options["settings"], **settings}, UPSTREAM, what="upstream")
