"""Networks on disk: weights as safetensors, the architecture as JSON; nothing is ever unpickled."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from smartnet.errors import ModelError
from smartnet.files import read_json, write_bytes, write_json

WEIGHTS = "model.safetensors"
ARCHITECTURE = "model.json"


def save_model(model: nn.Module, folder: Path | str) -> None:
    """Write ``model.safetensors`` and ``model.json`` into ``folder``; equal networks are equal bytes."""
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().contiguous() for name, value in sorted(model.state_dict().items())}
    write_bytes(save(tensors), Path(folder) / WEIGHTS)
    write_json(model.architecture, Path(folder) / ARCHITECTURE)


def load_weights(folder: Path | str) -> dict[str, torch.Tensor]:
    """Read the tensors of a saved network.

    Raises:
        ModelError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(folder) / WEIGHTS
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ModelError(f"no weights at {path}: train the network first") from None
    except SafetensorError as error:
        raise ModelError(
            f"{path} is no whole safetensors file ({error}): delete it and train again"
        ) from None


def load_model(folder: Path | str) -> nn.Module:
    """Read a saved network, in evaluation mode, on the CPU.

    Raises:
        ModelError: if files are missing or damaged, or the weights are not those of the architecture.
    """
    from smartnet.networks import build

    path = Path(folder) / ARCHITECTURE
    try:
        architecture = read_json(path)
    except FileNotFoundError:
        raise ModelError(f"no architecture at {path}: give the folder that training wrote") from None
    except ValueError as error:
        raise ModelError(f"{path} is no JSON ({error}): train the network again") from None
    with torch.random.fork_rng(devices=[]):
        model = build(architecture)
    fit_weights(model, load_weights(folder), Path(folder) / WEIGHTS)
    return model.eval()


def tensors_of(tensors: Mapping[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    """Take the tensors of one part of a network, without the part's name; none if it has no such part."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def fit_weights(module: nn.Module, tensors: dict[str, torch.Tensor], source: Path | str) -> None:
    """Load ``tensors`` into ``module``; every name and shape must be there.

    Raises:
        ModelError: naming the first tensor that does not fit.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() | tensors.keys()):
        have = tuple(tensors[name].shape) if name in tensors else "nothing"
        want = tuple(wanted[name].shape) if name in wanted else "nothing"
        if have != want:
            shown = name.encode("unicode_escape").decode()  # a message is one line
            raise ModelError(f"{source} does not fit the network: {shown} is {have}, expected {want}")
    module.load_state_dict(tensors)
