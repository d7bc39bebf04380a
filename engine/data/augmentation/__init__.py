"""From uint8 pixels to a network's input, in batches on the device: changed at random for training, normalised always.

In this order: moved (shift, crop, mirror, rotation, scale in one sampling), RandAugment, colour, blur, noise, erasing, normalising, mixing.
"""

from engine.data.augmentation.augment import Augment
from engine.data.augmentation.mixing import Mix, Mixed
from engine.data.augmentation.normalise import Normalise
from engine.data.augmentation.portion import Portion

__all__ = ["Augment", "Mix", "Mixed", "Normalise", "Portion"]
