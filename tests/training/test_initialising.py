"""Ways to begin: variances, what saturates, blocks that begin as the identity."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from engine.failure import UserError
from engine.networks import zoo
from engine.networks.build import build
from engine.training.initialising import begin, close_residuals, draw, pass_on
from engine.training.recipe import Recipe


def row() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(24, 48, 5), nn.Conv2d(32, 32, 5, groups=4), nn.Linear(300, 200))


@pytest.mark.parametrize(("kind", "theirs"), [("kaiming", nn.init.kaiming_normal_), ("xavier", nn.init.xavier_normal_)])
def test_deviations_are_torch_s(kind: str, theirs: object) -> None:
    module, reference = row(), row()
    draw(module, kind, 0)  # type: ignore[arg-type]
    for own, other in zip((module[0], module[2]), (reference[0], reference[2]), strict=True):
        theirs(other.weight)  # type: ignore[operator]
        assert float(own.weight.detach().std()) == pytest.approx(float(other.weight.detach().std()), rel=0.03)
        assert not own.bias.any()


def test_groups_count_their_own_inputs_and_outputs() -> None:
    module = row()
    draw(module, "fan-in", 0)
    assert float(module[1].weight.detach().std()) == pytest.approx(1 / math.sqrt(8 * 25), rel=0.03)
    draw(module, "xavier", 0)
    assert float(module[1].weight.detach().std()) == pytest.approx(math.sqrt(2 / (8 * 25 + 8 * 25)), rel=0.03)
    draw(module, "normal", 0)
    assert float(module[1].weight.detach().std()) == pytest.approx(1, rel=0.03)


def test_the_first_filters_pass_their_channels_on() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 4, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, groups=2)
    )
    before = [part.weight.detach().clone() for part in module]
    pass_on(module)
    maps = torch.rand(2, 8, 5, 5)
    with torch.no_grad():
        assert torch.equal(module[0](maps[:, :3])[:, :3], maps[:, :3])
        assert torch.equal(module[1](maps), maps[:, :4])
    assert torch.equal(module[0].weight[3:], before[0][3:]) and torch.equal(module[2].weight, before[2])
    network = zoo.make("cifar-speed-narrow", (3, 32, 32), 10)
    begun = build(network)
    begin(begun, Recipe(initialisation="identity"))
    weight = begun.get_parameter("block1.conv2.weight")
    assert torch.equal(weight[:, :, 1, 1], torch.eye(32)) and torch.equal(weight[5, 5, 0], torch.zeros(3))


def test_the_seed_decides_and_nothing_else() -> None:
    one, two, three = row(), row(), row()
    torch.manual_seed(9)
    draw(one, "kaiming", 5)
    torch.rand(3)
    draw(two, "kaiming", 5)
    draw(three, "kaiming", 6)
    assert torch.equal(one[0].weight, two[0].weight) and not torch.equal(one[0].weight, three[0].weight)


def test_unit_normal_saturates_a_sigmoid_and_fan_in_does_not() -> None:
    values = torch.randn(64, 784, generator=torch.Generator().manual_seed(2))
    layer = nn.Sequential(nn.Linear(784, 100))
    saturated = {}
    for kind in ("normal", "fan-in"):
        draw(layer, kind, 0)  # type: ignore[arg-type]
        answers = torch.sigmoid(layer(values)).detach()
        saturated[kind] = float(((answers < 0.01) | (answers > 0.99)).float().mean())
    assert saturated["normal"] > 0.8 and saturated["fan-in"] < 0.001


def test_partial_connections_count_the_maps_that_they_see() -> None:
    module = build(zoo.make("lenet-5-1998", (1, 32, 32), 10))
    deviations = []
    for seed in range(60):
        draw(module, "fan-in", seed)
        deviations.append(module.get_parameter("conv3.weight")[[0, -1]].flatten(1).std(dim=1).detach())
    first, last = torch.stack(deviations).mean(0).tolist()  # three maps of 5 × 5 seen, and all six
    assert first == pytest.approx(1 / math.sqrt(75), rel=0.05) and last == pytest.approx(1 / math.sqrt(150), rel=0.05)


def test_suited_leaves_the_weights() -> None:
    module = build(zoo.make("lenet-5", (1, 32, 32), 10), seed=3)
    before = module.get_parameter("conv1.weight").clone()
    begin(module, Recipe(seed=3))
    assert torch.equal(module.get_parameter("conv1.weight"), before)


@pytest.mark.parametrize("name", ["resnet-20", "resnet-18", "resnet-164"])
def test_blocks_begin_as_their_shortcuts_and_learn(name: str) -> None:
    shape = (3, 64, 64) if name == "resnet-18" else (3, 32, 32)
    module = build(zoo.make(name, shape, 10)).train()
    close_residuals(module)
    blocks = [part for part in module.modules() if type(part).__name__ == "Residual"]
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hooks = [block.body.register_forward_hook(lambda _, given, made: seen.append((given[0], made))) for block in blocks]
    logits = module(torch.randn(4, *shape, generator=torch.Generator().manual_seed(0)))
    assert len(seen) == len(blocks) and all(not made.any() for _, made in seen)
    for hook in hooks:
        hook.remove()
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    gradients = [
        parameter.grad.abs().sum() for block in blocks for parameter in list(block.body.parameters())[-2:] if parameter.grad is not None
    ]
    assert sum(float(value) > 0 for value in gradients) >= len(blocks)


def test_without_blocks_it_is_told() -> None:
    with pytest.raises(UserError, match="no residual blocks"):
        begin(build(zoo.make("lenet-5", (1, 32, 32), 10)), Recipe(zero_residual=True))
