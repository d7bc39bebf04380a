"""How findings are put: titles with their numbers, and what the buttons of mends say."""

from __future__ import annotations

from collections.abc import Sequence

from engine.project.findings import Action, Finding, Group, Kind, Mend, Severity

MENDS: dict[Action, Mend] = {
    "remove": Mend("remove", "Remove", "r"),
    "keep-first": Mend("keep-first", "Keep the first", "k"),
    "relabel": Mend("relabel", "Relabel as suggested", "l"),
    "one-side": Mend("one-side", "Put into one split", "s"),
    "confirm": Mend("confirm", "The label is right", "c"),
    "flag": Mend("flag", "Mark for later", "f"),
    "class-weights": Mend("class-weights", "Weigh rare classes more", "w"),
    "balanced-sampling": Mend("balanced-sampling", "Draw classes equally often", "b"),
}


def mend(action: Action) -> Mend:
    """A mend with its title and key."""
    return MENDS[action]


def counted(count: int) -> str:
    """A number of pictures with its verb: "1 picture is", "12 pictures are"."""
    return "1 picture is" if count == 1 else f"{count:,} pictures are"


def finding(kind: Kind, severity: Severity, title: str, text: str, groups: Sequence[Group], mends: tuple[Mend, ...] = ()) -> Finding | None:
    """A finding, its groups worst first; None where there are none."""
    if not groups:
        return None
    return Finding(kind, severity, title, text, tuple(sorted(groups, key=lambda group: -group.score)), mends)
