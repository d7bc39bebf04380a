"""Layers that keep their weights, for good or for some epochs; the parts of a network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.failure import UserError
from engine.networks import zoo
from engine.networks.build import build
from engine.training import freezing
from engine.training.recipe import Recipe
from engine.training.regularising import Gradients, set_dropout


def lenet() -> nn.Module:
    return build(zoo.make("lenet-5", (1, 32, 32), 10))


@pytest.mark.parametrize("name", ["lenet-5", "lenet-5-1998", "resnet-20", "resnet-164", "vit-tiny", "googlenet", "mobilenet-v2", "softmax"])
def test_each_weight_is_in_one_part_in_order(name: str) -> None:
    shape = (1, 32, 32) if name.startswith(("lenet", "soft")) else (3, 32, 32) if name != "googlenet" else (3, 64, 64)
    module = build(zoo.make(name, shape, 10))
    parts = freezing.parts_of(module)
    flat = [id(parameter) for part in parts for parameter in part]
    assert flat == [id(parameter) for parameter in module.parameters()]
    assert all(any(parameter.ndim > 1 for parameter in part) for part in parts)


def test_blocks_are_parts_and_norms_go_with_what_they_follow() -> None:
    assert len(freezing.parts_of(build(zoo.make("resnet-20", (3, 32, 32), 10)))) == 11
    assert len(freezing.parts_of(lenet())) == 5
    torchvision = pytest.importorskip("torchvision")
    assert len(freezing.parts_of(torchvision.models.resnet18())) == 10  # conv1 with its norm, eight blocks, fc


def test_named_layers_keep_their_weights_and_wrong_names_are_told() -> None:
    module = build(zoo.make("resnet-20", (3, 32, 32), 10))
    first = next(name for name, _ in module.named_children())
    freezing.keep(module, (first,))
    still = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    assert still and all(name.startswith(f"{first}.") for name in still)
    with pytest.raises(UserError, match='no layer "conv9"'):
        freezing.keep(lenet(), ("conv9",))
    with pytest.raises(UserError, match='"relu1" has no weights'):
        freezing.keep(lenet(), ("relu1",))
    with pytest.raises(UserError, match="has no weights"):
        freezing.keep(lenet(), ("",))
    every = lenet()
    with pytest.raises(UserError, match="nothing could learn"):
        freezing.keep(every, [name for name, part in every.named_children() if list(part.parameters())])


def test_parts_thaw_one_by_one_from_the_last() -> None:
    module = lenet()
    freezing.keep(module, ("conv3",))
    thawing = freezing.Thawing(module, 2)
    learning = []
    for epoch in range(1, 9):
        thawing.at(epoch)
        learning.append({name.split(".")[0] for name, parameter in module.named_parameters() if parameter.requires_grad})
    assert learning[0] == learning[1] == {"linear7"}
    assert learning[2] == learning[3] == {"linear7", "linear6"}
    assert learning[4] == {"linear7", "linear6", "conv5"}
    assert learning[6] == learning[7] == {"linear7", "linear6", "conv5", "conv1"}
    thawing.at(1)
    thawing.all()
    assert {name for name, parameter in module.named_parameters() if not parameter.requires_grad} == {"conv3.weight", "conv3.bias"}
    unchanged = lenet()
    freezing.Thawing(unchanged, 0).at(1)
    assert all(parameter.requires_grad for parameter in unchanged.parameters())


def test_dropout_takes_one_rate_and_a_network_without_any_is_told() -> None:
    module = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Linear(3, 3), nn.Dropout2d(0.1)))
    set_dropout(module, 0.2)
    assert module[0].p == module[1][1].p == 0.2
    set_dropout(lenet(), None)
    with pytest.raises(UserError, match="no dropout"):
        set_dropout(lenet(), 0.2)


def test_l1_adds_its_gradient_and_clipping_bounds_the_norm() -> None:
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    values = torch.randn(9, 6, generator=torch.Generator().manual_seed(0))

    def loss() -> torch.Tensor:
        return module(values).square().mean()

    (loss() + 0.3 * sum(part.weight.abs().sum() for part in module if isinstance(part, nn.Linear))).backward()
    wanted = [parameter.grad.clone() for parameter in module.parameters()]  # type: ignore[union-attr]
    module.zero_grad()
    loss().backward()
    gradients = Gradients(module, Recipe(l1=0.3))
    gradients.change()
    assert gradients.changed and not Gradients(module, Recipe()).changed
    for parameter, gradient in zip(module.parameters(), wanted, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6)  # type: ignore[arg-type]
    before = [gradient.clone() for gradient in wanted]
    length = torch.cat([gradient.flatten() for gradient in before]).norm()
    Gradients(module, Recipe(clip=float(length) / 4)).change()
    for parameter, gradient in zip(module.parameters(), before, strict=True):
        assert torch.allclose(parameter.grad, gradient / 4, rtol=1e-4)  # type: ignore[arg-type]
    Gradients(module, Recipe(clip=float(length))).change()  # already shorter
    assert torch.allclose(next(module.parameters()).grad, before[0] / 4, rtol=1e-4)  # type: ignore[arg-type]


def test_batch_norms_that_stay_classify_as_they_came() -> None:
    """Their means and deviations, too, which is what matters: those of a few pictures are poor ones."""
    module = build(zoo.make("mobilenet-v2", (3, 32, 32), 10))
    freezing.keep_norms(module)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms if norm.running_mean is not None]
    freezing.to_training(module)
    assert module.training
    assert not any(norm.training for norm in norms)
    module(torch.randn(4, 3, 32, 32)).sum().backward()
    assert all(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True))
    assert all(norm.weight.grad is None for norm in norms)
    assert all(part.weight.grad is not None for part in module.modules() if isinstance(part, nn.Conv2d))
