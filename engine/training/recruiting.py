"""How a layer of S cells organises itself: seed cells, reinforcement, recruiting of planes (Fukushima 1980, section 3). No gradients.

Of each neighbourhood the cell that answers most is a seed; of each plane at most one a picture. Its plane learns what it saw:
Δa = q·c·u, Δb = q/2·v. Where much is to be seen and no cell of the neighbourhood answers, a plane without a feature takes it up.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from engine.networks.modules.neocognitron import SimpleCells

REINFORCEMENT = 100.0
"""q: so large that what was shown once is known; the paper has 1 and 16, and shows each pattern twenty times."""
NEIGHBOURHOOD = 5  # side of a hypercolumn
WORTHWHILE = 0.1  # of the strongest zone: fainter ones recruit no plane
NOTHING = 1e-4  # intensity of a zone in which there is nothing


class Learner:
    """One layer that learns. Planes are taken in order; those that none has taken yet are silent."""

    def __init__(self, cells: SimpleCells, generator: torch.Generator) -> None:
        self.cells, self.generator = cells, generator
        self.forget()

    def forget(self) -> None:
        """All planes are free again."""
        self.used = 0
        self.overflowing = False
        """Whether there was something to learn when all planes were taken."""
        self.cells.weight.zero_()
        self.cells.inhibition.zero_()

    def show(self, maps: torch.Tensor) -> None:
        """Learn from what enters the layer, float32 [N, C, H, W]."""
        seen = functional.relu(maps)
        intensity = self.cells.intensity(seen)
        answers = self.cells(seen)
        strongest, planes = answers.max(1)
        around = _largest_around(strongest)
        self.reinforce(seen, intensity, answers, planes, (strongest > 0) & (strongest == around))
        peak = intensity[:, 0] == _largest_around(intensity[:, 0])
        self.recruit(seen, intensity, peak & _worthwhile(intensity) & (around <= 0))

    def reinforce(
        self, seen: torch.Tensor, intensity: torch.Tensor, answers: torch.Tensor, planes: torch.Tensor, winners: torch.Tensor
    ) -> None:
        """Of each plane the strongest winner a picture learns."""
        won = functional.one_hot(planes, answers.shape[1]).permute(0, 3, 1, 2) * winners[:, None]
        most, places = (answers * won).flatten(2).max(2)
        pictures, learning = (most > 0).nonzero(as_tuple=True)
        rows, columns = places[pictures, learning] // seen.shape[3], places[pictures, learning] % seen.shape[3]
        self.learn(learning, _zones(seen, pictures, rows, columns, self.kernel), intensity[pictures, 0, rows, columns])

    def recruit(self, seen: torch.Tensor, intensity: torch.Tensor, unanswered: torch.Tensor) -> None:
        """Free planes take up, one after the other, what no plane answers to; each then answers for what is like its own."""
        pictures, rows, columns = unanswered.nonzero(as_tuple=True)
        if not len(pictures):
            return
        zones = _zones(seen, pictures, rows, columns, self.kernel)
        intensities = intensity[pictures, 0, rows, columns]
        threshold = 2 * self.cells.selectivity / (1 + self.cells.selectivity)
        waiting = torch.ones(len(pictures), dtype=torch.bool, device=seen.device)
        for seed in torch.randperm(len(pictures), generator=self.generator).tolist():
            if not waiting[seed]:
                continue
            if self.used == len(self.cells.inhibition):
                self.overflowing = True
                return
            plane = torch.tensor([self.used], device=seen.device)
            self.learn(plane, zones[seed : seed + 1], intensities[seed : seed + 1])
            exciting = zones.flatten(1) @ self.cells.weight[self.used].flatten()
            waiting &= exciting <= threshold * self.cells.inhibition[self.used] * intensities
            waiting[seed] = False
            self.used += 1

    def learn(self, planes: torch.Tensor, zones: torch.Tensor, intensities: torch.Tensor) -> None:
        """Δa and Δb of planes [n] that have seen zones [n, C, h, w] of these intensities [n]; a plane may come several times."""
        nearness: torch.Tensor = self.cells.nearness  # type: ignore[assignment]
        self.cells.weight.index_add_(0, planes, REINFORCEMENT / zones.shape[1] * nearness * zones)
        self.cells.inhibition.index_add_(0, planes, REINFORCEMENT / 2 * intensities)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of a zone."""
        return self.cells.weight.shape[2], self.cells.weight.shape[3]


def selectivity_for(cells: SimpleCells, maps: torch.Tensor, answering: float) -> float:
    """The selectivity at which, of the cells that see something, so many planes answer at a place, in the mean.

    Parameters
    ----------
    cells : SimpleCells
        That have learned.
    maps : float32 [N, C, H, W]
        What enters.
    answering : float
        Planes a place.
    """
    seen = functional.relu(maps)
    margin = tuple(side // 2 for side in cells.weight.shape[2:])
    intensity = cells.intensity(seen)
    worthwhile = _worthwhile(intensity)
    if not worthwhile.any():
        return cells.selectivity
    exciting = functional.conv2d(seen, cells.weight, padding=margin).permute(0, 2, 3, 1)[worthwhile]
    damping = cells.inhibition * intensity.permute(0, 2, 3, 1)[worthwhile]
    agreement = (exciting / damping.clamp_min(1e-9)).flatten()  # a cell answers where this exceeds 2r/(1 + r)
    rank = max(1, min(len(agreement), round(answering * len(exciting))))
    threshold = float(agreement.topk(rank).values[-1].clamp(0.05, 1.95))
    return threshold / (2 - threshold)


def _worthwhile(intensity: torch.Tensor) -> torch.Tensor:
    """Of [N, 1, H, W] the places [N, H, W] where there is something to see."""
    return (intensity > max(NOTHING, WORTHWHILE * float(intensity.max())))[:, 0]


def _largest_around(values: torch.Tensor) -> torch.Tensor:
    """Of each place of [N, H, W] the largest value of its neighbourhood."""
    return functional.max_pool2d(values[:, None], NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2)[:, 0]


def _zones(seen: torch.Tensor, pictures: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, kernel: tuple[int, int]) -> torch.Tensor:
    """The zones [n, C, h, w] around places of the maps."""
    height, width = kernel
    padded = functional.pad(seen, (width // 2, width // 2, height // 2, height // 2))
    down = rows[:, None, None] + torch.arange(height, device=seen.device)[:, None]
    across = columns[:, None, None] + torch.arange(width, device=seen.device)
    return padded[pictures[:, None, None], :, down, across].permute(0, 3, 1, 2)
