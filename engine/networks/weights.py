"""Weights that were learned elsewhere: from a file or fetched, matched to a network, put into its module."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import torch
from torch import nn
from torch.nn import functional

from engine.control import CancelToken
from engine.data.downloading import Meter, Tell
from engine.messages import CheckWeights, JobProgress, WeightsChecked
from engine.networks.build import skeleton
from engine.networks.layers import AnyNetwork
from engine.networks.libraries import Input, named, wanted_input
from engine.networks.pretrained import PRETRAINED, Offered, fetched, offered
from engine.networks.resolve import resolve_any
from engine.networks.weights_files import Weights, read_weights
from engine.networks.weights_matching import How, Match, match, shapes_of

if TYPE_CHECKING:
    from engine.session import Emit, Session

MEGABYTE = 1e6


class Learned(NamedTuple):
    """Weights that are matched to a network and wait to be put into its module.

    Attributes
    ----------
    input : Input or None
        How the pictures were prepared that they were learned on, where that is known.
    """

    match: Match
    weights: Weights
    input: Input | None


def check_weights(session: Session, command: CheckWeights, token: CancelToken, emit: Emit) -> None:
    """Answer CheckWeights. Nothing is fetched: of weights that are not at hand yet it is told what will fit.

    Raises
    ------
    UserError
        If the file is no file of weights, or one of another network.
    NetworkError
        If there is no such network.
    """
    network = resolve_any(_file_of(session, command.network), command.input, command.classes)
    at_hand = True
    if command.weights == PRETRAINED:
        there = offered(network)
        at_hand = there.path.is_file()
        weights = read_weights(there.path) if at_hand else _as_promised(there)
    else:
        weights = read_weights(command.weights)
    token.check()
    found = match(network, weights)
    emit(
        WeightsChecked(
            network=command.network,
            weights=command.weights,
            source=found.source,
            taken=found.parameters,
            total=found.total,
            new=found.new,
            unused=found.unused,
            at_hand=at_hand,
        )
    )


def learned(network: AnyNetwork, weights: str, token: CancelToken, emit: Emit) -> Learned:
    """Read weights, or fetch them, and match them to a network.

    Parameters
    ----------
    network : AnyNetwork
        Which shall have them.
    weights : str
        A file, or "pretrained".
    token : CancelToken
        Checked while fetching.
    emit : callable
        Gets JobProgress while fetching.

    Raises
    ------
    UserError
        If they cannot be had, cannot be read, or are those of another network.
    Cancelled
        If it was cancelled.
    """
    word = ""
    if weights == PRETRAINED:
        there = fetched(network, token, _teller(emit))
        weights, word = str(there.path), there.word
    read = read_weights(weights)
    found = match(network, read)
    return Learned(found, read, _input_of(found, read, word))


def put(module: nn.Module, learned: Learned) -> None:
    """Put weights into a module in place; what they do not have stays as it is."""
    state = module.state_dict()
    with torch.no_grad():
        for name, (theirs, how) in learned.match.taken.items():
            own = state[name]
            own.copy_(_in_shape(learned.weights.state[theirs], own.shape, how))


def sentences(learned: Learned) -> tuple[str, ...]:
    """What was taken and what begins anew, for people."""
    found = learned.match
    said = [f"{found.parameters:,} of {found.total:,} parameters come from {learned.weights.name} ({found.source})."]
    words = {"channels": "the first layer's filters are fitted to the pictures' channels", "places": "positions are interpolated"}
    said.extend(f"Other than in the file, {words[how]} ({layer})." for layer, how in found.changed.items())
    if found.new:
        more = f" and {len(found.new) - 4} more" if len(found.new) > 4 else ""
        said.append(f"These layers begin anew: {', '.join(found.new[:4])}{more}.")
    return tuple(said)


def _in_shape(value: torch.Tensor, shape: torch.Size, how: How) -> torch.Tensor:
    if how == "channels":
        value = value.float()
        return value.sum(1, keepdim=True) if shape[1] == 1 else value.expand(-1, shape[1], -1, -1) / shape[1]
    if how == "places":
        return _at_other_places(value.float(), shape[1])
    return value.reshape(shape)


def _at_other_places(rows: torch.Tensor, number: int) -> torch.Tensor:
    """Rows for the places of one grid, [1, L, D], as rows for those of another; class tokens in front stay as they are.

    Both grids must be square behind equally many tokens; where they are not, rows are interpolated along their list.
    """
    for extra in range(8):
        old, new = math.isqrt(max(0, rows.shape[1] - extra)), math.isqrt(max(0, number - extra))
        if old and new and old * old == rows.shape[1] - extra and new * new == number - extra:
            grid = rows[:, extra:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
            moved = functional.interpolate(grid, (new, new), mode="bicubic", antialias=True).permute(0, 2, 3, 1)
            return torch.cat((rows[:, :extra], moved.reshape(1, new * new, -1)), dim=1)
    return functional.interpolate(rows.transpose(1, 2), number, mode="linear").transpose(1, 2)


def _input_of(found: Match, weights: Weights, word: str) -> Input | None:
    """How pictures were prepared: by what a run of our own says, else by the library's word for the weights."""
    kept = weights.facts.get("preprocessing")
    if isinstance(kept, dict):
        mean, deviation, side = kept.get("mean"), kept.get("std"), kept.get("height")
        if _are_numbers(mean) and _are_numbers(deviation) and isinstance(side, int) and len(mean) == len(deviation) and min(deviation) > 0:
            return Input(side, tuple(map(float, mean)), tuple(map(float, deviation)), 1.0)
    known = word or found.word
    return wanted_input(known) if known else None


def _are_numbers(value: object) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) in (1, 3) and all(isinstance(item, int | float) and math.isfinite(item) for item in value)


def _as_promised(there: Offered) -> Weights:
    """Weights that are not at hand, by what the library's own network has."""
    state = skeleton(named(there.word)).state_dict()
    return Weights(there.path.name, {name: state[name] for name in shapes_of(state)}, True, {})


def _file_of(session: Session, network: str) -> str:
    from engine.project.networks import OWN, path_of

    return str(path_of(session.opened(), network)) if network.startswith(OWN) else network


def _teller(emit: Emit) -> Tell:
    meter = Meter()

    def tell(done: int, total: int | None) -> None:
        meter.add(done)
        size = f"{done / MEGABYTE:,.0f} of {total / MEGABYTE:,.0f} MB" if total else f"{done / MEGABYTE:,.0f} MB"
        emit(
            JobProgress(
                fraction=done / total if total else None, text=f"Fetching weights: {size}", seconds_left=meter.seconds_left(done, total)
            )
        )

    return tell
