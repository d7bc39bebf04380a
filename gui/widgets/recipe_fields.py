"""The fields of the recipe form: their words, and when one of them has no effect."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.training.recipe import SOFT, Augmentation, Recipe


class Field(msgspec.Struct, frozen=True):
    """A field of the form.

    Attributes
    ----------
    name : str
        In Recipe; "augmentation.shift" is one within its augmentation.
    words, tip : str
        Its title; what it does.
    choices : tuple of (str, str)
        Values and their words, where it is no number and no box.
    group : str
        Title of the group that it stands in.
    classic : bool
        Whether it is for classifiers without layers, and for them alone.
    empty : str
        What an empty field says, where it may be empty.
    """

    name: str
    words: str
    tip: str
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""
    classic: bool = False
    empty: str = ""


class Known(msgspec.Struct, frozen=True):
    """What the form must know of the network that will be trained.

    Attributes
    ----------
    name : str
        As commands name it.
    learned : bool
        Whether it begins with learned weights.
    distances, dropout, residual : bool
        Whether it ends in distances to codes, has dropout, has residual blocks; True where that is not known.
    layers : tuple of str
        Dotted names of its layers and containers; none where they are not known.
    """

    name: str = ""
    learned: bool = False
    distances: bool = True
    dropout: bool = True
    residual: bool = True
    layers: tuple[str, ...] = ()


STEPS, LOSS, LIMITS, FITTING = "Steps", "Loss", "Ending early", "Against overfitting"
BEGINNING, CLASSES, CHANGES, COMPUTING, NEAREST = "Beginning", "Rare and common classes", "Random changes", "Computing", ""
UNEQUAL = ("class_weights", "balanced_sampling")
WHY_UNEQUAL = "Where some classes have far fewer pictures than others, they are otherwise passed over. One of the two is enough."
UNEQUAL_IGNORED = "Nearest neighbours take no notice of these two."
DISTANCES = "rbf"
LOSSES = (
    ("cross-entropy", "Cross-entropy"),
    ("squared", "Squared error"),
    ("hinge", "Hinge (SVM)"),
    ("focal", "Focal"),
    (DISTANCES, "By distances"),
)
OPTIMISERS = (("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD"), ("muon", "Muon"))
SCHEDULES = (("one-cycle", "One cycle"), ("cosine", "Cosine"), ("linear", "Linear"), ("step", "In steps"), ("constant", "Constant"))
BEGINNINGS = (
    ("suited", "As suits each"),
    ("identity", "Pass on what enters"),
    ("kaiming", "Kaiming"),
    ("xavier", "Xavier"),
    ("fan-in", "1 / √ inputs"),
    ("normal", "1: saturates"),
)
FIELDS = (
    Field("epochs", "Epochs", "How often each training picture is seen, at most", group=STEPS),
    Field("least_steps", "Steps at least", "With few pictures there are more epochs, until there are so many steps; 0 is off", group=STEPS),
    Field("batch", "Batch at most", "Pictures shown at once; with few pictures the engine takes a sixteenth of them", group=STEPS),
    Field("accumulate", "Batches per step", "Gradients of so many batches are added up, for steps larger than memory", group=STEPS),
    Field("optimiser", "Optimiser", "How a step follows from the gradient; Muon turns the steps of hidden layers", OPTIMISERS, STEPS),
    Field("learning_rate", "Learning rate", "How far a step goes at most; too high diverges, too low creeps", group=STEPS),
    Field(
        "schedule",
        "Schedule",
        "How the learning rate changes: one cycle goes up, then down; in steps it falls to a tenth at half and at three quarters",
        SCHEDULES,
        STEPS,
    ),
    Field("warm_up", "Warm-up", "Share of the steps over which the learning rate rises, up to 0.9", group=STEPS, empty="as suits"),
    Field("momentum", "Momentum", "Share of the last step that goes into the next", group=STEPS),
    Field("nesterov", "Look ahead", "Nesterov: the gradient counts as if the momentum had been followed already", group=STEPS),
    Field("clip", "Clip gradients", "Largest norm of the gradient of all weights together; 0 is off", group=STEPS),
    Field("loss", "Loss", "What training makes small", LOSSES, LOSS),
    Field("focal", "Focal exponent", "How much less what is nearly certain counts; 0 is cross-entropy", group=LOSS),
    Field("label_smoothing", "Label smoothing", "Share of certainty spread over all classes, from 0 to below 1", group=LOSS),
    Field("minutes", "Minutes", "Training ends after so many, and the schedule is shortened to fit; 0 is off", group=LIMITS),
    Field("target", "Stop at accuracy", "Ends once so many validation pictures are right: 95 or 0.95; 0 is off", group=LIMITS),
    Field("patience", "Patience (epochs)", "Stops after so many epochs in which the validation loss fell no lower; 0 is off", group=LIMITS),
    Field("weight_decay", "Weight decay (L2)", "How strongly weights are pulled to zero, the larger the stronger", group=FITTING),
    Field("l1", "L1", "Weight of the sum of absolute weights in the loss: many become nearly zero; 0 is off", group=FITTING),
    Field("dropout", "Dropout", "Rate of all the network's dropout layers, up to 0.95", group=FITTING, empty="as it is"),
    Field("ema", "Averaged weights", "EMA: how slowly a running mean of the weights follows, 0.99 or so; 0 is off", group=FITTING),
    Field(
        "initialisation",
        "First weights",
        "Spread of the random weights before the first step; with 1 most units saturate",
        BEGINNINGS,
        BEGINNING,
    ),
    Field("zero_residual", "Blocks begin as shortcuts", "The last layer of each residual block begins at zero", group=BEGINNING),
    Field("probe", "Train the last layer only", "Linear probe: the features that the other layers find are computed once", group=BEGINNING),
    Field("frozen", "Frozen layers", "Names of layers that keep their weights, with commas between", group=BEGINNING, empty="none"),
    Field("layer_decay", "Earlier layers", "Learning rate of each part as a share of the next one's; 1 is equal", group=BEGINNING),
    Field("unfreeze", "Epochs to unfreeze", "After so many epochs one more part learns, from the last on; 0: all do", group=BEGINNING),
    Field("keep_norms", "Batch norms stay", "As they came with learned weights; for few pictures a must", group=BEGINNING),
    Field("neighbours", "Neighbours", "How many of the nearest pictures vote", group=NEAREST, classic=True),
    Field("distance", "Distance", "What near means", (("l2", "L2: Euclidean"), ("l1", "L1: sum of differences")), NEAREST, classic=True),
    Field("class_weights", "Class weights", "A picture counts the more in the loss, the fewer its class has", group=CLASSES),
    Field("balanced_sampling", "Balanced sampling", "Every class is shown equally often, rare pictures again and again", group=CLASSES),
    Field("suit_augmentation", "As suits the pictures", "Where the fields below change nothing, take what suits the data", group=CHANGES),
    Field("augmentation.flip", "Mirror left and right", "Every other picture; not for digits and letters", group=CHANGES),
    Field("augmentation.flip_vertical", "Mirror up and down", "Every other picture; for what has no up and down", group=CHANGES),
    Field("augmentation.shift", "Shift (share)", "Largest shift as a share of the side, up to 0.5", group=CHANGES),
    Field("augmentation.crop", "Crop (share)", "Smallest crop as a share of the side; 1 means none", group=CHANGES),
    Field("augmentation.rotate", "Rotate (°)", "Largest rotation in degrees, up to 180", group=CHANGES),
    Field("augmentation.scale", "Scale (±)", "Largest relative change of size, up to 0.9", group=CHANGES),
    Field("augmentation.colour", "Colour", "Largest change of brightness, contrast and saturation, up to 1", group=CHANGES),
    Field("augmentation.blur", "Blur", "Largest deviation of a Gaussian as a share of the side, up to 0.1", group=CHANGES),
    Field("augmentation.noise", "Noise (share)", "Largest deviation of noise as a share of the full range, up to 1", group=CHANGES),
    Field("augmentation.erase", "Erase", "Largest share of a picture that a grey rectangle covers, up to 0.9", group=CHANGES),
    Field("augmentation.rand_augment", "RandAugment", "Strength of two changes out of fourteen, up to 30; 0 is off", group=CHANGES),
    Field("augmentation.mixup", "MixUp", "How evenly two pictures shine through each other, up to 10; 0 is off", group=CHANGES),
    Field("augmentation.cutmix", "CutMix", "How much of another picture is laid over, up to 10; 0 is off", group=CHANGES),
    Field(
        "mixed_precision",
        "Mixed precision",
        "16-bit numbers where the device gains",
        (("auto", "Where it gains"), ("off", "Off")),
        group=COMPUTING,
    ),
    Field(
        "compiling",
        "Compiling",
        "Record or compile the steps on a graphics card that gains by it",
        (("auto", "Where it gains"), ("off", "Off")),
        group=COMPUTING,
    ),
    Field("seed", "Seed", "The same seed on the same device gives the same weights", group=COMPUTING),
    Field("tensorboard", "TensorBoard files", "Also write the curves as event files, into the run's folder", group=COMPUTING),
)


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("recipe", text)


def idle(recipe: Recipe, known: Known) -> dict[str, str]:
    """The fields that have no effect beside the other choices, by name, and why."""
    found: dict[str, str] = {}
    if recipe.optimiser not in ("sgd", "muon"):
        found["momentum"] = found["nesterov"] = tr("Adam keeps means of its own; SGD and Muon have momentum.")
    elif recipe.momentum == 0:
        found["nesterov"] = tr("Without momentum there is nothing to look ahead along.")
    if recipe.loss != "focal":
        found["focal"] = tr("For the focal loss only.")
    if recipe.loss not in SOFT:
        shared = tr("This loss takes one class a picture, not shares of several.")
        found |= dict.fromkeys(("label_smoothing", "augmentation.mixup", "augmentation.cutmix"), shared)
    if recipe.balanced_sampling:
        found["class_weights"] = tr("Balanced sampling does that already.")
    if recipe.augmentation != Augmentation():
        found["suit_augmentation"] = tr("The fields below say what is changed.")
    if not known.dropout:
        found["dropout"] = tr("This network has no dropout.")
    if not known.residual:
        found["zero_residual"] = tr("This network has no residual blocks.")
    if recipe.probe:
        alone = tr("In a linear probe the last layer alone learns.")
        once = tr("In a linear probe each picture is looked at once, as it is.")
        found |= dict.fromkeys(("frozen", "layer_decay", "unfreeze"), alone)
        pictures = (field.name for field in FIELDS if field.name.partition(".")[0] in ("augmentation", "suit_augmentation", "dropout"))
        found |= dict.fromkeys(pictures, once)
    return found
