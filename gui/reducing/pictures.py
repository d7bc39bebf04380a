"""The pictures of the project: added, removed, labelled, marked, examined."""

from __future__ import annotations

from typing import Any

import msgspec

from engine import messages
from engine.project import tables
from gui.reducing.registry import on, with_
from gui.state import AppState, ReportDismissed


@on(messages.ClassesChanged)
def _classes_changed(event: messages.ClassesChanged, state: AppState) -> AppState:
    """What was measured calls renamed classes by their new names at once."""
    before = {record.id: record.name for record in state.classes}
    renamed = {before[record.id]: record.name for record in event.classes if before.get(record.id, record.name) != record.name}
    if not renamed:
        return with_(state, classes=event.classes)
    evaluations = {
        key: msgspec.structs.replace(evaluation, classes=tuple(renamed.get(name, name) for name in evaluation.classes))
        for key, evaluation in state.evaluations.items()
    }
    return with_(state, classes=event.classes, evaluations=evaluations)


@on(messages.ImagesAdded)
def _images_added(event: messages.ImagesAdded, state: AppState) -> AppState:
    return with_(state, images=tables.merged(state.images, event.images), **_data_changed(state))


@on(messages.ImagesRefreshed)
def _images_refreshed(event: messages.ImagesRefreshed, state: AppState) -> AppState:
    return with_(state, images=tables.merged(state.images, event.images))


@on(messages.ImagesRemoved)
def _images_removed(event: messages.ImagesRemoved, state: AppState) -> AppState:
    import numpy as np

    if state.images is None:
        return state
    keep = np.isin(state.images.ids, event.ids, assume_unique=True, invert=True)
    return state if keep.all() else with_(state, images=tables.taken(state.images, np.flatnonzero(keep)), **_data_changed(state))


@on(messages.LabelsChanged)
def _labels_changed(event: messages.LabelsChanged, state: AppState) -> AppState:
    if state.images is None:
        return state
    images = tables.changed(state.images, event.ids, class_ids=event.class_ids, splits=event.splits)
    return with_(state, images=images, **_data_changed(state))


@on(messages.FlagsChanged)
def _flags_changed(event: messages.FlagsChanged, state: AppState) -> AppState:
    return state if state.images is None else with_(state, images=tables.changed(state.images, event.ids, flags=event.flags))


@on(messages.NotesChanged)
def _notes_changed(event: messages.NotesChanged, state: AppState) -> AppState:
    return with_(state, notes={image: text for image, text in {**state.notes, **event.notes}.items() if text})


@on(messages.ImportFinished)
def _import_finished(event: messages.ImportFinished, state: AppState) -> AppState:
    return with_(state, import_report=event)


@on(ReportDismissed)
def _report_dismissed(event: ReportDismissed, state: AppState) -> AppState:
    return with_(state, import_report=None)


@on(messages.FindingsReady)
def _findings_ready(event: messages.FindingsReady, state: AppState) -> AppState:
    return with_(state, findings=event, findings_stale=False)


@on(messages.ScoresReady)
def _scores_ready(event: messages.ScoresReady, state: AppState) -> AppState:
    return with_(state, scores={**state.scores, event.run: event})


@on(messages.SuggestionsReady)
def _suggestions_ready(event: messages.SuggestionsReady, state: AppState) -> AppState:
    return with_(state, suggestions=event)


@on(messages.InputPreviewReady)
def _input_preview_ready(event: messages.InputPreviewReady, state: AppState) -> AppState:
    return with_(state, input_preview=event)


@on(messages.Exported)
def _exported(event: messages.Exported, state: AppState) -> AppState:
    return with_(state, exported=event)


def _data_changed(state: AppState) -> dict[str, Any]:
    """What the doctor found may hold no longer."""
    return {"findings_stale": True} if state.findings is not None and not state.findings_stale else {}
