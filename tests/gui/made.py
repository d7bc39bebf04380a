"""Records that the window's tests are made of."""

from __future__ import annotations

import numpy as np
from fake_host import FakeHost

from engine.data.preprocessing import Preprocessing
from engine.messages import (
    ImagesRemoved,
    LabelEach,
    LabelsChanged,
    ProjectOpened,
    RemoveImages,
    SetLabels,
    TrainingStarted,
)
from engine.project import tables
from engine.project.records import ClassRecord, ImageTable, ProjectRecord, RunRecord
from engine.training.recipe import Recipe

CLASSES = (ClassRecord(1, "cat", "#e69f00"), ClassRecord(2, "dog", "#56b4e9"), ClassRecord(3, "owl", "#009e73"))


def table(ids, class_ids=None, splits=None, prefix="picture") -> ImageTable:
    ids = np.asarray(ids, np.int64)
    class_ids = np.full(len(ids), -1) if class_ids is None else class_ids
    splits = np.zeros(len(ids)) if splits is None else splits
    names = tuple(f"{prefix}_{image}.png" for image in ids.tolist())
    return tables.table(ids, names, class_ids=class_ids, splits=splits)


def opened(count=12, class_ids=None, job=0, folder="/tmp/pets", read_only="", **more) -> ProjectOpened:
    """A project of `count` pictures with ids 10, 11, …, two thirds of them labelled unless told otherwise."""
    if class_ids is None:
        class_ids = [(-1, 1, 2)[at % 3] for at in range(count)]
    return ProjectOpened(
        job=job,
        project=ProjectRecord(folder, "Pets", read_only),
        classes=CLASSES,
        images=table(range(10, 10 + count), class_ids),
        runs=more.get("runs", ()),
        memory=more.get("memory", {}),
    )


def run_record(name="run-1", accuracy=0.9, **more) -> RunRecord:
    values = {
        "network": "lenet-5",
        "title": "LeNet-5",
        "recipe": Recipe(),
        "preprocessing": Preprocessing(32, 32, 1),
        "classes": ("cat", "dog", "owl"),
        "created": "2026-01-02T03:04:05",
        "outcome": "completed",
        "parameters": 61706,
        "device": "cpu",
        "epochs": 3,
        "steps": 30,
        "seconds": 2.0,
        "images_per_second": 1000.0,
        "train_loss": 0.1,
        "validation_accuracy": accuracy,
        "test_accuracy": accuracy,
    }
    return RunRecord(id=name, **{**values, **more})


def started(run="run-1", job=0) -> TrainingStarted:
    return TrainingStarted(
        job=job,
        run=run,
        network="lenet-5",
        title="LeNet-5",
        recipe=Recipe(),
        parameters=61706,
        device="cpu",
        classes=("cat", "dog", "owl"),
        train_images=8,
        validation_images=2,
        test_images=2,
        steps_per_epoch=10,
    )


def answer_edits(host: FakeHost) -> None:
    """Let the fake host answer labelling and removing as the store does."""

    def label(command: SetLabels, job: int):
        ids = np.asarray(sorted(command.images), np.int64)
        value = -1 if command.class_id is None else command.class_id
        return [LabelsChanged(job=job, ids=ids, class_ids=np.full(len(ids), value, np.int32), splits=np.ones(len(ids), np.int8))]

    def remove(command: RemoveImages, job: int):
        return [ImagesRemoved(job=job, ids=np.asarray(sorted(command.images), np.int64))]

    def label_each(command: LabelEach, job: int):
        ids = np.array(sorted(command.images), np.int64)
        wanted = dict(zip(command.images, command.class_ids, strict=True))
        yield LabelsChanged(
            ids=ids, class_ids=np.array([wanted[image] for image in ids.tolist()], np.int32), splits=np.full(len(ids), 1, np.int8)
        )

    host.answers[LabelEach] = label_each
    host.answers[SetLabels] = label
    host.answers[RemoveImages] = remove


def answered(widget, bridge, host, fields) -> None:
    """Render a widget until all that it asks for is answered."""
    widget.render(bridge.state, fields)
    while host.waiting:
        bridge.tick()
        widget.render(bridge.state, fields)
