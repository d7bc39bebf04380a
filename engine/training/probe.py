"""The linear probe: what a network makes of each picture is computed once, and the last layer learns on that (Alain and Bengio 2016).

Such a training is one like any other, with rows of values in the place of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.failure import UserError
from engine.training.feeding import Feed, LaterPart, Part
from engine.training.inference import logits_of
from engine.training.precision import PLAIN, Arithmetic

AT_ONCE = 1024  # pictures
FEW, CLOSE = 64, 0.05  # answers of so many pictures are compared, in reduced precision too


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
        part: Part | LaterPart | Feed,
        normalise: Normalise,
        token: CancelToken,
        arithmetic: Arithmetic = PLAIN,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Part:
        """Values float32 [N, 1, 1, F] of all pictures of a split, on the network's device.

        Raises
        ------
        UserError
            If the head's answer to them is not the network's.
        Cancelled
            If it was cancelled.
        """
        values = torch.cat([self._seen(pixels, normalise, token, arithmetic) for pixels in _pieces(part, token, progress)])
        return Part(values[:, None, None, :], part.labels.to(values.device))

    def _seen(self, pixels: torch.Tensor, normalise: Normalise, token: CancelToken, arithmetic: Arithmetic) -> torch.Tensor:
        entering: list[torch.Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, values: entering.append(values[0].float()))
        try:
            logits = logits_of(self._module, pixels, normalise, token, arithmetic)
        finally:
            hook.remove()
        values = torch.cat(entering).clone()  # made in inference mode, where nothing can learn from them
        with torch.no_grad():
            own = self.head(values[:FEW]).cpu()
        same = own.shape == logits[:FEW].shape and torch.allclose(own, logits[:FEW], rtol=CLOSE, atol=CLOSE)
        if not same:
            raise UserError("The network does not end in its last linear layer.", "Train it without a linear probe.")
        return values


def _pieces(part: Part | LaterPart | Feed, token: CancelToken, progress: Callable[[int, int], None]) -> Iterator[torch.Tensor]:
    """Pixels of all pictures, some at a time."""
    count = len(part.labels)
    rows = torch.split(torch.arange(count, device=part.labels.device), AT_ONCE)
    if isinstance(part, Part | LaterPart):
        pieces = (part.pixels[few[0] : few[-1] + 1] for few in rows)
    else:
        pieces = (part.batch(few)[0] for few in part.ahead(iter(rows)))
    done = 0
    for pixels in pieces:
        token.check()
        yield pixels
        done += len(pixels)
        progress(done, count)
