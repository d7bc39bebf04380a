"""The command `evaluate`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from engine.commands.output import Output, percent, table
from engine.commands.predicting import check_run
from engine.control import CancelToken
from engine.failure import UserError
from engine.project.records import Evaluation, Split

if TYPE_CHECKING:
    import numpy as np

    from engine.data.dataset import Dataset

PREFERENCE = (Split.TEST, Split.VALIDATION, Split.TRAIN)  # a run is judged on what it has not seen, where there is such a part


def evaluate(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Measure a run on the test pictures of some data."""
    check_run(options.run)
    from engine.data.dataset import from_source
    from engine.data.sources import scan
    from engine.evaluation.evaluate import evaluate_run
    from engine.training import seen

    dataset = from_source(scan(options.data, token, lambda done, total: output.progress("Looking through files", done / max(1, total))))
    split, rows = _rows(dataset)
    output.progress(f"Measuring {len(rows):,} {split.name.lower()} pictures", None)
    evaluation = evaluate_run(options.run, dataset, rows, token, split)
    if evaluation.seen_in_training:
        output.line(f"Warning: {seen.warning(evaluation.seen_in_training, len(evaluation.labels))}")
    output.answer(_values(evaluation), _lines(evaluation))
    return 0


def _rows(dataset: Dataset) -> tuple[Split, np.ndarray]:
    for split in PREFERENCE:
        rows = dataset.rows(split)
        if len(rows):
            return split, rows
    raise UserError("These pictures have no labels to measure by.", "Give a folder with a folder for each class.")


def _values(evaluation: Evaluation) -> dict[str, Any]:
    columns = zip(evaluation.classes, evaluation.precision, evaluation.recall, evaluation.f1, evaluation.support, strict=True)
    return {
        "split": evaluation.split.name.lower(),
        "images": len(evaluation.labels),
        "accuracy": evaluation.accuracy,
        "top5": evaluation.top5,
        "loss": evaluation.loss,
        "classes": evaluation.classes,
        "confusion": evaluation.confusion,
        "per_class": [
            {"class": name, "precision": precision, "recall": recall, "f1": f1, "support": support}
            for name, precision, recall, f1, support in columns
        ],
        "calibration_error": evaluation.calibration_error,
        "seen_in_training": evaluation.seen_in_training,
    }


def _lines(evaluation: Evaluation) -> list[str]:
    low, high = evaluation.interval
    split = evaluation.split.name.lower()
    columns = zip(evaluation.classes, evaluation.precision, evaluation.recall, evaluation.f1, evaluation.support, strict=True)
    rows = [(name, percent(precision), percent(recall), percent(f1), f"{support:,}") for name, precision, recall, f1, support in columns]
    return [
        f"Accuracy {percent(evaluation.accuracy)} on {len(evaluation.labels):,} {split} pictures (95 %: {percent(low)} to {percent(high)})",
        f"Top-5 {percent(evaluation.top5)}, loss {evaluation.loss:.4f}, calibration error {percent(evaluation.calibration_error)}",
        "",
        *table(("class", "precision", "recall", "f1", "pictures"), rows, right=frozenset({1, 2, 3, 4})),
    ]
