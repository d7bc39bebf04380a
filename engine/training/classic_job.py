"""Classifiers that learn without gradients: the nearest neighbour."""

from __future__ import annotations

import time

import numpy as np
import torch
from msgspec.structs import replace

from engine.classic.nearest import NearestNeighbour
from engine.control import Cancelled
from engine.data import dataset as data
from engine.evaluation.metrics import confusion_matrix
from engine.messages import EpochDone, JobProgress, TrainingFinished
from engine.networks import zoo
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.training import preparing, saved, seen, supplying
from engine.training.job import Job, Results
from engine.training.preparing import Decoded

CHUNK = 1024


class ClassicJob(Job):
    """Remembers the training pictures, and asks for their neighbours."""

    def train(self) -> RunRecord:
        """Read, remember, write the run, test it."""
        self.recipe = replace(self.recipe, suit_augmentation=False)
        parts = self.decode()
        torch.set_num_threads(self.order.threads)
        title = zoo.card(self.order.network).title
        training = parts[Split.TRAIN]
        self.started(title, 0, parts, 0)
        model = NearestNeighbour(self.recipe.neighbours, self.recipe.distance, self.device)
        begun = time.perf_counter()
        model.fit(training.pixels, training.labels, len(self.dataset.classes), self.token)
        seconds = time.perf_counter() - begun
        self.folder.mkdir(parents=True, exist_ok=True)
        seen.save(self.folder, training.pixels, self.token)
        model.save(self.folder / saved.WEIGHTS)
        pictures = len(training.labels)
        record = self.record(Results(title, "completed", seconds, pictures / max(seconds, 1e-9), pictures))
        self.worth_keeping = True
        runs.save_record(self.folder, record)
        try:
            if Split.VALIDATION in parts:
                record = self.validated(record, parts[Split.VALIDATION], model)
            if Split.TEST in parts:
                record = self.tested(record, parts[Split.TEST], lambda pixels: self.neighbours_of(model, pixels, "Testing").argmax(1))
        except Cancelled:
            record = replace(record, outcome="cancelled")
            runs.save_record(self.folder, record)
        self.emit(TrainingFinished(record=record))
        return record

    def decode(self) -> dict[Split, Decoded]:
        """Decode all splits: this classifier needs all training pictures at once."""
        self.reading(0, int(np.count_nonzero(self.dataset.splits)))
        parts, failed = preparing.decode_splits(self.dataset, self.preprocessing, self.token, self.reading)
        for text in supplying.sentences(failed):
            self.warn(text)
        mean, deviation = data.measure(parts[Split.TRAIN].pixels)
        self.preprocessing = replace(self.preprocessing, mean=mean, std=deviation)
        return parts

    def validated(self, record: RunRecord, part: Decoded, model: NearestNeighbour) -> RunRecord:
        """Measure and tell the validation accuracy."""
        answers = self.neighbours_of(model, part.pixels, "Validating").argmax(1)
        accuracy = float((answers == part.labels).mean())
        confusion = confusion_matrix(part.labels, answers, len(self.dataset.classes))
        nothing = float("nan")
        self.emit(
            EpochDone(
                run=self.run,
                epoch=0,
                step=0,
                train_loss=nothing,
                train_accuracy=nothing,
                validation_loss=nothing,
                validation_accuracy=accuracy,
                confusion=confusion,
            )
        )
        return replace(record, validation_accuracy=accuracy)

    def neighbours_of(self, model: NearestNeighbour, pixels: np.ndarray, text: str) -> np.ndarray:
        """Probabilities, float32 [N, K]."""
        answers = []
        for start in range(0, len(pixels), CHUNK):
            self.emit(JobProgress(fraction=start / len(pixels), text=f"{text}: {start:,} of {len(pixels):,} pictures"))
            answers.append(model.predict_proba(pixels[start : start + CHUNK], self.token))
        return np.concatenate(answers)
