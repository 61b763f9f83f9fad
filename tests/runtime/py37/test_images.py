"""images.py against SciPy 1.1.0's scipy.misc: same results bit for bit, same errors."""

import io
import itertools
import random
import warnings

import numpy as np
import pytest
import scipy
from npu_runtime import images
from PIL import Image

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scipy import misc

pytestmark = pytest.mark.filterwarnings("ignore")

DTYPES = [
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64", "complex64",
]  # fmt: skip
SHAPES = [
    (1, 1), (5, 7), (8, 3), (1, 9), (9, 1), (0, 3), (), (4,),
    (5, 7, 3), (5, 7, 4), (3, 5, 7), (4, 5, 7), (5, 3, 7), (5, 4, 7),
    (3, 4, 3), (4, 3, 4), (3, 3, 3), (4, 4, 4), (5, 7, 1), (5, 7, 2), (2, 5, 7, 3),
]  # fmt: skip
MODES = [None, "L", "P", "1", "I", "F", "RGB", "RGBA", "YCbCr", "CMYK", "LA", "nonsense"]
INTERP = ["nearest", "lanczos", "bilinear", "bicubic", "cubic", "nonsense"]
SIZES = [50, 150, 0, 0.5, 1.7, (6, 4), (1, 1), [3, 8], np.float32(0.7), np.int64(80), True]


def test_the_reference_is_scipy_1_1_0():
    assert scipy.__version__ == "1.1.0"


def array(rng, shape, dtype):
    """Values of the whole range of a type, of a narrow range, or all the same."""
    kind = rng.choice(["whole", "narrow", "constant", "unit"])
    state = np.random.RandomState(rng.randrange(2**32))
    if dtype == "bool":
        return state.randint(0, 2, shape).astype(bool)
    if kind == "constant":
        return np.full(shape, 7, dtype)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        if kind == "whole":
            return state.randint(info.min, info.max, shape, dtype=dtype)
        return state.randint(3, 90, shape).astype(dtype)
    scale = {"whole": 6e4, "narrow": 1e-3, "unit": 1.0}[kind]
    return (state.uniform(-1, 1, shape) * scale).astype(dtype)


def outcome(function, *args, **kwargs):
    """Returns what a call gives, in a form that == compares bit for bit.

    All errors are alike here: which comes first, where several things are wrong, is no behaviour.
    """
    try:
        result = function(*args, **kwargs)
    except Exception:
        return "error"
    if isinstance(result, np.ndarray):
        return result.dtype.str, result.shape, result.tobytes()
    return result


def saved(module, arr, format):
    file = io.BytesIO()
    module.imsave(file, arr, format)
    return file.getvalue()


def same_saved(arr, format="png"):
    reference = outcome(saved, misc, arr, format)
    assert outcome(saved, images, arr, format) == reference
    return reference != "error"


def same_resized(*args, **kwargs):
    reference = outcome(misc.imresize, *args, **kwargs)
    assert outcome(images.imresize, *args, **kwargs) == reference
    return reference != "error"


def same_read(data, **kwargs):
    got = outcome(images.imread, io.BytesIO(data), **kwargs)
    assert got == outcome(misc.imread, io.BytesIO(data), **kwargs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_imsave(shape, dtype):
    rng = random.Random(dtype + str(shape))
    for _ in range(4):
        same_saved(array(rng, shape, dtype))


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_imresize_of_every_mode(mode, dtype):
    rng = random.Random(dtype + str(mode))
    for shape in SHAPES:
        same_resized(array(rng, shape, dtype), (4, 6), mode=mode)


@pytest.mark.parametrize("interp", INTERP)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_imresize_of_every_size(size, interp):
    rng = random.Random(interp + str(size))
    for shape, dtype in itertools.product([(5, 7), (9, 6, 3), (4, 8, 6)], ["uint8", "float32"]):
        same_resized(array(rng, shape, dtype), size, interp)


def test_random_sweep():
    rng = random.Random(20180506)
    resized = written = 0
    for _ in range(3000):
        dimensions = rng.choice([2, 3, 3, 3])
        shape = tuple(rng.choice([1, 2, 3, 3, 4, 4, 6, 9]) for _ in range(dimensions))
        arr = array(rng, shape, rng.choice(DTYPES))
        if rng.random() < 0.2:
            arr = arr.T
        if rng.random() < 0.1 and arr.dtype.kind == "f":
            arr.flat[0] = rng.choice([np.nan, np.inf, -np.inf])
        mode = rng.choice(MODES[: 6 if dimensions == 2 else 10])
        resized += same_resized(arr, rng.choice(SIZES), rng.choice(INTERP), mode)
        written += same_saved(arr, rng.choice(["png", "bmp", "jpeg", "gif"]))
    assert (resized, written) > (500, 500)


@pytest.mark.parametrize("convert", MODES, ids=str)
@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("own", ["L", "P", "1", "I", "RGB", "RGBA", "LA", "transparent P"])
def test_imread(own, flatten, convert):
    pixels = np.random.RandomState(1).randint(0, 256, (6, 5, 4)).astype(np.uint8)
    image = Image.fromarray(pixels, "RGBA").convert("RGB" if own.endswith("P") else "RGBA")
    image = image.convert("L").convert("I") if own == "I" else image.convert(own.split()[-1])
    file = io.BytesIO()
    image.save(file, "png", **({"transparency": 0} if own == "transparent P" else {}))
    same_read(file.getvalue(), flatten=flatten, mode=convert)


def test_files_by_name(tmp_path):
    arr = np.random.RandomState(2).uniform(-1, 1, (6, 5, 3))
    for extension in ("png", "jpg", "bmp"):
        mine, reference = str(tmp_path / ("a." + extension)), str(tmp_path / ("b." + extension))
        images.imsave(mine, arr)
        misc.imsave(reference, arr)
        with open(mine, "rb") as one, open(reference, "rb") as other:
            assert one.read() == other.read()
        assert outcome(images.imread, mine) == outcome(misc.imread, mine)


@pytest.mark.parametrize("name", ["a.nonsense", "none/a.png", "a"])
def test_files_that_cannot_be_written(tmp_path, name):
    args = str(tmp_path / name), np.zeros((2, 2))
    assert outcome(images.imsave, *args) == outcome(misc.imsave, *args)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "text").write_text("no image")
    for name in ("text", "absent"):
        path = str(tmp_path / name)
        assert outcome(images.imread, path) == outcome(misc.imread, path)


@pytest.mark.parametrize(
    "arr, arguments",
    [
        (np.zeros((5, 7, 2)), {"size": 50}),
        (np.zeros(5), {"size": 50}),
        (np.zeros((5, 7), complex), {"size": 50}),
        (np.zeros((5, 7, 3)), {"size": 50, "mode": "RGBA"}),
        (np.zeros((5, 7, 3)), {"size": 50, "mode": "L"}),
        (np.zeros((5, 7)), {"size": 50, "mode": "RGB"}),
        (np.int8([[-128, 127]]), {"size": 50}),
        (np.zeros((5, 7)), {"size": 50, "interp": "nonsense"}),
    ],
)
def test_one_thing_wrong_gives_the_same_error(arr, arguments):
    with pytest.raises((ValueError, KeyError)) as mine:
        images.imresize(arr, **arguments)
    with pytest.raises(mine.type) as reference:
        misc.imresize(arr, **arguments)
    assert str(mine.value) == str(reference.value)


def test_the_result_can_be_changed():
    images.imresize(np.zeros((4, 4), np.uint8), 50)[0, 0] = 1
