"""Keras with torch beneath it: the same networks in its layers, `model.fit` on float32 arrays, as its tutorials do."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from keras import layers

from tests.benchmarks.peers.forms import LEARNING_RATE, TEST_BATCH, WEIGHT_DECAY, Form, Job

NORM = {"momentum": 0.9, "epsilon": 1e-5}  # torch's


def lenet(pictures: keras.KerasTensor) -> keras.KerasTensor:
    """LeNet-5 as in `engine.networks.zoo.lenet`."""
    maps = layers.Conv2D(6, 5, activation="relu")(pictures)
    maps = layers.MaxPooling2D(2)(maps)
    maps = layers.Conv2D(16, 5, activation="relu")(maps)
    maps = layers.MaxPooling2D(2)(maps)
    maps = layers.Conv2D(120, 5, activation="relu")(maps)
    hidden = layers.Dense(84, activation="relu")(layers.Flatten()(maps))
    return layers.Dense(10)(hidden)


def _conv(maps: keras.KerasTensor, filters: int, side: int, stride: int) -> keras.KerasTensor:
    """Padded on all sides alike, as torch does; Keras's "same" would pad strided ones on one side more."""
    if side > 1:
        maps = layers.ZeroPadding2D(side // 2)(maps)
    axis = 1 if keras.config.image_data_format() == "channels_first" else -1
    return layers.BatchNormalization(axis, **NORM)(layers.Conv2D(filters, side, stride, use_bias=False)(maps))


def resnet18(pictures: keras.KerasTensor) -> keras.KerasTensor:
    """ResNet-18 as in `engine.networks.zoo.resnet`."""
    maps = layers.ReLU()(_conv(pictures, 64, 7, 2))
    maps = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(maps))  # what enters is not below 0
    for width in (64, 128, 256, 512):
        for block in (1, 2):
            stride = 2 if block == 1 and width > 64 else 1
            body = _conv(layers.ReLU()(_conv(maps, width, 3, stride)), width, 3, 1)
            maps = layers.ReLU()(layers.Add()([body, _conv(maps, width, 1, stride) if stride > 1 else maps]))
    return layers.Dense(10)(layers.GlobalAveragePooling2D()(maps))


NETWORKS = {"lenet-5": lenet, "resnet-18": resnet18}


class Keras(Form):
    version = keras.__version__

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        pixels, self.labels, test_pixels, self.test_labels = self.material
        self.pictures, self.test_pictures = self._normalised(pixels), self._normalised(test_pixels)
        del self.material  # as the tutorials have it, floats take the place of bytes

    def _normalised(self, pixels: np.ndarray) -> np.ndarray:
        pictures = pixels.astype("float32") / 255
        pictures -= np.array(self.mean, np.float32)
        pictures /= np.array(self.deviation, np.float32)
        return pictures

    def begin(self, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        channels, height, width = self.shape
        first = keras.config.image_data_format() == "channels_first"
        entrance = keras.Input((channels, height, width) if first else (height, width, channels))
        self.model = keras.Model(entrance, NETWORKS[self.job.network](entrance))
        count = sum(parameter.numel() for parameter in self.network(seed).parameters())
        mine = sum(int(np.prod(weight.shape)) for weight in self.model.trainable_weights)
        assert mine == count, f"Keras's network has {mine:,} parameters and ours {count:,}"
        self.model.compile(
            optimizer=keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def learn(self, few: bool) -> None:
        count = self.few if few else len(self.labels)
        self.model.fit(self.pictures[:count], self.labels[:count], batch_size=self.job.batch, epochs=1, verbose=0)

    def measure(self) -> float:
        return float(self.model.evaluate(self.test_pictures, self.test_labels, batch_size=TEST_BATCH, verbose=0)[1])


class KerasChannelsFirst(Keras):
    """With the layout that torch's convolutions on a CPU expect, which Keras does not take by itself."""

    def __init__(self, job: Job) -> None:
        keras.config.set_image_data_format("channels_first")
        super().__init__(job)
        self.pictures, self.test_pictures = (np.ascontiguousarray(p.transpose(0, 3, 1, 2)) for p in (self.pictures, self.test_pictures))
