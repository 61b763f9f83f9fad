"""scipy.misc's image functions come from the runtime; names of the project's own stay theirs."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port, dedent, port_files

CODE = "NPU804"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (  # a function of the project's own with the same name, and a parameter called images
            """
            import scipy.misc
            import numpy as np

            def imsave(images, size, path):
                return scipy.misc.imsave(path, merge(images, size))  # one picture
            """,
            """
            import numpy as np
            from npu_runtime import images as npu_images

            def imsave(images, size, path):
                return npu_images.imsave(path, merge(images, size))  # one picture
            """,
        ),
        (
            """
            from scipy import misc, stats
            import scipy.misc as sm
            x = misc.imresize(sm.imread('a', mode='RGB'), (8, 8),
                              interp='nearest')  # small
            print(stats.norm, misc.face(), list(map(misc.imread, names)))
            """,
            """
            from scipy import misc, stats
            from npu_runtime import images as npu_images
            x = npu_images.imresize(npu_images.imread('a', mode='RGB'), (8, 8),
                              interp='nearest')  # small
            print(stats.norm, misc.face(), list(map(npu_images.imread, names)))
            """,
        ),
        (
            """
            import os
            from scipy.misc import imread, imresize as resize
            from scipy.misc.pilutil import imsave
            print(imread, resize, imsave)
            """,
            """
            import os
            from npu_runtime.images import imread, imresize as resize, imsave
            print(imread, resize, imsave)
            """,
        ),
        (
            """
            from scipy.misc import face, imread
            print(imread, face)
            """,
            """
            from scipy.misc import face
            from npu_runtime.images import imread
            print(imread, face)
            """,
        ),
        (  # imports inside functions stay there
            """
            def read(name):
                from scipy.misc import imread  # slow
                return imread(name)
            def both(name):
                import os; from scipy.misc import face, imread, imsave as save
                return imread(name), save, face
            def third(name):
                from scipy.misc import (
                    imread as read,
                    face)
                return read(name), face
            """,
            """
            def read(name):
                from npu_runtime.images import imread  # slow
                return imread(name)
            def both(name):
                import os; from npu_runtime.images import imread, imsave as save; from scipy.misc import face
                return imread(name), save, face
            def third(name):
                from npu_runtime.images import imread as read
                from scipy.misc import (
                    face)
                return read(name), face
            """,
        ),
        (
            """
            import scipy.misc, scipy.io
            from scipy import ndimage
            import scipy
            print(scipy.misc.imread, scipy.io.loadmat, ndimage.imread, ndimage.zoom)
            """,
            """
            import scipy.misc, scipy.io
            from scipy import ndimage
            import scipy
            from npu_runtime import images as npu_images
            print(npu_images.imread, scipy.io.loadmat, npu_images.imread, ndimage.zoom)
            """,
        ),
        (  # a taken name
            """
            import scipy.misc
            def show(npu_images):
                scipy.misc.imsave('a.png', npu_images)
            """,
            """
            from npu_runtime import images as npu_runtime_images
            def show(npu_images):
                npu_runtime_images.imsave('a.png', npu_images)
            """,
        ),
        (
            """
            try:
                from imageio import imread
            except ImportError:
                from scipy.misc import imread
            """,
            """
            try:
                from imageio import imread
            except ImportError:
                from npu_runtime.images import imread
            """,
        ),
    ],
)
def test_rewrites(before: str, after: str) -> None:
    ported = check_port(before, after, CODE)
    assert ported.runtime == {"npu_runtime.images"}


def test_names_that_others_import_from_the_file_stay_there() -> None:
    others = {
        "utils.py": "import os\nfrom scipy.misc import imsave\nimport scipy.misc\n",
        "plain.py": "from utils import imsave\nimsave('a', 1)\n",
    }
    ported = port_files(
        {**others, "train.py": "from utils import *\nimsave(scipy.misc.imread('a'))\n"}, CODE
    )
    assert ported.text("utils.py") == (
        "import os\nimport scipy.misc\nfrom npu_runtime.images import imsave\n"
    )
    assert ported.text("plain.py") == others["plain.py"]
    assert ported.text() == (
        "from utils import *\nfrom npu_runtime import images as npu_images\n"
        "imsave(npu_images.imread('a'))\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "import scipy.io\nprint(scipy.io.loadmat('misc'))\n",
        "import imageio\nprint(imageio.imread('scipy.misc'), imageio.imsave)\n",
        "import matplotlib.pyplot as plt  # scipy.misc\nplt.imread('a'); plt.imsave('a', x)\n",
        "from skimage.io import imread, imsave  # not scipy.misc\nimsave('a', imread('b'))\n",
        "import scipy\ndef f(scipy):\n    return scipy.misc.imread\n",
        "class misc:\n    imread = 1\nprint(misc.imread)  # scipy\n",
        "from scipy.misc import face, derivative\nprint(face(), derivative)\n",
        "from scipy import misc\nprint(misc.face(), misc)\n",
        "import scipy.misc\n",
        "from .misc import imread  # not scipy's\nprint(imread)\n",
        "from scipy import ndimage\nprint(ndimage.zoom, ndimage.imsave)\n",
        "try:\n    from scipy.misc import imread\nexcept ImportError:\n    from imageio import imread\n",
        "from npu_runtime import images as npu_images  # scipy.misc\nprint(npu_images.imread)\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(source, CODE).codes()


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import scipy.misc\nscipy.misc.toimage(x, cmin=0).save('a')\n", 1),
        ("from scipy.misc import logsumexp, imrotate\n", 2),
        ("from scipy import misc as m\nm.imfilter(x, 'blur'), m.comb(3, 2)\n", 2),
    ],
)
def test_what_the_runtime_does_not_have_is_a_warning(source: str, count: int) -> None:
    assert check_noop(source, CODE).codes("warning") == [CODE] * count


def test_a_script_in_a_folder_finds_the_runtime() -> None:
    before = dedent("""
        import os
        def main():
            from scipy.misc import imread
            imread('a')
        if __name__ == '__main__':
            main()
        """)
    text = port_files({"tools/run.py": before}, CODE).text("tools/run.py")
    assert text.index("sys.path.append") < text.index("from npu_runtime.images import imread")
