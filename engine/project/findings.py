"""What the doctor finds in the data, as records: no pixels, no torch."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "hint"]
Kind = Literal[
    "unreadable",
    "missing",
    "duplicate",
    "near-duplicate",
    "leak",
    "conflict",
    "suspect",
    "imbalance",
    "few",
    "dark",
    "bright",
    "blurred",
    "tiny",
    "aspect",
    "outlier",
]
Action = Literal["remove", "keep-first", "relabel", "one-side", "confirm", "flag", "class-weights", "balanced-sampling"]


class Mend(msgspec.Struct, frozen=True):
    """What can be done about a group of a finding.

    Attributes
    ----------
    action : str
        "remove": take all pictures of the group out of the project. "keep-first": all but the first. "relabel": give the group the class
        suggested for it. "one-side": give all the split of the first. "confirm": mark the label as right, so that it is not found again.
        "flag": mark for later. "class-weights", "balanced-sampling": switch that on in the next training's recipe.
    title : str
        As on its button.
    key : str
        One letter or digit that carries it out, for example "r".
    """

    action: Action
    title: str
    key: str


class Group(msgspec.Struct, frozen=True):
    """Pictures that belong together in a finding, shown side by side.

    Attributes
    ----------
    images : tuple of int
        Ids in the project; row numbers where there is no project. Empty for findings about classes.
    words : str
        What there is to say of this group, for example 'labelled "cat", looks like "dog" (93 %)'.
    suggested : int or None
        Id of the class that "relabel" would give (index of the class where there is no project).
    score : float
        How bad, in [0, 1]; groups are in falling order of it.
    """

    images: tuple[int, ...]
    words: str = ""
    suggested: int | None = None
    score: float = 1.0


class Finding(msgspec.Struct, frozen=True):
    """One kind of thing that was found.

    Attributes
    ----------
    title : str
        With its number, for example "12 pictures in more than one split".
    text : str
        Why it matters and what to do, in one or two sentences.
    groups : tuple of Group
        Worst first.
    mends : tuple of Mend
        What can be done with each group; the first is the usual one.
    """

    kind: Kind
    severity: Severity
    title: str
    text: str
    groups: tuple[Group, ...]
    mends: tuple[Mend, ...] = ()
