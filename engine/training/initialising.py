"""Other ways to begin than the one that suits each layer (`engine.networks.build.initialise`), to see what they do."""

from __future__ import annotations

import math

import torch
from torch import nn

from engine.failure import UserError
from engine.networks.modules.containers import Residual
from engine.networks.modules.historic import PartialConv
from engine.training.recipe import Initialisation, Recipe

PASSING = (nn.Identity, nn.Dropout, nn.Dropout2d)


def begin(module: nn.Module, recipe: Recipe) -> None:
    """Set the first weights as the recipe says; the module has those that suit it already.

    Raises
    ------
    UserError
        If residual blocks should begin as the identity, and there are none.
    """
    if recipe.initialisation == "identity":
        pass_on(module)
    elif recipe.initialisation != "suited":
        draw(module, recipe.initialisation, recipe.seed)
    if recipe.zero_residual:
        close_residuals(module)


@torch.no_grad()
def draw(module: nn.Module, kind: Initialisation, seed: int) -> None:
    """Draw the weights of all convolutions and linear layers from one normal distribution a layer; their biases become 0.

    Variances are 2/n for "kaiming" (He et al. 2015, equation 10), 2/(n + m) for "xavier" (Glorot and Bengio 2010, equation 12), 1/n for
    "fan-in" (LeCun et al. 1998, Efficient BackProp, equation 16) and 1 for "normal", where n inputs go into a unit, and its inputs into
    m units.

    Parameters
    ----------
    module : torch.nn.Module
        On the CPU.
    kind : str
        As in Recipe; "suited" is not drawn here.
    seed : int
        Of a generator of its own.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            entering = part.weight[0].numel()
            groups = part.groups if isinstance(part, nn.Conv2d) else 1
            leaving = part.weight.numel() // part.weight.shape[1] // groups
            deviation: float | torch.Tensor = _deviation(kind, entering, leaving)
        elif isinstance(part, PartialConv):
            kernel = part.weight[0].numel()
            inputs = [len(part.table[number]) * kernel for number, seen in enumerate(part.table) for _ in seen]
            into = [sum(channel in seen for seen in part.table) * kernel for one in part.table for channel in one]
            values = [_deviation(kind, fan_in, fan_out) for fan_in, fan_out in zip(inputs, into, strict=True)]
            deviation = torch.tensor(values)[:, None, None]
        else:
            continue
        part.weight.copy_(deviation * torch.randn(part.weight.shape, generator=generator))
        if part.bias is not None:
            part.bias.zero_()


def _deviation(kind: Initialisation, entering: int, leaving: int) -> float:
    if kind == "kaiming":
        return math.sqrt(2 / entering)
    if kind == "xavier":
        return math.sqrt(2 / (entering + leaving))
    return 1.0 if kind == "normal" else math.sqrt(1 / entering)


@torch.no_grad()
def pass_on(module: nn.Module) -> None:
    """Let the first filters of each convolution pass its channels on as they are (Zagoruyko and Komodakis 2017, DiracNets).

    As many filters as there are channels, at most all; the others keep their weights. Convolutions of groups, and of one that an even
    kernel has no middle for, stay as they are.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.groups == 1 and all(side % 2 for side in part.kernel_size):
            nn.init.dirac_(part.weight[: part.in_channels])


@torch.no_grad()
def close_residuals(module: nn.Module) -> None:
    """Let each residual block begin as its shortcut: the last layer with weights of its body becomes 0.

    Where that is a norm, its scale (Goyal et al. 2017, section 5.1); where norms come first in a body, the convolution or linear layer at
    its end (Zhang et al. 2019, Fixup, section 3). Blocks of torchvision count as ours do.

    Raises
    ------
    UserError
        If there is no block that can.
    """
    found = False
    for part in module.modules():
        last = _last(part)
        if last is not None:
            found = True
            last.weight.zero_()  # type: ignore[operator]
            if last.bias is not None:
                last.bias.zero_()  # type: ignore[operator]
    if not found:
        raise UserError("The network has no residual blocks that could begin as the identity.", "Switch that off in the recipe.")


def _last(part: nn.Module) -> nn.Module | None:
    """The layer at the end of a residual body; None where `part` is none, or what follows that layer would stop its gradient."""
    if isinstance(part, Residual):
        leaves = [leaf for leaf in part.body.modules() if not any(leaf.children()) and not isinstance(leaf, PASSING)]
        last = leaves[-1] if leaves else None
    elif type(part).__name__ in ("BasicBlock", "Bottleneck"):
        last = getattr(part, "bn3", None) or getattr(part, "bn2", None)
    else:
        return None
    return last if isinstance(getattr(last, "weight", None), nn.Parameter) else None
