"""A run on disk and back: network.json, weights.safetensors, and what they answer. No pickle is ever read."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from engine.classic.nearest import NearestNeighbour
from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.data.colour import Picture
from engine.data.contracts import distinct, pack, stage_a, unpack
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.networks import files
from engine.networks.build import build_empty
from engine.networks.layers import AnyNetwork, NamedNetwork
from engine.project import runs
from engine.project.database import class_names
from engine.project.records import RunRecord
from engine.training import seen
from engine.training.checkpoint import METADATA, checksum
from engine.training.inference import logits_of
from engine.training.quick import quicken

NETWORK = "network.json"
WEIGHTS = "weights.safetensors"
FULL = errno.ENOSPC, errno.EDQUOT


class Member(NamedTuple):
    """A run of an ensemble, and for each class of the ensemble its place among the run's."""

    run: LoadedRun
    columns: tuple[int, ...]


class LoadedRun(NamedTuple):
    """A run ready to classify. Its own copy: no other thread changes its weights.

    Attributes
    ----------
    network, module : Network or NamedNetwork, torch.nn.Module, or None
        None for the classic classifiers. The module is in evaluation mode, on `device`.
    neighbours : NearestNeighbour or None
        The classic classifier.
    trained_as : tuple of str
        What the classes were called when it was trained; the record has the names that they have now.
    members : tuple of Member
        Of an ensemble, which has neither module nor neighbours of its own.
    """

    record: RunRecord
    device: torch.device
    network: AnyNetwork | None
    module: nn.Module | None
    neighbours: NearestNeighbour | None
    normalise: Normalise
    trained_as: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the probabilities."""
        return self.record.classes

    @property
    def contracts(self) -> tuple[Preprocessing, ...]:
        """What pictures must go through to be classified: one contract, or those of an ensemble whose members differ in it."""
        return contracts_of(self.members) if self.members else (self.record.preprocessing,)

    def taken(self, read: Callable[[Preprocessing], Picture]) -> Picture:
        """One picture as `probabilities` takes it, but for its first axis; `read` gives it at the working size of a contract."""
        packed: Picture = pack([read(contract)[None] for contract in self.contracts])[0]
        return packed

    def trained_on(self, pixels: Picture, token: CancelToken) -> seen.Mask | None:
        """Which of the pictures the run, or a member of it, was trained on, bool [N]; None where nobody kept word of that."""
        if not self.members:
            return seen.among(Path(self.record.folder), pixels, token)
        parts = unpack(pixels, self.contracts)
        said = [member.run.trained_on(parts[place_of(member, self.contracts)], token) for member in self.members]
        known = [mask for mask in said if mask is not None]
        return np.logical_or.reduce(known) if known else None

    def probabilities(self, pixels: np.ndarray, token: CancelToken | None = None) -> np.ndarray:
        """Class probabilities, float32 [N, K], of uint8 [N, H, W, C] at working size; rows sum to 1.

        Where there are several `contracts`, pixels are those of each, as `engine.data.contracts.pack` lays them side by side.

        Raises
        ------
        Cancelled
            If the token was cancelled.
        """
        token = token or CancelToken()
        if self.neighbours is not None:
            return self.neighbours.predict_proba(pixels, token)
        if self.members:
            from engine.training.ensembles import mean_of

            return mean_of(self.members, pixels, token)
        if self.module is None:
            raise ValueError("a run without a classifier")
        if len(pixels) == 0:
            return np.zeros((0, len(self.classes)), np.float32)
        logits = logits_of(self.module, as_tensor(pixels), self.normalise, token)
        answer: np.ndarray = logits.softmax(dim=1).numpy()
        return answer


def contracts_of(members: tuple[Member, ...]) -> tuple[Preprocessing, ...]:
    """The contracts of members, each once as far as pixels go."""
    return distinct([member.run.record.preprocessing for member in members])


def place_of(member: Member, contracts: tuple[Preprocessing, ...]) -> int:
    """Which of the contracts is a member's."""
    own = stage_a(member.run.record.preprocessing)
    return next(place for place, contract in enumerate(contracts) if stage_a(contract) == own)


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    """The same memory as a tensor; a copy where the array may not be written, of which torch would warn."""
    return torch.from_numpy(np.ascontiguousarray(pixels) if pixels.flags.writeable else pixels.copy())


def save_network(folder: Path, network: AnyNetwork) -> None:
    """Write network.json."""
    runs.write_whole(folder / NETWORK, files.dump(network))


def save_weights(folder: Path, module: nn.Module, record: RunRecord) -> None:
    """Write weights.safetensors; its metadata say what is needed to use the weights elsewhere."""
    save_state(folder, module.state_dict(), record)


