"""Small pictures that differ from one another; for the generators, which run on Python 3.7."""

import io

import numpy as np
from PIL import Image


def pictures(count, height, width, channels, seed):
    """Yields pictures: a disc on a plain ground, with some noise.

    Args:
        count: how many.
        height, width: in pixels.
        channels: 1 or 3.
        seed: the same seed gives the same pictures.

    Yields:
        uint8 arrays of shape [height, width, channels].
    """
    chance = np.random.RandomState(seed)
    rows, columns = np.mgrid[:height, :width]
    for _ in range(count):
        centre = chance.uniform(0.3, 0.7, 2) * (height, width)
        radius = chance.uniform(0.1, 0.3) * min(height, width)
        disc = np.hypot(rows - centre[0], columns - centre[1]) < radius
        ground, colour = chance.randint(0, 256, (2, channels))
        noise = chance.randint(-20, 21, (height, width, channels))
        yield np.clip(np.where(disc[..., None], colour, ground) + noise, 0, 255).astype(np.uint8)


def encoded(picture, kind):
    """Returns a picture's bytes as a JPEG or PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=90)
    return file.getvalue()
