"""The same network in another library, with the same weights, must give the same answers."""

import torch


def twin_on_meta(make):
    """A twin whose weights take no memory and no time to draw."""
    with torch.device("meta"):
        return make().eval()


def share_weights(module, twin):
    """Give the twin the module's weights, in the order in which both define them; batch norms get statistics unlike the identity."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            with torch.no_grad():
                for values in (part.weight, part.bias, part.running_mean, part.running_var):
                    values.add_(0.2 * torch.rand(values.shape, generator=generator))
    ours, theirs = module.state_dict(), twin.state_dict()
    assert [tuple(values.shape) for values in ours.values()] == [tuple(values.shape) for values in theirs.values()]
    twin.load_state_dict(dict(zip(theirs, ours.values(), strict=True)), assign=True)


def largest_difference(module, twin, *shape):
    """Between the answers to two random pictures, as a share of the largest answer."""
    pictures = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        ours, theirs = module.eval()(pictures), twin.eval()(pictures)
    assert ours.shape == theirs.shape
    assert ours.std() > 1e-3  # an answer that is all zeros would prove nothing
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()