def save_state(folder: Path, values: dict[str, torch.Tensor], record: RunRecord) -> None:
    """As `save_weights`, with what a module's `state_dict` gave."""
    state = _apart({name: value.detach().to("cpu").contiguous() for name, value in values.items()})
    facts = {
        "network": record.network,
        "title": record.title,
        "classes": record.classes,
        "preprocessing": record.preprocessing,
        "recipe": record.recipe,
        "checksum": checksum("", state),
    }
    # one entry: safetensors writes several in an order that changes, and the same weights should give the same file
    metadata = {METADATA: msgspec.json.encode(facts).decode()}
    data = save(state, metadata)
    try:
        runs.write_whole(folder / WEIGHTS, data)
    except OSError as error:
        if error.errno not in FULL or not all((folder / name).is_file() for name in (runs.CHECKPOINT, runs.CHECKPOINT_BEFORE)):
            raise
        (folder / runs.CHECKPOINT_BEFORE).unlink()  # what was learned is worth more than a second state to go on from
        runs.write_whole(folder / WEIGHTS, data)


def _apart(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same values, each in memory of its own: safetensors refuses what shares memory, as other libraries' networks may."""
    seen: set[int] = set()
    for name, value in state.items():
        place = value.untyped_storage().data_ptr()
        if place in seen:
            state[name] = value.clone()
        seen.add(place)
    return state


def load_run(folder: str | Path, device: torch.device | str = "cpu") -> LoadedRun:
    """Load a run for classifying.

    Raises
    ------
    UserError
        If the folder is no run, or a file of it is missing or damaged.
    """
    place, where = Path(folder), torch.device(device)
    record = runs.load_record(place)
    _check_record(record, place)
    trained_as = record.classes
    if record.class_ids:
        record = runs.named(record, class_names(place.absolute().parent.parent))
    if record.members:
        from engine.training.ensembles import load_ensemble

        return load_ensemble(record, place, where, trained_as)
    normalise = Normalise(record.preprocessing, where)
    weights = place / WEIGHTS
    if not weights.is_file() and record.outcome == runs.INTERRUPTED:
        raise UserError(
            f"The training of run {place.name} was interrupted before it had finished an epoch.", "Resume it on the Train page."
        )
    if not weights.is_file():
        raise UserError(f"The run {place.name} has no file {WEIGHTS}.", "Train again, or restore it from a copy.")
    if not (place / NETWORK).is_file():
        if record.parameters:
            raise UserError(f"The run {place.name} has no file {NETWORK}.", "Train again, or restore it from a copy.")
        return LoadedRun(record, where, None, None, NearestNeighbour.load(weights, where), normalise, trained_as)
    network = load_network(place)
    shape = (record.preprocessing.channels, record.preprocessing.height, record.preprocessing.width)
    if network.classes != len(record.classes) or network.input != shape:
        raise UserError(f"The network of run {place.name} does not fit its record.", "Train again, or restore it from a copy.")
    module = build_empty(network)
    put_weights(module, weights, network)
    module = quicken(module.to(where).eval().requires_grad_(False), where)
    return LoadedRun(record, where, network, module, None, normalise, trained_as)


def load_network(folder: Path) -> AnyNetwork:
    """Read a run's network.json.

    Raises
    ------
    UserError
        If it is missing or damaged.
    """
    remedy = "Train again, or restore it from a copy."
    if not (folder / NETWORK).is_file():
        raise UserError(f"The run {folder.name} has no file {NETWORK}.", remedy)
    try:
        return files.load_any(folder / NETWORK)
    except (UserError, OSError) as error:
        reason = error.message if isinstance(error, UserError) else f"{error.strerror}."
        raise UserError(f"The network of run {folder.name} is damaged: {reason}", remedy) from None


def put_weights(module: nn.Module, weights: Path, network: AnyNetwork) -> None:
    """Put a run's weights into a module of its network, in place.

    Raises
    ------
    UserError
        If they are damaged, or those of another network.
    """
    try:
        with safe_open(weights, "pt") as file:
            values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            kept = msgspec.json.decode((file.metadata() or {}).get(METADATA, "{}")).get("checksum")
        if kept is not None and kept != checksum("", values):
            raise ValueError("their checksum is not that of their values")
        module.load_state_dict(values)
    except (SafetensorError, OSError, RuntimeError, ValueError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0]
        made = f" They were learned with {network.library} {network.made_with}." if isinstance(network, NamedNetwork) else ""
        raise UserError(f"The weights {weights} are damaged ({reason}).{made}", "Train again, or restore them from a copy.") from None


def _check_record(record: RunRecord, place: Path) -> None:
    preprocessing = record.preprocessing
    sizes = min(preprocessing.height, preprocessing.width) >= 1
    if not sizes or len(preprocessing.mean) != preprocessing.channels or len(preprocessing.std) != preprocessing.channels:
        raise UserError(f"The preprocessing of run {place.name} makes no sense.", "Train again, or restore it from a copy.")
    if not record.classes or min(preprocessing.std) <= 0:
        raise UserError(f"The record of run {place.name} makes no sense.", "Train again, or restore it from a copy.")
