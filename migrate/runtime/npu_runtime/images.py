"""imread, imsave and imresize as scipy.misc had them up to SciPy 1.1, on NumPy and Pillow.

Later releases of SciPy do not have them, and 1.1 has no wheel for Python 3.7 on aarch64, which
most Ascend hosts are. Results are the same bit for bit, oddities included: an array that is not
uint8 is stretched so that its own minimum and maximum become 0 and 255.
"""

import numpy as np
from PIL import Image

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}
_CHANNELS = {"RGB": 3, "YCbCr": 3, "RGBA": 4, "CMYK": 4}
_UNKNOWN_MODE = "Mode is unknown or incompatible with input array shape."


def imread(name, flatten=False, mode=None):
    """Reads an image file.

    Args:
        name: file name or binary file.
        flatten: whether to return one float32 channel of luminance.
        mode: Pillow mode to convert to, such as "RGB" or "L". None keeps the file's own, with a
            palette resolved to RGB or RGBA.

    Returns:
        Array of height x width, or height x width x channels.

    Raises:
        OSError: the file cannot be read as an image.
        ValueError: Pillow cannot convert to `mode`.
    """
    with Image.open(name) as image:
        return _to_array(image, flatten, mode)


def imsave(name, arr, format=None):
    """Writes an array to an image file.

    Args:
        name: file name, whose extension names the format, or binary file.
        arr: height x width (grey) or height x width x 3 (RGB) or 4 (RGBA).
        format: Pillow format such as "png"; None goes by the extension.

    Raises:
        ValueError: the shape or type cannot be an image, or the format is unknown.
        OSError: the file cannot be written.
    """
    _to_image(arr, None, channel_axis=2).save(name, format)


def imresize(arr, size, interp="bilinear", mode=None):
    """Resizes an image.

    Args:
        arr: two dimensions, or three of which one has length 3 or 4: the first of length 3, else
            the first of length 4, is taken for the channels.
        size: int, per cent of the present size; float, fraction of it; or (height, width).
        interp: nearest, lanczos, bilinear, bicubic or cubic.
        mode: Pillow mode to convert the array to before: F, I, L, P or 1 with two dimensions,
            RGB, YCbCr, RGBA or CMYK with three.

    Returns:
        Array of height x width, or height x width x channels.

    Raises:
        ValueError: shape, type or mode cannot be an image.
        KeyError: `interp` is unknown.
    """
    image = _to_image(arr, mode)
    if np.issubdtype(type(size), np.signedinteger):
        extent = tuple((np.array(image.size) * (size / 100.0)).astype(int))
    elif np.issubdtype(type(size), np.floating):
        extent = tuple((np.array(image.size) * size).astype(int))
    else:
        extent = (size[1], size[0])
    return _to_array(image.resize(extent, resample=_FILTERS[interp]))


def _to_array(image, flatten=False, mode=None):
    if mode is None and image.mode == "P":
        # The array would otherwise hold indices into the palette.
        mode = "RGBA" if "transparency" in image.info else "RGB"
    if mode is not None and mode != image.mode:
        image = image.convert(mode)
    if flatten:
        image = image.convert("F")
    elif image.mode == "1":
        image = image.convert("L")
    return np.array(image)


def _to_image(arr, mode, channel_axis=None):
    data = np.asarray(arr)
    if np.iscomplexobj(data):
        raise ValueError("Cannot convert a complex-valued array.")
    if data.ndim == 2:
        return _plane_to_image(data, mode)
    if data.ndim != 3 or not {3, 4} & set(data.shape):
        raise ValueError("'arr' does not have a suitable array shape for any mode.")

    if channel_axis is None:
        channel_axis = data.shape.index(3 if 3 in data.shape else 4)
    channels = data.shape[channel_axis]
    if channels not in (3, 4):
        raise ValueError("Channel axis dimension is not valid.")
    pixels = np.moveaxis(_stretched(data), channel_axis, 2)
    if mode is None:
        mode = "RGB" if channels == 3 else "RGBA"
    if mode not in _CHANNELS:
        raise ValueError(_UNKNOWN_MODE)
    if channels != _CHANNELS[mode]:
        raise ValueError("Invalid array shape for mode.")
    return _from_pixels(mode, pixels)


def _plane_to_image(data, mode):
    if mode == "F":
        return _from_pixels(mode, data.astype(np.float32))
    if mode == "1":
        # SciPy hands one byte per pixel to a mode that reads one bit: the picture is nonsense,
        # and the same nonsense here.
        return _from_pixels(mode, data > 255)
    if mode == "I":
        low, high = data.min(), data.max()
        return _from_pixels(mode, ((data * 1.0 - low) * 255 / (high - low)).astype(np.uint32))
    if mode not in (None, "L", "P"):
        raise ValueError(_UNKNOWN_MODE)
    image = _from_pixels("L", _stretched(data))
    if mode == "P":
        image.putpalette(np.arange(256, dtype=np.uint8).repeat(3).tobytes())
    return image


def _from_pixels(mode, pixels):
    return Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def _stretched(data):
    """Returns uint8 data as it is, any other with its minimum at 0 and its maximum at 255."""
    if data.dtype == np.uint8:
        return data
    low = data.min()
    span = data.max() - low
    if span < 0:  # A small integer type overflowed.
        raise ValueError("`cmax` should be larger than `cmin`.")
    scaled = (data - low) * (255.0 / (span or 1))
    return (scaled.clip(0, 255) + 0.5).astype(np.uint8)
