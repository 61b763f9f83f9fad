"""numpy.float and its like become Python's own types."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU806"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """
            import numpy as np, numpy
            a = x.astype(np.float) + np.zeros(3, dtype=numpy.int).astype(np . bool)
            b = [np.object, np.complex, np.str('x'), np.long, np.unicode, np.float_, numpy.int32]
            """,
            """
            import numpy as np, numpy
            a = x.astype(float) + np.zeros(3, dtype=int).astype(bool)
            b = [object, complex, str('x'), int, str, np.float_, numpy.int32]
            """,
        ),
        (  # an import that nothing uses any more
            "import numpy as np\nx = y.astype(np.int)  # whole\n",
            "x = y.astype(int)  # whole\n",
        ),
        (
            "def f(x, t=None):\n    import numpy as n\n    return n.array(x, t or n.float), n.log(\n        n.bool)\n",
            "def f(x, t=None):\n    import numpy as n\n    return n.array(x, t or float), n.log(\n        bool)\n",
        ),
    ],
)
def test_rewrites(before: str, after: str) -> None:
    check_port(before, after, CODE)


def test_through_a_star_import_of_the_project() -> None:
    others = {"common.py": "import numpy as np\n"}
    check_port(
        "from common import *\nx = np.int(1)\n",
        "from common import *\nx = int(1)\n",
        CODE,
        others=others,
    )


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nx = np.float32(1), np.int64, np.bool_, np.str_, np.object_, np.floating\n",
        "import tensorflow as tf\nx = tf.float32, tf.bool, tf.int32\nnumpy = 1\n",
        "import torch\nx = y.float(), y.bool(), torch.int, torch.float\n# numpy\n",
        "import numpy as np\ndef f(np):\n    return np.float\n",
        "import jax.numpy as np\nx = np.float, np.int\n",
        "import pandas as pd\nx = pd.api.types.is_float, df.str.lower(), df['numpy'].str\n",
        "import numpy as np\nx = np.random.int, np.core.float, np.float.x\n".replace(
            ", np.float.x", ""
        ),
        "import numpy as np\nnp.float = float\ndel np.int\n",
        "import numpy as np\nx = getattr(np, 'float'), 'np.float', np.dtype('float')\n# np.float\n",
        "x = np.float\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(source, CODE).codes()


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\ndef f(x, float):\n    return x.astype(np.float)\n",
        "import numpy as np\nint = np.int32\nx = np.int(1)\n",
        "import numpy as np\nfrom builtins import str\nx = np.str\n",
    ],
)
def test_a_type_with_another_meaning_is_a_note(source: str) -> None:
    assert check_noop(source, CODE).codes("note") == [CODE]


def test_a_type_that_a_star_import_may_rebind_is_a_note() -> None:
    files = {
        "common.py": "bool = None\n",
        "train.py": "import numpy as np\nfrom common import *\nx = np.bool\n",
    }
    ported = port_files(files, CODE)
    assert ported.text() == files["train.py"]
    assert ported.codes("note") == [CODE]
