"""What surrounds the loops: resume, early stop, memory, precision, several processes, facts about a run."""

import json
import logging
import os
import random
import signal
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from children import SCRIPTS, start

from smartnet.errors import ConfigError, DataError, ModelError
from smartnet.files import read_table
from smartnet.losses import dice_loss, dice_sums
from smartnet.networks import build, load_weights, save_model
from smartnet.training import group
from smartnet.training.data import Share, TrainingBatches, ValidationBatches
from smartnet.training.downstream import train_downstream
from smartnet.training.modules import UpstreamModule
from smartnet.training.settings import UPSTREAM, complete, complete_augmentation
from smartnet.training.upstream import train_upstream

SMART = {"heads": ["cls", "seg", "rec"], "consistency": True}
PLAIN = {"heads": ["seg", "rec"], "consistency": False}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def facts(folder):
    return json.loads((folder / "run.json").read_text())


def place(network):
    return next(network.parameters()).device.type


def changed(options, **settings):
    return {**options, "settings": {**options["settings"], **settings}}


@pytest.fixture
def downstream(options, tmp_path):
    torch.manual_seed(5)
    upstream = {**options["network"], "network": "upstream", "heads": ["cls"]}
    save_model(build(upstream), tmp_path / "up")
    return {**options, "upstream": tmp_path / "up", "task": "classification", "operator": "bilstm"}


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
    names = ["model.safetensors", "history.csv", *(["threshold.json"] if stage == "downstream" else [])]
    for name in names:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    assert not list((tmp_path / "state").glob("*"))


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
def test_the_operating_point_is_found_where_the_network_was_trained(
    downstream, tmp_path, monkeypatch, device
):
    from smartnet.training import downstream as library

    find, seen = library._operating_point, []
    monkeypatch.setattr(library, "_operating_point", lambda *args: seen.append(place(args[0])) or find(*args))
    train_downstream(**{**downstream, "gpu": int(device == "cuda")}, output=tmp_path / "out")
    assert seen == [device]


def module(options, study_slices, *, passes, processes=1, process=0, heads=("cls", "rec")):
    """A module in evaluation mode, so that no batch statistics and no dropout tell parts from a whole."""
    from smartnet.training.upstream import _module

    torch.manual_seed(3)
    model = build({**options["network"], "network": "upstream", "heads": list(heads)}).eval()
    off = complete_augmentation({"noise_variance": [0.0, 0.0]})
    settings = complete({**options["settings"], "batch_size": 5}, UPSTREAM, what="test")
    pretext = {"heads": heads, "consistency": False}
    made = _module(
        model, study_slices, options["split"], pretext=pretext, settings=settings, augmentation=off, seed=1
    )
    made.share = Share(process, processes, passes)
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
    whole = gradients(module(options, options["slices"], passes=1))
    for passes in (2, 3):
        parts = gradients(module(options, options["slices"], passes=passes))
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
        assert facts(tmp_path / str(failing))["out_of_memory"] == [{"epoch": 1, "passes": 2}]
        histories.append((tmp_path / str(failing) / "history.csv").read_bytes())
    assert histories[0] == histories[1]


def test_too_little_memory_for_anything_is_one_line(options, tmp_path):
    child = start("upstream", {**options, "pretext": SMART, "output": tmp_path}, memory=24 * 2**20)
    text = child.communicate()[0]
    assert child.returncode != 0
    assert "ModelError: out of memory even with a batch_size of 4 in 4 passes: give the job more" in text


@contextmanager
def logged(path):
    """Log to a file, as a job does."""
    handler = logging.FileHandler(path)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def test_two_processes_give_the_metrics_of_one(options, tmp_path):
    """Within 5 %: on a CPU each process has the batch statistics of its own part."""
    task = {**changed(options, batch_size=8, sampling="all"), "pretext": PLAIN, "threads": 2}
    task["augmentation"] = {"noise_variance": [0.0, 0.0]}
    train_upstream(**task, output=tmp_path / "one")
    with logged(tmp_path / "job.log"):
        train_upstream(**changed(task, devices=2), output=tmp_path / "two")
    lines = (tmp_path / "job.log").read_text().splitlines()
    assert sum("epoch 2/3:" in line for line in lines) == 1, (
        "the group speaks with one voice, where the job does"
    )
    one, two = (read_table(tmp_path / name / "history.csv") for name in ("one", "two"))
    assert one.columns.equals(two.columns) and len(one) == len(two) == 3
    for name in ("train_loss", "train_seg", "train_rec", "valid_loss"):
        assert np.allclose(one[name], two[name], rtol=0.05), (name, one[name], two[name])
    run = facts(tmp_path / "two")
    assert (run["devices"], run["threads"], run["device"]) == (2, 1, "cpu")
    seen = [f["slices_per_second"] * f["seconds"] for f in (run, facts(tmp_path / "one"))]
    assert seen[0] == pytest.approx(seen[1], abs=1)
    assert not list((tmp_path / "state").glob("*"))


