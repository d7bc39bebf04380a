"""The command SuggestLabels: classes for pictures that have none, those first of which the answer teaches most.

Uncertainty sampling by margin: Scheffer, Decomain and Wrobel, "Active hidden Markov models for information extraction", 2001.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.doctor import descriptors, suspects
from engine.doctor.material import Material, Rows, figures_of, of_project
from engine.doctor.neighbours import nearest
from engine.doctor.threads import one_thread
from engine.messages import SuggestionsReady, SuggestLabels
from engine.project.records import Flag

if TYPE_CHECKING:
    from engine.session import Emit, Session

ASKED = 2000  # unlabelled pictures among which the most uncertain are looked for
LEARNED = 4000  # labelled pictures that vote, at most
STEEP = 8.0  # power of the distance: a class twice as near as another is nearly certain
KEPT = 20_000  # answers of runs kept in memory

Shares = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def suggest_labels(session: Session, command: SuggestLabels, token: CancelToken, emit: Emit) -> None:
    """Answer SuggestLabels. Without a run, and before two classes have a picture, nothing is suggested.

    Raises
    ------
    UserError
        If there is no such run, or it is damaged.
    Cancelled
        If it was cancelled.
    """
    project = session.opened()
    material = of_project(project.snapshot)
    waiting = material.usable()
    waiting = waiting[material.labels[waiting] < 0]
    skipped = (project.snapshot.table.flags[waiting] & int(Flag.SKIPPED)) > 0
    asked = _spread(material, waiting[~skipped], ASKED)
    if len(asked) < command.limit:
        asked = np.concatenate([asked, _spread(material, waiting[skipped], min(ASKED, command.limit - len(asked)))])
    last = np.isin(asked, waiting[skipped])
    if command.run is None:
        shares, ok, source = by_neighbours(material, asked, token)
    else:
        shares, ok, source = _by_run(project.runs_folder / Path(command.run).name, material, asked, token)
    asked, last, shares = asked[ok], last[ok], shares[ok]
    order = uncertain_first(shares, last)[: command.limit]
    best = shares[order].argmax(axis=1) if len(order) else np.zeros(0, np.int64)
    emit(
        SuggestionsReady(
            ids=material.ids[asked[order]],
            class_ids=np.array([material.class_ids[number] for number in best.tolist()], np.int32),
            probabilities=shares[order, best] if len(order) else np.zeros(0, np.float32),
            source=source,
            remaining=int(np.count_nonzero(material.labels < 0)),
        )
    )


def uncertain_first(shares: Shares, last: npt.NDArray[np.bool_]) -> Rows:
    """The order in which to ask about pictures: smallest margin between the two best classes first, and those of `last` behind all others.

    Parameters
    ----------
    shares : float32 [n, K]
        Probabilities.
    last : bool [n]
        Pictures that were passed over already.
    """
    if shares.shape[1] < 2:
        return np.argsort(last, kind="stable")
    two = np.partition(shares, -2, axis=1)[:, -2:]
    return np.lexsort((two[:, 1] - two[:, 0], last))


def by_neighbours(material: Material, asked: Rows, token: CancelToken) -> tuple[Shares, npt.NDArray[np.bool_], str]:
    """Probabilities float32 [n, K] by the nearest labelled pictures; which could be judged, bool [n]; and who says so, in words."""
    one_thread()
    nothing = (
        np.zeros((len(asked), len(material.classes)), np.float32),
        np.zeros(len(asked), np.bool_),
        "Label pictures of two classes first",
    )
    usable = material.usable()
    labelled = _spread(material, usable[material.labels[usable] >= 0], LEARNED)
    if len(np.unique(material.labels[labelled])) < 2 or not len(asked):
        return nothing
    figures = figures_of(material, np.concatenate([labelled, asked]), token)
    vectors = descriptors.reduced(figures.vectors, token)
    count = len(labelled)
    known = figures.ok[:count]
    labels = material.labels[labelled][known]
    if len(np.unique(labels)) < 2:
        return nothing
    shares = shares_by_class(vectors[:count][known], labels, vectors[count:], len(material.classes), token)
    learned = int(np.count_nonzero(material.labels >= 0))
    return shares, figures.ok[count:], f"Nearest neighbours among {learned:,} labelled pictures"


def shares_by_class(known: Shares, labels: Labels, asked: Shares, classes: int, token: CancelToken) -> Shares:
    """Probabilities float32 [n, classes] by how near each class's own nearest pictures are, whatever the numbers of pictures.

    Every class is asked for as many neighbours as the smallest one has, so that the class which most was labelled of does not win by its
    number. Who has few neighbours is not called certain: k of them leave a share of 1 / (k + 1) to all classes alike.
    """
    present = np.unique(labels)
    neighbours = int(np.clip(np.bincount(labels)[present].min(), 1, suspects.NEIGHBOURS))
    closeness = np.zeros((len(asked), classes))
    for label in present.tolist():
        for start, distances, _ in nearest(known[labels == label], asked, neighbours, token):
            closeness[start : start + len(distances), label] = (np.maximum(distances, 1e-6).mean(axis=1)) ** -STEEP
    shares = closeness / closeness.sum(axis=1, keepdims=True)
    doubt = 1 / (neighbours + 1)
    result = (1 - doubt) * shares
    result[:, present] += doubt / len(present)
    return np.asarray(result, np.float32)


def _spread(material: Material, rows: Rows, most: int) -> Rows:
    """At most so many of these rows, chosen at random by their content, so that the same ones are chosen the next time."""
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.argsort(material.digests[rows], kind="stable")[:most]])


# ---------------------------------------------------------------- by a run

_answers: OrderedDict[tuple[str, int], Shares] = OrderedDict()  # by run and content; used in the live lane alone


def _by_run(folder: Path, material: Material, asked: Rows, token: CancelToken) -> tuple[Shares, npt.NDArray[np.bool_], str]:
    from engine import device as devices
    from engine.doctor.by_run import answers, columns_of
    from engine.training.saved import load_run

    run = load_run(folder, devices.choose("auto"))
    columns = columns_of(run, material.classes)
    shares = np.zeros((len(asked), len(material.classes) + 1), np.float32)
    ok = np.zeros(len(asked), np.bool_)
    new: list[int] = []
    for at, row in enumerate(asked.tolist()):
        kept = _answers.get((str(folder), int(material.digests[row])))
        if kept is None or len(kept) != len(columns) or not material.digests[row]:
            new.append(at)
            continue
        np.add.at(shares[at], columns, kept)
        ok[at] = True
    fresh = np.array(new, np.int64)
    for start, found, _, readable in answers(run, material.locators, material.root, asked[fresh], token):
        for answer, at, fine in zip(found, fresh[start : start + len(found)].tolist(), readable.tolist(), strict=True):
            if fine:
                np.add.at(shares[at], columns, answer)
                ok[at] = True
                if material.digests[asked[at]]:
                    _answers[str(folder), int(material.digests[asked[at]])] = answer
    while len(_answers) > KEPT:
        _answers.popitem(last=False)
    # what the project has no class for cannot be suggested
    shares = shares[:, :-1]
    return shares, ok & (shares.max(axis=1, initial=0) > 0), run.record.title
