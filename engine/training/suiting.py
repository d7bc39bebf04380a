"""Whether a recipe suits a network and the data, and the module made ready for it."""

from __future__ import annotations

from torch import nn

from engine.failure import UserError
from engine.networks.layers import AnyNetwork, Layer, Network, RbfOutput, Sequence
from engine.training import freezing
from engine.training.recipe import Recipe
from engine.training.regularising import set_dropout

UNMEASURED = "There are no validation pictures, so neither target nor patience can end the training."


def check(recipe: Recipe, network: AnyNetwork) -> None:
    """Refuse what a network cannot do, before anything is decoded or built.

    Raises
    ------
    UserError
        If the loss takes distances, and the network does not end in any.
    """
    if recipe.loss == "rbf" and not (isinstance(network, Network) and isinstance(_last(network.body), RbfOutput)):
        text = f"The loss by distances needs a network that ends in distances to codes, which {network.title} does not."
        raise UserError(text, "Choose another loss, or LeNet-5 as published.")


def prepare(module: nn.Module, recipe: Recipe, begun: bool) -> None:
    """Freeze the layers that the recipe names, and batch norms that came with learned weights if it says so; set the rate of dropout.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    recipe : Recipe
        What it shall be ready for.
    begun : bool
        Whether it begins with learned weights.

    Raises
    ------
    UserError
        If there are no such layers, nothing is left that learns, or there is no dropout.
    """
    if recipe.frozen:
        freezing.keep(module, recipe.frozen)
    if recipe.keep_norms and begun:
        freezing.keep_norms(module)
    set_dropout(module, recipe.dropout)


def _last(layer: Layer) -> Layer:
    while isinstance(layer, Sequence) and layer.layers:
        layer = layer.layers[-1]
    return layer
