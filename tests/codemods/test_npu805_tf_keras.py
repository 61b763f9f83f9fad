"""Standalone Keras becomes tf.keras where that has everything the modules need."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port, dedent, port_files

CODE = "NPU805"


@pytest.mark.parametrize(
    ("before", "after", "numeric"),
    [
        (
            "from keras.datasets import cifar10, mnist  # data\nprint(cifar10, mnist)\n",
            "from tensorflow.keras.datasets import cifar10, mnist  # data\nprint(cifar10, mnist)\n",
            False,
        ),
        (
            """
            import os, keras
            import keras.layers
            import keras.backend as K
            from keras import backend
            from keras import layers as L, utils
            print(keras.layers.Dense(1), K.get_session(), backend.tf_session if os else L.Dense, utils)
            """.replace("backend.tf_session", "backend.floatx()"),
            """
            import os
            from tensorflow import keras
            from tensorflow.keras import backend as K
            from tensorflow.keras import backend
            from tensorflow.keras import layers as L, utils
            print(keras.layers.Dense(1), K.get_session(), backend.floatx() if os else L.Dense, utils)
            """,
            True,
        ),
        (
            """
            from keras.utils import np_utils
            from keras.layers.core import (
                Dense,  # full
                Dropout as Drop,
            )
            from keras.layers.normalization import BatchNormalization; x = 1
            y = np_utils.to_categorical(Dense, Drop, BatchNormalization)
            """,
            """
            from tensorflow.keras import utils as np_utils
            from tensorflow.keras.layers import (
                Dense,  # full
                Dropout as Drop,
            )
            from tensorflow.keras.layers import BatchNormalization; x = 1
            y = np_utils.to_categorical(Dense, Drop, BatchNormalization)
            """,
            True,
        ),
        (
            """
            def build():
                import keras as k; from keras.layers import *
                return k.models.Model, Dense(3)
            from keras.engine import Layer, Model
            print(Layer, Model)
            """,
            """
            def build():
                from tensorflow import keras as k; from tensorflow.keras.layers import *
                return k.models.Model, Dense(3)
            from tensorflow.keras.layers import Layer
            from tensorflow.keras import Model
            print(Layer, Model)
            """,
            True,
        ),
        (  # what nothing uses goes
            """
            import numpy as np
            import keras
            from keras.utils import np_utils
            from keras.preprocessing import image, sequence
            print(np, image.ImageDataGenerator)
            """,
            """
            import numpy as np
            from tensorflow.keras.preprocessing import image
            print(np, image.ImageDataGenerator)
            """,
            False,
        ),
    ],
)
def test_rewrites(before: str, after: str, numeric: bool) -> None:
    if "import *" in before:
        before, after = (text.replace("def build():\n", "if True:\n").replace("return ", "x = ") for text in (before, after))  # fmt: skip
    ported = check_port(before, after, CODE)
    assert ported.codes() == [CODE] * numeric
    assert ported.codes("note") == [CODE] * numeric


@pytest.mark.parametrize(
    "source",
    [
        "from tensorflow import keras\nprint(keras.layers)\n",
        "from tensorflow.keras import layers\nimport tensorflow.keras.backend as K\nprint(K, layers)\n",
        "import tensorflow as tf\nprint(tf.keras.layers.Dense)\n",
        "from tensorflow.python.keras import backend\nprint(backend)\n",
        "from .keras import thing\nfrom mine.keras import other\nprint(thing, other)\n",
        "keras = 'keras'\nprint(keras.upper())  # import keras\n",
        "try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\nprint(keras.layers)\n",
        "try:\n    from tensorflow.keras import layers\nexcept ImportError:\n    from keras import layers\nprint(layers.Dense)\n",
        "import keras_preprocessing\nfrom keras_applications import vgg16\nprint(vgg16)\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(source, CODE).codes()


def test_a_keras_of_the_projects_own() -> None:
    source = "from keras.layers import Dense\nprint(Dense)\n"
    assert not check_noop(
        source, CODE, others={"keras/__init__.py": "", "keras/layers.py": ""}
    ).codes()


@pytest.mark.parametrize(
    "source",
    [
        "from keras.layers import Dense, NoSuchLayer\nprint(Dense, NoSuchLayer)\n",
        "import keras\nprint(keras.backend.tf.shape)\n",
        "from keras import backend as K\nprint(K.no_such_function(1))\n",
        "from keras.utils import np_utils\nprint(np_utils)\n",
        "import keras\nx = keras.layers.core.Dense\nprint(keras.no.such)\n",
    ],
)
def test_what_tf_keras_does_not_have_keeps_keras(source: str) -> None:
    assert check_noop(source, CODE).codes("warning") == [CODE]


def test_methods_and_attributes_of_classes_are_not_names_to_look_up() -> None:
    before = "import keras\nprint(keras.models.Model.fit.__doc__, keras.__version__)\n"
    after = before.replace("import keras\n", "from tensorflow import keras\n")
    check_port(before, after, CODE)


def test_a_package_built_on_keras_keeps_it_for_all_that_meet() -> None:
    files = {
        "train.py": "import keras, models\nprint(keras.optimizers.SGD)\n",
        "models.py": "import backbone\nfrom keras.layers import Dense\nprint(Dense)\n",
        "backbone.py": "from classification_models.resnet import ResNet18\n",
        "data.py": "from keras.datasets import mnist\nprint(mnist)\n",
        "tool.py": "import data, common\nfrom keras.utils import to_categorical\nprint(to_categorical)\n",
        "common.py": "import numpy\n",
    }
    ported = port_files(files, CODE)
    for path in ("train.py", "models.py", "backbone.py"):
        assert ported.text(path) == files[path]
    assert ported.text("data.py").startswith("from tensorflow.keras.datasets import mnist\n")
    assert "from tensorflow.keras.utils import to_categorical\n" in ported.text("tool.py")
    assert [(f.path, f.severity) for f in ported.findings] == [
        ("models.py", "note"),
        ("train.py", "note"),
    ]


def test_an_import_for_others_stays() -> None:
    files = {
        "common.py": "from keras import backend as K\nfrom keras.utils import to_categorical\n",
        "train.py": "from common import *\nprint(K.floatx())\n",
        "pkg/__init__.py": "from keras.layers import Dense\n",
    }
    ported = port_files(files, CODE)
    assert ported.text("common.py") == "from tensorflow.keras import backend as K\n"
    assert ported.text("pkg/__init__.py") == "from tensorflow.keras.layers import Dense\n"


def test_several_owners_in_one_import_with_a_comment_are_kept_apart() -> None:
    before = dedent("""
        from keras.engine import (  # core
            Layer,
            Model)
        print(Layer, Model)
        """)
    ported = port_files({"train.py": before}, CODE)
    assert "NPU900" not in ported.codes()