def test_two_processes_while_stages_thaw(downstream, tmp_path):
    task = changed(downstream, devices=2, batch_size=4, epochs=4, constant=1.0)
    task = changed(task, learning_rate=1e-2, unfreeze={"start": 0.25, "step": 0.25})
    train_downstream(**task, output=tmp_path / "out")
    best = facts(tmp_path / "out")["best_epoch"]
    before, after = load_weights(downstream["upstream"]), load_weights(tmp_path / "out")
    learnt = {
        n.split(".")[1] for n in before if n.startswith("encoder.") and not torch.equal(before[n], after[n])
    }
    assert learnt == {f"layer{4 - k}" for k in range(best)}


def gradient_in_a_group(*, output, **_):
    """What one process of a group holds after a step with its part; run by the test below."""
    from smartnet.losses import segmentation_loss

    torch.distributed.init_process_group("gloo")
    logits, mask = (torch.load(f"{output}/{name}.pt") for name in ("logits", "mask"))
    rank = group.process()
    logits = logits[rank::2].requires_grad_()
    loss = segmentation_loss(logits, mask[rank::2])
    loss.backward()
    torch.save(logits.grad / 2, f"{output}/grad{rank}.pt")  # as DDP averages over processes
    sums = group.summed({"loss": float(loss.detach()), f"only{rank}": torch.tensor(rank + 1.0)})
    torch.save(sums, f"{output}/sums{rank}.pt")
    torch.distributed.destroy_process_group()


def test_dice_of_a_shared_batch_is_that_of_the_whole(tmp_path, monkeypatch):
    torch.manual_seed(0)
    logits, mask = torch.randn(6, 1, 8, 8), (torch.rand(6, 1, 8, 8) > 0.8).float()
    torch.save(logits, tmp_path / "logits.pt")
    torch.save(mask, tmp_path / "mask.pt")
    monkeypatch.setenv("PYTHONPATH", f"{SCRIPTS.parent}/tests/unit/training:{SCRIPTS.parent}/tests/unit")
    shared = group.grouped(gradient_in_a_group)
    shared(output=tmp_path, settings={"devices": 2}, threads=2)
    whole = logits.clone().requires_grad_()
    loss = dice_loss(dice_sums(whole, mask))
    loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(whole, mask)
    loss.backward()
    for rank in (0, 1):
        got = torch.load(tmp_path / f"grad{rank}.pt")
        assert torch.allclose(got, whole.grad[rank::2], atol=1e-7)
        sums = torch.load(tmp_path / f"sums{rank}.pt")
        assert sums["loss"] == pytest.approx(2 * loss.item(), rel=1e-5)
        assert (float(sums["only0"]), float(sums["only1"])) == (1, 2)


def test_a_failure_in_a_group_is_its_message(options, tmp_path, study):
    split = tmp_path / "split.tsv"
    split.write_text(study.split.read_text().replace("valid", "test"))
    task = changed({**options, "split": split, "pretext": PLAIN}, devices=2)
    with pytest.raises(ModelError, match=r"^no validation case can be used for upstream training: .*masks$"):
        train_upstream(**task, output=tmp_path / "out")
    with pytest.raises(DataError, match="no validation case can be used"):
        train_upstream(**changed(task, devices=1), output=tmp_path / "out")


def fails_in_one_process(*, how, **options):
    """Train in a group whose process 1 fails in the second epoch; run by the test below."""
    weighted = UpstreamModule.weighted

    def fail(self, terms):
        if self.training and self.current_epoch == 1 and group.process() == 1:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "memory":
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return weighted(self, terms) * float("nan")
        return weighted(self, terms)

    UpstreamModule.weighted = fail
    train_upstream(**options)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("nan", r"the loss is nan in epoch 1, step \d+, cases c\d\d"),
        ("memory", "out of memory with a batch_size of 4 on 2 devices in 1 passes: raise accumulate to 2"),
        ("killed", "process 1 of the group was ended by SIGKILL, as when memory runs out: give the job more"),
    ],
)
def test_the_first_failure_in_a_group_is_told_not_the_lost_connection(
    options, tmp_path, monkeypatch, how, message
):
    monkeypatch.setenv("PYTHONPATH", f"{SCRIPTS.parent}/tests/unit/training:{SCRIPTS.parent}/tests/unit")
    train = group.grouped(fails_in_one_process)
    with pytest.raises(ModelError, match=f"^{message}"):
        train(**changed(options, devices=2), pretext=PLAIN, how=how, output=tmp_path / "out")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_group_whose_launcher_is_killed_ends_and_is_taken_up(options, tmp_path):
    task = {**changed(options, epochs=30, devices=2), "pretext": PLAIN}
    train_upstream(**{**task, "state": tmp_path / "other"}, output=tmp_path / "undisturbed")
    child = start("upstream", {**task, "output": tmp_path / "killed"})
    for line in child.stdout:  # until no process of the group holds its other end
        if "epoch 3/30:" in line:
            child.kill()
    child.wait()
    assert not (tmp_path / "killed/run.json").exists()
    train_upstream(**task, output=tmp_path / "killed")
    assert 3 <= facts(tmp_path / "killed")["resumed_from"] < 30
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


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
