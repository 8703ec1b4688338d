"""Reads tensors from a file that anybody may have made."""

import argparse
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from smartnet.errors import ModelError

WRAPPERS = ("model_state_dict", "state_dict")
DATA_PARALLEL = "module."


def read_tensors(path: Path | str) -> dict[str, torch.Tensor]:
    """Read a state dict, alone or within a checkpoint, as torch or safetensors wrote it.

    Optimizer, epoch and whatever else lies in a checkpoint are left out, and so is the prefix ``module.`` of
    networks that were trained on several GPUs.

    Args:
        path: file of any name; its content tells the format.

    Returns:
        tensors by name, on the CPU, in the file's order.

    Raises:
        ModelError: no such file, not whole, no state dict, or a pickle that would run code.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): give the path of a file of weights"
        ) from None
    tensors = _state_dict(_safetensors(path) if head[8:] == b"{" else _torch(path), path)
    if all(name.startswith(DATA_PARALLEL) for name in tensors):
        tensors = {name.removeprefix(DATA_PARALLEL): value for name, value in tensors.items()}
    return tensors


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError:
        raise ModelError(f"{path} is no whole safetensors file: get it again") from None


def _torch(path: Path) -> Any:
    """Unpickle tensors and plain containers; the release's ``args``, a Namespace, is as plain as a dict."""
    _refuse_bomb(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # of odd protocols; what cannot be read is said below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a foreign file makes of a reader
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted:
            raise ModelError(
                f"{path} is refused, because reading it would run {wanted[1]}, which weights do not need: "
                "if it is your own, save its state dict alone"
            ) from None
        raise ModelError(
            f"{path} is no whole checkpoint of PyTorch, nor a safetensors file: get it again"
        ) from None


def _refuse_bomb(path: Path) -> None:
    """PyTorch stores tensors as they are, so what a file unpacks to is never more than the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # the format before PyTorch 1.6, or damaged
    size = path.stat().st_size
    if unpacked > size:
        raise ModelError(
            f"{path} would unpack from {size} to {unpacked} bytes, and PyTorch never packs: get it again"
        )


def _state_dict(content: Any, path: Path) -> dict[str, torch.Tensor]:
    found = content
    if isinstance(content, Mapping):
        found = next((content[key] for key in WRAPPERS if key in content), content)
    if not isinstance(found, Mapping) or not found:
        raise ModelError(
            f"{path} holds no weights: a state dict is needed, alone or as {' or '.join(WRAPPERS)}"
        )
    for name, value in found.items():
        if not isinstance(name, str) or not _plain(value):
            raise ModelError(
                f"{path} holds no state dict: {str(name)[:80]!r} is a {type(value).__name__}, but tensors of "
                f"real numbers are needed, alone or as {' or '.join(WRAPPERS)}"
            )
    return {name: value.detach() for name, value in found.items()}


def _plain(value: Any) -> bool:
    """Whether a value is a tensor of real numbers that are all in the file (none repeated by its strides)."""
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.device.type != "cpu":
        return False
    if value.is_quantized or not (value.is_floating_point() or value.dtype == torch.int64):
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()
