"""Layers that keep their weights while others learn, for good or for some epochs; and a network's parts from first to last."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from torch import nn

from engine.failure import UserError


def freeze(module: nn.Module, learn: Collection[str]) -> None:
    """Let only the parameters of these names learn; where none has one, those of the last layer that has any.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    learn : collection of str
        Dotted names.
    """
    named = dict(module.named_parameters())
    chosen = {name for name in named if name in learn}
    if not chosen and named:
        last = next(reversed(named)).rpartition(".")[0]
        chosen = {name for name in named if name.rpartition(".")[0] == last}
    for name, parameter in named.items():
        parameter.requires_grad_(name in chosen)


def keep(module: nn.Module, names: Iterable[str]) -> None:
    """Let the layers or containers of these dotted names keep their weights.

    Raises
    ------
    UserError
        If there is no such layer, it has no weights, or nothing is left that could learn.
    """
    for name in names:
        try:
            part = module.get_submodule(name)
        except AttributeError:
            raise UserError(f'The network has no layer "{name}" that could be frozen.', "Name one as the Model page does.") from None
        if not name or next(part.parameters(), None) is None:
            raise UserError(f'The layer "{name}" has no weights that could be frozen.', "Name another one, or none.")
        part.requires_grad_(False)
    if not learning(module):
        raise UserError("All layers are frozen, so nothing could learn.", "Leave one of them out of those to freeze.")


def keep_norms(module: nn.Module) -> None:
    """Let batch norms keep what they have: scales, shifts, means and deviations."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.requires_grad_(False)


def to_training(module: nn.Module) -> None:
    """Set a module to training mode; parts that keep their weights stay as they classify, batch norm's means and dropout among them."""
    module.train()
    for part in module.modules():
        if is_frozen(part):
            part.eval()


def is_frozen(part: nn.Module) -> bool:
    """Whether a module has parameters and none of them learns."""
    parameters = list(part.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)


def learning(module: nn.Module) -> int:
    """How many values learn."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def parts_of(module: nn.Module) -> list[list[nn.Parameter]]:
    """A network's parameters by part, from the first to the last, each of them once.

    A part is what stands in a row: a layer, or a block whose paths meet; rows of blocks are opened. What has but biases, scales or shifts
    belongs to the part before it, as a norm to its convolution.
    """
    parts: list[list[nn.Parameter]] = []
    seen: set[int] = set()
    for piece in _pieces(module):
        fresh = [parameter for parameter in piece if id(parameter) not in seen]
        seen.update(id(parameter) for parameter in fresh)
        if parts and all(parameter.ndim <= 1 for parameter in fresh):
            parts[-1].extend(fresh)
        elif fresh:
            parts.append(fresh)
    return parts


def _pieces(module: nn.Module) -> Iterable[list[nn.Parameter]]:
    own = list(module.parameters(recurse=False))
    if own:
        yield own
    for child in module.children():
        if type(child) in (nn.Sequential, nn.ModuleList):
            yield from _pieces(child)
        else:
            yield list(child.parameters())


class Thawing:
    """Gradual unfreezing: first the last part alone learns, then one more every so many epochs (Howard and Ruder 2018, section 3.3).

    Parameters
    ----------
    module : torch.nn.Module
        What does not learn in it now never will.
    every : int
        Epochs from one part to the next; 0 lets all learn at once.
    """

    def __init__(self, module: nn.Module, every: int) -> None:
        self._every = every
        parts = [[parameter for parameter in part if parameter.requires_grad] for part in parts_of(module)]
        self._parts = [part for part in parts if part]

    def at(self, epoch: int) -> None:
        """Let those learn that do so in an epoch, counted from 1."""
        if not self._every:
            return
        count = 1 + (epoch - 1) // self._every
        for place, part in enumerate(reversed(self._parts)):
            for parameter in part:
                parameter.requires_grad_(place < count)

    def all(self) -> None:
        """Let all learn that ever do, so that another training finds the module as it was."""
        for part in self._parts:
            for parameter in part:
                parameter.requires_grad_(True)
