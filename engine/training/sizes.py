"""How many pictures make a batch and a step, and how many steps an epoch."""

from __future__ import annotations

import math

from msgspec.structs import replace

from engine.training.recipe import Recipe

FEWEST_STEPS = 16  # an epoch; small data get smaller batches, or they would see only a step or two


def batch_size(recipe: Recipe, pictures: int) -> int:
    """Pictures shown at once: the recipe's, but at most a sixteenth of the training pictures, and at least 8 where there are as many."""
    return max(1, min(recipe.batch, pictures, max(8, pictures // FEWEST_STEPS)))


def words(recipe: Recipe, pictures: int) -> str:
    """The batch of a recipe, and what becomes of it with so many training pictures, for a line of facts.

    Examples
    --------
    >>> words(Recipe(batch=96), 420), words(Recipe(batch=96), 50_000)
    ('batch 96, here 26', 'batch 96')
    """
    taken = batch_size(recipe, pictures)
    return f"batch {recipe.batch:,}" if taken == recipe.batch else f"batch {recipe.batch:,}, here {taken:,}"


def step_size(recipe: Recipe, pictures: int) -> int:
    """Pictures that make one step: as many batches as the recipe accumulates, but at most all."""
    return min(pictures, recipe.accumulate * batch_size(recipe, pictures))


def steps_per_epoch(pictures: int, batch: int) -> int:
    """Steps in which about all pictures are shown once."""
    return max(1, round(pictures / batch))


def with_enough_epochs(recipe: Recipe, pictures: int) -> Recipe:
    """The recipe with as many epochs as its least number of steps needs."""
    wanted = math.ceil(recipe.least_steps / steps_per_epoch(pictures, step_size(recipe, pictures)))
    return replace(recipe, epochs=max(recipe.epochs, wanted))
