"""The figures of a network on the project's data, as the strip below its drawing shows them. No Qt widgets."""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication

from engine import messages
from engine.networks.arithmetic import Analysis, NetworkError
from engine.networks.layers import Shape
from gui import networks, plan
from gui.state import AppState
from gui.widgets.basics import count, duration

WITHIN = frozenset({"residual", "body", "block", "blocks", "layers"})
"""Words of dotted names that tell of nesting alone."""
Figure = tuple[str, str, str]
"""Caption, figure, tooltip."""


def scale_of(number: float, unit: str = "") -> str:
    """A large number in three digits: 61.7 k, 1.23 M, 4.56 G.

    Examples
    --------
    >>> scale_of(61706), scale_of(416520, "B"), scale_of(12)
    ('61.7 k', '417 kB', '12')
    """
    for power, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= power:
            figure = number / power
            return f"{figure:.{0 if figure >= 100 else 1 if figure >= 10 else 2}f} {prefix}{unit}"
    return f"{number:.0f} {unit}".strip()


def short_name(name: str) -> str:
    """A dotted name without the words that say no more than that a layer lies within another.

    Examples
    --------
    >>> short_name("stage1.block1.residual.body.conv1"), short_name("features.1.0.block.3"), short_name("conv1")
    ('stage1.block1.conv1', 'features.1.0.3', 'conv1')
    """
    parts = name.split(".")
    return ".".join([*(part for part in parts[:-1] if part not in WITHIN), parts[-1]])


def network_figures(state: AppState) -> tuple[Figure, ...]:
    """Input and output, and where the network fits: parameters, multiply-adds, receptive field, memory."""
    name = plan.network_name(state)
    shape = plan.input_shape(state, name)
    flow = tr("{channels} × {height} × {width} → {classes} classes").format(
        channels=shape[0], height=shape[1], width=shape[2], classes=plan.class_number(state)
    )
    first = (tr("input → output"), flow, tr("channels × height × width of the picture that the network gets"))
    try:
        worked = plan.analysis(state, name)
    except NetworkError:
        return (first,)
    if worked is not None:
        probed = measured(state, name)
        return (first, *_of_layers(state, worked), *(_of_probe(state, probed) if probed is not None else ()))
    return (first, *_of_neighbours(state, shape)) if networks.is_classic(name) else (first,)


def _of_layers(state: AppState, worked: Analysis) -> tuple[Figure, ...]:
    batch, alone = plan.batch_taken(state), plan.last_layer_alone(state)
    held = tr("In training: weights, gradients, moments and the activations of a batch of {batch}, as float32")
    if alone:
        held = tr("In training of the last layer alone: weights and the largest activations of a batch of {batch}, as float32")
    field = worked.receptive_field
    extra = worked.auxiliary_parameters
    learned = tr("Numbers that are learned")
    if extra:
        learned = tr("{number} more in heads that only training uses").format(number=count(extra))
    sees = f"{field[0]} × {field[1]}" if field is not None else "–"
    return (
        (tr("parameters"), count(worked.parameters), learned),
        (tr("multiply-adds"), scale_of(worked.multiply_adds), tr("{number} for one picture").format(number=count(worked.multiply_adds))),
        (tr("receptive field"), sees, tr("Pixels that one unit of the last layer can see, padding included")),
        (
            tr("memory (estimate)"),
            "≈ " + scale_of(plan.memory_estimate(worked, batch, alone), "B"),
            held.format(batch=batch),
        ),
    )


def measured(state: AppState, name: str) -> messages.TrainingProbed | None:
    """What a training step of this network was measured to cost, if it was, with the input, classes and batch of now."""
    probed = state.training_probed
    plain = name.removeprefix(networks.OWN)
    now = (plan.input_shape(state, name), plan.class_number(state), plan.batch_taken(state))
    if probed is None or probed.network not in (name, plain) or (probed.input, probed.classes, probed.batch) != now:
        return None
    return probed


def _of_probe(state: AppState, probed: messages.TrainingProbed) -> tuple[Figure, ...]:
    verdict = {"fits": tr("it fits"), "tight": tr("it is tight"), "too large": tr("too large here")}[probed.verdict]
    where = tr("{free} of {total} are free on {device}").format(
        free=scale_of(probed.free, "B"), total=scale_of(probed.total, "B"), device=probed.device
    )
    room = (tr("free: {verdict}").format(verdict=verdict), scale_of(probed.free, "B"), where)
    if probed.verdict == "too large" or probed.seconds <= 0:
        return (room,)
    pictures = plan.training_pictures(state)
    each = tr("{time} a step of {batch} pictures, measured on {device}").format(
        time=milliseconds(probed.seconds), batch=probed.batch, device=probed.device
    )
    if not pictures:
        return (room, (tr("a step (measured)"), milliseconds(probed.seconds), each))
    steps = max(1, round(pictures / probed.batch))
    epoch = tr("{steps} steps; {each}").format(steps=count(steps), each=each)
    return (room, (tr("an epoch (estimate)"), "≈ " + _time(steps * probed.seconds), epoch))


def _time(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else milliseconds(seconds)


def milliseconds(seconds: float) -> str:
    """A short time: "31 ms", "2.4 s"."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _of_neighbours(state: AppState, shape: Shape) -> tuple[Figure, ...]:
    values, pictures = math.prod(shape), plan.training_pictures(state)
    each = tr("{values} values of each of {pictures} pictures").format(values=count(values), pictures=count(pictures))
    return (
        (tr("parameters"), "0", tr("Nothing is learned; all training pictures are kept")),
        (tr("pictures kept"), count(pictures), tr("Labelled pictures for training")),
        (tr("differences a picture"), scale_of(values * pictures), each),
        (tr("memory (estimate)"), "≈ " + scale_of(4 * values * pictures, "B"), tr("Training pictures as float32")),
    )


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("figures", text)
