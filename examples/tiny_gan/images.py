"""Image grids."""
import numpy as np
import scipy.misc


def save_grid(path, images):
    """Write a square grid of images in [-1, 1]; what does not fill it is left out."""
    side = np.int(np.sqrt(len(images)))
    _, height, width, channels = images.shape
    grid = images[:side * side].reshape(side, side, height, width, channels)
    grid = grid.transpose(0, 2, 1, 3, 4).reshape(side * height, side * width, channels)
    scipy.misc.imsave(path, (grid + 1) / 2)
