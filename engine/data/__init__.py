"""From files to uint8 pictures: sources, decoding, preprocessing, augmentation, splits."""
