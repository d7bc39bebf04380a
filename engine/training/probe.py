"""The linear probe: what a network makes of each picture is computed once, and the last layer learns on that (Alain and Bengio 2016).

Such a training is one like any other, with rows of values in the place of pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.failure import UserError
from engine.training.feeding import Part
from engine.training.inference import logits_of
from engine.training.precision import PLAIN, Arithmetic


class AsTheyAre(Normalise):
    """In the place of normalisation: rows of values pass on."""

    def __init__(self, preprocessing_of: Normalise) -> None:
        self.preprocessing = preprocessing_of.preprocessing

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Float32 [B, 1, 1, F] to [B, F]."""
        return pixels.flatten(1)


class Features:
    """What enters the last layer of a network.

    Parameters
    ----------
    module : torch.nn.Module
        On its device; its last layer shares its weights with `head`.

    Attributes
    ----------
    head : torch.nn.Linear
        The last layer, the only one that learns.

    Raises
    ------
    UserError
        If the network does not end in a linear layer.
    """

    def __init__(self, module: nn.Module) -> None:
        linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
        if not linear:
            raise UserError("The network has no linear layer at its end to probe with.", "Train it without a linear probe.")
        self.head = linear[-1]
        self._module = module
        module.requires_grad_(False)
        self.head.requires_grad_(True)
        module.eval()

    def of(
        self,
        part: Part,
        normalise: Normalise,
        token: CancelToken,
        arithmetic: Arithmetic = PLAIN,
        progress: Callable[[int, int], None] | None = None,
    ) -> Part:
        """Values float32 [N, 1, 1, F] of all pictures of a split, where its pixels are.

        Raises
        ------
        UserError
            If the head's answer to them is not the network's.
        Cancelled
            If it was cancelled.
        """
        entering: list[torch.Tensor] = []

        def keep(_: nn.Module, values: tuple[torch.Tensor]) -> None:
            entering.append(values[0].detach().float().to(part.pixels.device))

        hook = self.head.register_forward_pre_hook(keep)
        try:
            logits = logits_of(self._module, part.pixels, normalise, token, arithmetic, progress)
        finally:
            hook.remove()
        values = torch.cat(entering).clone()  # made in inference mode, where nothing can learn from them
        few = values[:64].to(self.head.weight.device)
        with torch.no_grad():
            same = values.ndim == 2 and torch.allclose(self.head(few).cpu(), logits[: len(few)], rtol=0.05, atol=0.05)
        if not same:
            raise UserError("The network does not end in its last linear layer.", "Train it without a linear probe.")
        return Part(values[:, None, None, :], part.labels)
