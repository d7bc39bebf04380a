"""Kernels measured on training pictures before the first step."""

from __future__ import annotations

import torch
from torch import nn

from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.networks.build import initialise
from engine.networks.modules.values import Whitening
from engine.training.feeding import Part, Resident
from engine.training.whitening import measure

CPU = torch.device("cpu")
NORMALISE = Normalise(Preprocessing(12, 12, 3, "centre", (0.5,) * 3, (0.25,) * 3), CPU)


def pictures() -> torch.Tensor:
    """Channels that resemble each other, uint8 [40, 12, 12, 3]."""
    random = torch.Generator().manual_seed(0)
    grey = torch.randint(40, 200, (40, 12, 12, 1), generator=random)
    return (grey + torch.randint(-30, 30, (40, 12, 12, 3), generator=random)).to(torch.uint8)


def spread(values: torch.Tensor) -> torch.Tensor:
    rows = values[:, : values.shape[1] // 2].permute(0, 2, 3, 1).flatten(0, 2)
    return rows.T @ rows / len(rows)


def test_every_whitening_layer_whitens_what_enters_it() -> None:
    module = nn.Sequential(Whitening(3, (2, 2)), nn.BatchNorm2d(24), nn.GELU(), Whitening(24, (1, 1)))
    initialise(module, 0)
    module.train()
    shown = pictures()
    measure(module, Resident(Part(shown, torch.zeros(40, dtype=torch.int64)), CPU), NORMALISE)
    assert module.training and module[1].training and int(module[1].num_batches_tracked) == 0
    module.eval()
    with torch.no_grad():
        first = module[0](NORMALISE(shown))
        torch.testing.assert_close(spread(first), torch.eye(12), atol=0.02, rtol=0)
        within = module[2](module[1](first))
        variances = torch.linalg.eigvalsh(spread(module[3](within)))
    assert float(variances[-1]) < 1.01 and float(variances[-1]) > 0.98


def test_other_networks_are_not_even_shown_pictures() -> None:
    class Refusing(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            raise AssertionError

    measure(Refusing(), Resident(Part(pictures(), torch.zeros(40, dtype=torch.int64)), CPU), NORMALISE)
