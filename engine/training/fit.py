"""From a dataset to a run on disk: what the window's Train and the command `train` have in common. Needs no project.

`classic_job` and `network_job` carry out what is ordered here.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.preprocessing import WHITE, ResizeMode
from engine.failure import UserError
from engine.messages import Notice, PinUnit
from engine.networks import zoo
from engine.project import runs
from engine.project.records import RunRecord
from engine.training import preparing, saved
from engine.training import recipe as recipes
from engine.training.classic_job import ClassicJob
from engine.training.network_job import NetworkJob
from engine.training.order import Contract, Emit, GoingOn, Order
from engine.training.recipe import Recipe
from engine.training.steering import Steering
from engine.training.team import LONE, Team
from engine.training.threads import cores


def fit(
    dataset: Dataset,
    network: str,
    recipe: Recipe,
    size: int | None,
    folder: Path,
    token: CancelToken,
    emit: Emit,
    pinned: Callable[[], PinUnit | None] = lambda: None,
    run_id: str = "",
    threads: int | None = None,
    resize: ResizeMode | None = None,
    ground: tuple[int, int, int] = WHITE,
    called: str = "",
    weights: str = "",
    freeze: bool = False,
    steering: Steering | None = None,
    parent: RunRecord | None = None,
    variant: str = "",
    sweep: str = "",
    team: Team = LONE,
    contract: Contract | None = None,
) -> RunRecord:
    """Train a classifier and write the run.

    A cancelled training keeps what it has: outcome "cancelled", no test accuracy. It can go on, and so can one whose process was killed:
    see `engine.training.resuming`.

    Parameters
    ----------
    dataset : Dataset
        With splits.
    network : str
        A name of the zoo, a network JSON file, "torchvision:NAME" or "timm:NAME".
    recipe : Recipe
        Checked first.
    size : int or None
        Side of the network's input in pixels; None takes what suits.
    folder : Path
        The run's folder; made.
    token : CancelToken
        Checked at every step and chunk.
    emit : callable
        Gets JobProgress, Notice, TrainingStarted, StepsDone, FiltersChanged, EpochDone, UnitProbed, TrainingMarked, TrainingPaused,
        TrainingFinished.
    pinned : callable
        Tells the unit to probe after every epoch, or None.
    run_id : str
        The folder's name by default.
    threads : int or None
        CPU threads at most; all processors by default. Small networks take fewer, which leaves the others to the window.
    resize : str or None
        How pictures come to the working size, one of RESIZE_MODES; None takes what suits.
    ground : tuple of int
        sRGB colour, 0 to 255 each, on which transparent pictures lie.
    called : str
        What the run calls its network; `network` by default.
    weights : str
        Weights to begin with: a .pth or .safetensors file, or "pretrained" to fetch what a library offers; "" for new ones.
    freeze : bool
        Whether the last layer alone learns, and whatever those weights lack.
    steering : Steering or None
        Asked between steps whether something shall change.
    parent : RunRecord or None
        The run that `weights` are of: pictures are prepared as for it.
    variant : str
        What is changed in the network before it trains, see `engine.networks.editing.variants`.
    sweep : str
        The sweep that the run belongs to, see RunRecord.
    team : Team
        The processes that train together; each calls this with the same arguments but for the folder, and that of the first has the run.
    contract : Contract or None
        How the pictures were prepared before; None decides on it.

    Raises
    ------
    UserError
        If recipe, data and network do not go together, or the training diverged (the run is then kept up to its best epoch).
    Cancelled
        If it was cancelled before there was anything to keep.
    """
    try:
        recipes.check(recipe)
    except ValueError as error:
        raise UserError(str(error), "Change it in the recipe.") from None
    for warning in data.check_trainable(dataset):
        emit(Notice(level="warning", text=warning))
    if freeze and not weights:
        raise UserError(
            "There are no weights yet that the other layers could keep.", "Choose weights to begin with, or let all layers learn."
        )
    classic = preparing.is_classic(network)
    if weights and classic:
        raise UserError(f"{zoo.card(network).title} has no weights to begin with.", "Choose a network, or no weights.")
    if classic and not team.lone:
        raise UserError(f"{zoo.card(network).title} learns in one process.", "Train it without torchrun.")
    if contract is not None:
        preprocessing = contract.preprocessing
    elif parent is None:
        preprocessing = preparing.preprocessing_for(network, data.typical_size(dataset), size, resize, ground, bool(weights))
    else:
        preprocessing = parent.preprocessing
    run, called, threads = run_id or folder.name, called or network, threads or cores()
    order = Order(dataset, network, recipe, preprocessing, folder, token, emit, pinned, run, threads, called)
    order = order._replace(weights=weights, freeze=freeze, steering=steering, parent=parent, variant=variant, sweep=sweep)
    order = order._replace(team=team, contract=contract)
    job = ClassicJob(order) if classic else NetworkJob(order)
    existed = folder.exists()
    try:
        with runs.trained_here(folder):
            return job.carry_out()
    finally:
        if not job.worth_keeping:
            _take_away(folder, whole=not existed)


def go_on(
    going_on: GoingOn,
    folder: Path,
    token: CancelToken,
    emit: Emit,
    pinned: Callable[[], PinUnit | None],
    steering: Steering | None,
    team: Team = LONE,
) -> RunRecord:
    """Go on with a run, see `engine.training.resuming.resume`; parameters and errors otherwise as for `fit`."""
    record, kept = going_on.record, going_on.kept
    recipe = record.recipe if going_on.epochs is None else replace(record.recipe, epochs=going_on.epochs)
    try:
        recipes.check(recipe)
    except ValueError as error:
        raise UserError(f"The recipe of run {record.id} cannot be trained: {error}", "Begin a new run with its weights.") from None
    network = str(folder / saved.NETWORK)
    told = token, emit, pinned
    order = Order(kept.dataset, network, recipe, record.preprocessing, folder, *told, record.id, record.threads, record.network)
    order = order._replace(freeze=record.frozen, steering=steering, sweep=record.sweep, going_on=going_on, team=team)
    with runs.trained_here(folder):
        return NetworkJob(order).carry_out()


def _take_away(folder: Path, whole: bool) -> None:
    """Remove a run that came to nothing; of a folder that was there before only what would make it a run."""
    if whole:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name in (runs.RECORD, runs.LOCK, runs.CHECKPOINT, runs.CHECKPOINT_BEFORE):
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)
