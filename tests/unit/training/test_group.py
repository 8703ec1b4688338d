"""Several processes that train one network: what they give, and what is told when they fail."""

import logging
import os
import signal
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from children import SCRIPTS, start
from study_runs import changed, facts, states_after_use

from smartnet.errors import DataError, ModelError
from smartnet.experiments import PRETEXTS
from smartnet.files import read_table
from smartnet.losses import dice_loss, dice_sums
from smartnet.networks import load_weights
from smartnet.training import group
from smartnet.training.downstream import train_downstream
from smartnet.training.modules import UpstreamModule
from smartnet.training.upstream import train_upstream

PLAIN = {"heads": ["seg", "rec"], "consistency": False}


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
    assert not states_after_use(tmp_path)


def train_without_statistics(**options):
    """Train with BatchNorm and dropout in evaluation, so that parts tell nothing; run by the test below."""

    def still(self, batch, batch_idx):
        for layer in self.modules():
            if isinstance(layer, (torch.nn.BatchNorm2d, torch.nn.Dropout)):
                layer.eval()
        return start_step(self, batch, batch_idx)

    start_step, UpstreamModule.on_train_batch_start = UpstreamModule.on_train_batch_start, still
    try:
        train_upstream(**options)
    finally:
        UpstreamModule.on_train_batch_start = start_step


def test_two_processes_give_the_weights_of_one_where_no_statistics_part_them(options, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{SCRIPTS.parent}/tests/unit/training:{SCRIPTS.parent}/tests/unit")
    task = {**changed(options, epochs=2, batch_size=5), "pretext": PRETEXTS["smartnet"]}
    task["augmentation"] = {"noise_variance": [0.0, 0.0]}
    train_without_statistics(**task, output=tmp_path / "one")
    group.grouped(train_without_statistics)(**changed(task, devices=2), output=tmp_path / "two")
    one, two = (load_weights(tmp_path / name) for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-4)


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
    task = {**changed(options, epochs=12, devices=2), "pretext": PLAIN}
    train_upstream(**{**task, "state": tmp_path / "other"}, output=tmp_path / "undisturbed")
    child = start("upstream", {**task, "output": tmp_path / "killed"})
    for line in child.stdout:  # until no process of the group holds its other end
        if "epoch 3/12:" in line:
            child.kill()
    child.wait()
    assert not (tmp_path / "killed/run.json").exists()
    train_upstream(**task, output=tmp_path / "killed")
    assert 1 <= facts(tmp_path / "killed")["resumed_from"] < 12
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
