"""What happens around an epoch: unfreezing, history, best weights, the state for a resume."""

import logging
import math
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from smartnet.errors import ModelError
from smartnet.files import atomic_path
from smartnet.training.group import first
from smartnet.training.modules import TrainingModule
from smartnet.training.schedule import trainable_stages

logger = logging.getLogger(__name__)

STATE_FILE = "epoch.ckpt"
SAVING = 0.1  # share of a run's time that saving its state may take


class GradualUnfreezing(Callback):
    """Frozen at first what was pretrained, then one stage of the encoder after the other, deepest first.

    Args:
        start: fraction of the epochs before which everything pretrained is frozen.
        step: fraction of the epochs after which the next stage joins.
        pretrained: ``encoder``, ``seg_decoder`` (it thaws together with the deepest stage), or neither.
    """

    def __init__(self, *, start: float, step: float, pretrained: Collection[str]) -> None:
        """Keep the arguments."""
        self.start, self.step, self.pretrained = start, step, pretrained

    def on_train_epoch_start(self, trainer: Trainer, pl_module: TrainingModule) -> None:
        """Set which stages learn in this epoch."""
        stages = trainable_stages(
            trainer.current_epoch, pl_module.settings["epochs"], start=self.start, step=self.step
        )
        if "encoder" in self.pretrained:
            pl_module.network.encoder.set_trainable(stages)
        if "seg_decoder" in self.pretrained:
            pl_module.network.seg_decoder.set_trainable(bool(stages))


class Keeper(Callback):
    """Keeps history and best weights, and writes the running state after every epoch.

    Args:
        folder: of the running state.
        validate_every: epochs between validations; the last epoch is always validated.
        patience: epochs without a better validation after which training ends, None for never.
        memory: ``passes`` in which every batch is taken and the ``shortages`` behind them; kept, so that a
            resume need not run out of memory again and the facts are not lost.
        earlier: seconds that earlier processes took for the state that is taken up.
        begin: when this process began, by ``time.perf_counter()``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        validate_every: int,
        patience: int | None,
        memory: Mapping[str, Any],
        earlier: float,
        begin: float,
    ) -> None:
        """Keep the arguments."""
        self.folder, self.validate_every, self.patience = folder, validate_every, patience
        self.memory = dict(memory)
        self.earlier, self.begin = earlier, begin
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {"loss": float("inf"), "epoch": None, "weights": None}
        self.resumed_from: int | None = None  # epochs that an earlier process did
        self._saved, self._took = -math.inf, 0.0  # when the state was last saved, and how long that took

    def state_dict(self) -> dict[str, Any]:
        """What a resume needs beyond Lightning's own state."""
        seconds = self.earlier + time.perf_counter() - self.begin
        return {"history": self.history, "best": self.best, "memory": self.memory, "seconds": seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a state."""
        self.history, self.best = state_dict["history"], state_dict["best"]
        self.resumed_from = len(self.history)
        logger.info("resumed after epoch %d", self.resumed_from)

    def on_fit_start(self, trainer: Trainer, pl_module: TrainingModule) -> None:
        """Do nothing more if the state taken up is one that had come to its end."""
        if self.exhausted():
            trainer.fit_loop.max_epochs = len(self.history)

    def exhausted(self) -> bool:
        """Whether patience has run out."""
        validated = [row["epoch"] for row in self.history if "valid_loss" in row]
        if self.patience is None or not validated:
            return False
        return validated[-1] - self.best["epoch"] >= self.patience

    def on_train_epoch_start(self, trainer: Trainer, pl_module: TrainingModule) -> None:
        """Validate at the end of this epoch if it is due or the last."""
        last = trainer.current_epoch + 1 == trainer.max_epochs
        trainer.check_val_every_n_epoch = 1 if last else self.validate_every

    def on_train_epoch_end(self, trainer: Trainer, pl_module: TrainingModule) -> None:
        """Record the epoch, save the state if that is due, and say one line."""
        row: dict[str, Any] = {"epoch": trainer.current_epoch}
        row |= {f"train_{name}": value for name, value in pl_module.train_means().items()}
        if pl_module.valid_sums:
            valid = pl_module.valid_means()
            if not math.isfinite(valid["loss"]):
                raise ModelError(
                    f"the validation loss is {valid['loss']} in epoch {trainer.current_epoch}: "
                    "lower learning_rate, or look at the validation images"
                )
            row |= {f"valid_{name}": value for name, value in valid.items()}
            if valid["loss"] < self.best["loss"]:
                weights = {k: v.detach().cpu().clone() for k, v in pl_module.network.state_dict().items()}
                self.best = {"loss": valid["loss"], "epoch": trainer.current_epoch, "weights": weights}
        row["lr"] = pl_module.rate
        self.history.append(row)
        last = len(self.history) == pl_module.settings["epochs"]
        if trainer.strategy.broadcast(last or self.exhausted() or self._due()):
            self._save(trainer)
        logger.info("%s", _line(row, pl_module.settings["epochs"]))
        if self.exhausted():
            best = self.best["epoch"] + 1
            logger.info("stopped: no better validation in the %d epochs since epoch %d", self.patience, best)
            trainer.should_stop = True

    def _due(self) -> bool:
        """After every epoch, unless that is so short that the run would mostly save."""
        return time.perf_counter() - self._saved >= self._took / SAVING

    def _save(self, trainer: Trainer) -> None:
        """Write the state in one piece; all processes of a group take part, the first one writes."""
        begin = time.perf_counter()
        if first():
            with atomic_path(self.folder / STATE_FILE) as temporary:
                trainer.save_checkpoint(temporary)
        else:
            trainer.save_checkpoint(self.folder / STATE_FILE)
        self._saved = time.perf_counter()
        self._took = self._saved - begin


def _line(row: dict[str, Any], epochs: int) -> str:
    values = [f"{name} {value:.4g}" for name, value in row.items() if name != "epoch"]
    return f"epoch {row['epoch'] + 1}/{epochs}: {', '.join(values)}"


def load_state(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The state file in ``folder`` if it is whole, with ``memory`` and ``seconds``; else None and nothing."""
    path = folder / STATE_FILE
    if not path.is_file():
        return None, {}
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        kept = state["callbacks"][Keeper.__name__]
        return path, {name: kept[name] for name in ("memory", "seconds")}
    except Exception:
        logger.warning("the saved state %s is damaged: training starts anew", path)
        return None, {}
