"""Every network of the zoo trains: a step without NaN at its own input; those for small pictures learn handwriting."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.build import build, skeleton
from engine.networks.layers import Auxiliary, SimpleCells, walk

MOST_PARAMETERS = 30_000_000  # more than these train on the meta device: shapes without values


def default(name):
    card = zoo.card(name)
    return zoo.make(name, card.default_input, card.default_classes)


def by_gradient(name):
    """Not the classic ones, nor the Neocognitron, which organises itself."""
    return zoo.card(name).kind == "network" and not any(isinstance(layer, SimpleCells) for _, layer in walk(default(name).body))


TRAINED = tuple(name for name in zoo.names() if by_gradient(name))
LIGHT = tuple(name for name in TRAINED if analyse(default(name)).parameters <= MOST_PARAMETERS)


@pytest.fixture(autouse=True)
def one_thread():
    """Small batches gain nothing by more threads, and lose much where others compute beside them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def step(network, module, pictures, labels):
    """One step of descent, auxiliary heads included: the loss."""
    heads = [module.get_submodule(name) for name, layer in walk(network.body) if isinstance(layer, Auxiliary)]
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01)
    loss = functional.cross_entropy(module.train()(pictures), labels)
    for head in heads:
        loss = loss + head.share * functional.cross_entropy(head.taken(), labels)
    loss.backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    optimiser.step()
    return loss.detach()


@pytest.mark.parametrize("name", LIGHT)
def test_one_step_at_the_size_of_the_card(name):
    network = default(name)
    module = build(network)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    pictures = torch.randn(2, *network.input, generator=torch.Generator().manual_seed(1))  # not the weights' seed
    loss = step(network, module, pictures, torch.tensor([0, 1]))
    assert loss.isfinite()
    assert all(values.isfinite().all() for values in module.state_dict().values())
    moved = [not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)  # a bias before a batch norm has no say, nor a unit behind ReLU that is silent


@pytest.mark.parametrize("name", [name for name in TRAINED if name not in LIGHT])
def test_one_step_of_large_networks_without_memory(name):
    network = default(name)
    pictures, labels = torch.empty(2, *network.input, device="meta"), torch.zeros(2, dtype=torch.long, device="meta")
    assert step(network, skeleton(network), pictures, labels).shape == ()


@pytest.fixture(scope="module")
def digits():
    """1,797 handwritten digits, enlarged from 8×8 to 32×32: float32 [N, 1, 32, 32] and int64 [N], in random order."""
    bunch = load_digits()
    order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(0))
    pictures = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 8 - 1
    pictures = functional.interpolate(pictures, size=(32, 32), mode="bilinear")
    return pictures[order], torch.tensor(bunch.target)[order]


@pytest.mark.parametrize(
    ("name", "steps", "rate", "accuracy"),
    [
        ("softmax", 40, 1e-3, 0.7),
        ("mlp", 40, 2e-3, 0.7),
        ("lenet-5", 40, 2e-3, 0.7),
        ("lenet-5-1998", 40, 2e-3, 0.7),
        ("small-cnn", 40, 3e-3, 0.6),
        ("small-cnn-bilinear", 40, 3e-3, 0.4),
        ("plain-20", 40, 3e-3, 0.4),
        ("resnet-20", 40, 3e-3, 0.4),
        ("vit-tiny", 40, 2e-3, 0.35),
    ],
)
def test_handwriting_is_learnt(name, steps, rate, accuracy, digits):
    """On 300 digits never seen; chance is 0.1."""
    pictures, labels = digits
    module = build(zoo.make(name, (1, 32, 32), 10)).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate)
    warming = torch.optim.lr_scheduler.LinearLR(optimiser, 1 / 20, total_iters=20)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = torch.randint(1200, (16,), generator=generator)
        loss = functional.cross_entropy(module(pictures[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        warming.step()
    with torch.no_grad():
        for part in range(0, 160, 32):  # the batch norms' statistics catch up with the weights
            module(pictures[part : part + 32])
        right = module.eval()(pictures[1200:1500]).argmax(dim=1) == labels[1200:1500]
    assert right.float().mean() > accuracy
