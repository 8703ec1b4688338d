"""Lightning runs the loops: one fit, taken up where it was left, and in more passes where memory is short."""

import logging
import signal
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import TorchCheckpointIO
from lightning.pytorch.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException

from smartnet.errors import ModelError
from smartnet.training import group
from smartnet.training.callbacks import Keeper, load_state
from smartnet.training.data import Share
from smartnet.training.modules import TrainingModule
from smartnet.training.runs import release_memory

logger = logging.getLogger(__name__)

PRECISION = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
NO_MEMORY = (
    "can't allocate memory",
    "out of memory",  # of CUDA, by its driver or by torch
    "status_alloc_failed",  # cuBLAS and cuDNN
    "could not create a primitive",  # oneDNN, whatever was missing; in practice memory
)


def fit(
    module: TrainingModule, *, state: Path, device: str, callbacks: Sequence[Any] = ()
) -> tuple[Keeper, dict[str, Any]]:
    """Train, taking up a saved state where there is one; the network ends with its best weights.

    Where memory does not suffice for a batch, it is taken in twice as many passes from the last finished
    epoch on; the optimiser still steps once per batch.

    Args:
        module: what to train.
        state: folder of the running state.
        device: ``cpu`` or ``cuda``.
        callbacks: beyond the keeper.

    Returns:
        the keeper, with history and best epoch, and facts for ``run.json``.

    Raises:
        ModelError: a loss that is not finite, or too little memory for the smallest part of a batch.
    """
    settings, begin = module.settings, time.perf_counter()
    untrained = {name: value.clone() for name, value in module.network.state_dict().items()}
    memory: dict[str, Any] = {"passes": settings["accumulate"], "shortages": []}
    resumed: list[int | None] = []  # per attempt; the later ones go on in this very process
    while True:
        saved, kept = load_state(state)
        if not resumed:
            earlier = kept.get("seconds", 0.0)
        known = kept.get("memory", memory)
        memory = known if known["passes"] > memory["passes"] else memory
        keeper = Keeper(
            state,
            validate_every=settings["validate_every"],
            patience=settings["patience"],
            memory=memory,
            earlier=earlier,
            begin=begin,
        )
        module.share = Share(group.process(), settings["devices"], memory["passes"])
        trainer = _trainer(settings, device=device, passes=memory["passes"], state=state)
        trainer.callbacks += [keeper, *callbacks]
        fitted = _fits(trainer, module, saved)
        resumed.append(keeper.resumed_from)
        if fitted:
            break
        del trainer
        release_memory()
        memory = _more_passes(memory, module, epoch=len(keeper.history))
        module.network.load_state_dict(untrained)  # a saved state, if there is one, comes over it
    module.network.load_state_dict(keeper.best["weights"])
    return keeper, {
        "epochs": len(keeper.history),
        "best_epoch": keeper.best["epoch"],
        "resumed_from": resumed[0],
        "precision": trainer.precision,
        "devices": settings["devices"],
        "gpu_used": settings["devices"] if device == "cuda" else 0,
        "passes": memory["passes"],
        "out_of_memory": memory["shortages"],
        "data_wait": round(module.waited / (time.perf_counter() - begin), 6),
    }


class PlainWriter(TorchCheckpointIO):
    """Writes a state at once: the file is renamed when whole, so no copy in memory is needed before."""

    def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        """Write ``checkpoint`` to ``path``."""
        with Path(path).open("wb") as file:  # a full disk is an OSError here; torch's own writer hides it
            torch.save(checkpoint, file)


def _trainer(settings: dict[str, Any], *, device: str, passes: int, state: Path) -> Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no tips, no device table
    warnings.filterwarnings("ignore", module=r"lightning\.pytorch\.utilities\._pytree")  # its own affair
    warnings.filterwarnings("ignore", message="The `srun` command is available")  # not here
    alone = settings["devices"] == 1
    precision = settings["precision"]
    if precision == "fp16" and device == "cpu":
        logger.warning("fp16 is for GPUs: this run on the CPU is in bf16")
        precision = "bf16"
    return Trainer(
        accelerator=device,
        devices=settings["devices"],
        # stages thaw while the run goes on, so which parameters have a gradient changes
        strategy="auto" if alone else DDPStrategy(find_unused_parameters=True),
        # the scheduler's variables are none of its business
        plugins=[LightningEnvironment() if alone else TorchElasticEnvironment(), PlainWriter()],
        sync_batchnorm=device == "cuda" and not alone,
        precision=PRECISION[precision],
        accumulate_grad_batches=passes,
        max_epochs=settings["epochs"],
        deterministic=True if device == "cpu" else "warn",
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=state,
    )


def _fits(trainer: Trainer, module: TrainingModule, saved: Path | None) -> bool:
    """Train; False if memory ran out (what the attempt held is free again)."""
    try:
        trainer.fit(module, ckpt_path=saved, weights_only=True)
    except SIGTERMException:  # Lightning would end with status 0, as if all were done
        logger.warning("told to end: the next run goes on after the last epoch that was saved")
        raise SystemExit(128 + signal.SIGTERM) from None
    except (RuntimeError, MemoryError) as error:
        text = str(error).lower()
        if not isinstance(error, MemoryError) and not any(sign in text for sign in NO_MEMORY):
            raise
        logger.info("%s", str(error).partition("\n")[0])
    else:
        return True
    module.zero_grad(set_to_none=True)
    module.trainer = None  # which holds on to tensors
    return False


def _more_passes(memory: dict[str, Any], module: TrainingModule, *, epoch: int) -> dict[str, Any]:
    """Double the passes in which a batch is taken, and say so.

    Raises:
        ModelError: the largest batch cannot be divided further, saying what was tried.
    """
    tried, size, devices = memory["passes"], module.settings["batch_size"], module.settings["devices"]
    passes = 2 * tried
    if devices > 1:
        raise ModelError(
            f"out of memory with a batch_size of {size} on {devices} devices in {tried} passes: raise "
            f"accumulate to {passes}, or lower batch_size"
        )
    if passes > module.largest_batch():
        raise ModelError(
            f"out of memory even with a batch_size of {size} in {tried} passes: give the job more memory "
            "(mem_mb, a larger GPU), or lower max_slices (of a validation pass), preprocess.size or "
            "network.width"
        )
    logger.warning(
        "out of memory in epoch %d: each batch of %d is now taken in %d passes", epoch + 1, size, passes
    )
    return {"passes": passes, "shortages": [*memory["shortages"], {"epoch": epoch, "passes": passes}]}
