"""What the course says of depth, shown on networks as they are built here: gradients that vanish or explode, and degradation.

He, Zhang, Ren and Sun (2016, section 4.1) argue that the plain networks' difficulty is none of vanishing gradients, since batch norm
keeps signals at a healthy size, and measure that more layers give a higher training error. Yang et al. (2019) show for plain networks
with batch norm that gradients grow exponentially towards the picture instead, at initialisation. Both are seen here.
"""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from engine.messages import LayerStatistics
from engine.networks import zoo
from engine.networks.build import build
from engine.networks.layers import Activation, ActivationKind, Flatten, Linear, Network, Sequence
from engine.training import initialising
from engine.training.recipe import Recipe
from engine.training.statistics import Observer

CPU = torch.device("cpu")
LAYERS = 12


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as float32 [N, 1, 8, 8] of mean 0 and deviation 1, and their labels."""
    loaded = load_digits()
    values = torch.tensor(loaded.images, dtype=torch.float32)[:, None]
    return (values - values.mean()) / values.std(), torch.tensor(loaded.target)


def perceptron(kind: ActivationKind) -> Network:
    pairs = [(Linear(f"linear{at}", 64), Activation(f"{kind}{at}", kind)) for at in range(1, LAYERS)]
    return Network(
        "made", "Made", 2026, "made", (1, 8, 8), 10, Sequence("body", (Flatten("flatten"), *itertools.chain(*pairs), Linear("linear", 10)))
    )


def first_step(module: nn.Module, pictures: torch.Tensor, labels: torch.Tensor) -> LayerStatistics:
    observer = Observer(module, CPU)
    assert observer.wants(1)
    with observer.listening():
        functional.cross_entropy(module(pictures), labels).backward()
    observer.gradients()
    observer.stepped(1)
    (found,) = observer.taken("run", 1.0, 0.0)
    return found


def first_to_last(found: LayerStatistics) -> float:
    """The first layer's gradient norm by that of the last one before the classifying layer; of convolutions without those of shortcuts."""
    convolutions = [at for at, name in enumerate(found.layers) if ".conv" in name and "shortcut" not in name]
    last = convolutions[-1] if convolutions else len(found.layers) - 2
    return float(found.gradient_norms[0] / found.gradient_norms[last])


def begun(kind: ActivationKind, weights: str, digits: tuple[torch.Tensor, torch.Tensor]) -> LayerStatistics:
    module = build(perceptron(kind), 0)
    initialising.begin(module, msgspec.structs.replace(Recipe(), initialisation=weights))
    return first_step(module, digits[0][:128], digits[1][:128])


def test_gradients_vanish_through_sigmoids_whatever_suits_relus_and_not_through_relus(digits: tuple[torch.Tensor, torch.Tensor]) -> None:
    """A sigmoid's slope is 1/4 at most (Hochreiter 1991; Glorot and Bengio 2010)."""
    for weights in ("xavier", "kaiming"):
        assert first_to_last(begun("sigmoid", weights, digits)) < 1e-4
    assert 0.1 < first_to_last(begun("relu", "kaiming", digits)) < 10


def test_weights_of_unit_variance_explode_and_kaimings_keep_the_size(digits: tuple[torch.Tensor, torch.Tensor]) -> None:
    """With N(0, 1) each of n units multiplies deviations by √(n/2) (He et al. 2015, section 2.2)."""
    suited, wild = (begun("relu", weights, digits) for weights in ("kaiming", "normal"))
    growth = (wild.deviations[-1] / wild.deviations[0]) ** (1 / (LAYERS - 2))
    assert growth == pytest.approx(math.sqrt(64 / 2), rel=0.25)
    assert 0.2 < suited.deviations[-1] / suited.deviations[0] < 5
    assert wild.gradient_norms[0] > 1e5 * suited.gradient_norms[0]


def of_zoo(name: str) -> nn.Module:
    return build(zoo.make(name, (1, 8, 8), 10), 0).train()


def test_the_deeper_a_plain_network_the_more_its_gradients_explode_and_shortcuts_prevent_it(
    digits: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Not one vanishes. Measured: 2, 5·10² and 8·10⁵ for plain networks of 20, 56 and 110 layers, 1, 3 and 6 for residual ones."""
    ratios = {
        name: first_to_last(first_step(of_zoo(name), digits[0][:32], digits[1][:32]))
        for name in ("plain-20", "plain-56", "plain-110", "resnet-20", "resnet-56", "resnet-110")
    }
    assert ratios["plain-20"] < 10 < 100 < ratios["plain-56"] < 1e4 < ratios["plain-110"]
    for name in ("resnet-20", "resnet-56", "resnet-110"):
        assert 0.3 < ratios[name] < 30, name


def losses(name: str, digits: tuple[torch.Tensor, torch.Tensor], steps: int = 16) -> torch.Tensor:
    """Of the first steps of a training by momentum."""
    module, draws = of_zoo(name), torch.Generator().manual_seed(0)
    optimiser = torch.optim.SGD(module.parameters(), 0.01, momentum=0.9)
    found = []
    for _ in range(steps):
        these = torch.randint(0, 1500, (32,), generator=draws)
        loss = functional.cross_entropy(module(digits[0][these]), digits[1][these])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(loss.detach())
    return torch.stack(found)


def test_more_layers_make_a_plain_network_learn_worse_and_a_residual_one_learns(digits: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Degradation, on the training pictures themselves: 110 plain layers stay at guessing, where 20 do not and 110 residual ones do not."""
    shallow, deep, residual = (float(losses(name, digits)[-5:].mean()) for name in ("plain-20", "plain-110", "resnet-110"))
    guessing = math.log(10)
    assert deep > 0.95 * guessing
    assert shallow < 0.94 * guessing
    assert residual < 0.85 * guessing
