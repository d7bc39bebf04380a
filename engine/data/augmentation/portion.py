"""Which pictures of a batch are at hand: all, or those that one of several processes shows.

Whatever is random about a picture is drawn for the whole batch by everybody, so that it does not depend on how many share the work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch


class Portion(NamedTuple):
    """Some pictures of a batch.

    Attributes
    ----------
    whole : int
        Pictures of the batch.
    rows : int64 [n] or None
        Those at hand, by their numbers in the batch; None: all.
    """

    whole: int
    rows: np.ndarray | None = None

    def of(self, drawn: torch.Tensor) -> torch.Tensor:
        """Of what was drawn for the whole batch, along the first axis, what concerns these pictures."""
        return drawn if self.rows is None else drawn.index_select(0, torch.from_numpy(self.rows).to(drawn.device, non_blocking=True))

    def of_array(self, drawn: np.ndarray) -> np.ndarray:
        """As `of`, for arrays."""
        return drawn if self.rows is None else drawn[self.rows]
