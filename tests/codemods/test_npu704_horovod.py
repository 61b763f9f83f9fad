"""Horovod's functions come from the runtime; only imports change."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import migrate.runtime
from migrate.analysis.inventory import classified, symbol_uses
from migrate.analysis.project import Project
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import kit_rules
from migrate.runtime import public_names
from migrate.upstream.tree import SourceFile
from tests.codemods.support import check_noop, check_port, port_files


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import horovod.tensorflow as hvd", "import npu_runtime.horovod as hvd"),
        ("import horovod.keras as hvd", "import npu_runtime.horovod_keras as hvd"),
        ("import horovod.tensorflow.keras as hvd", "import npu_runtime.horovod_keras as hvd"),
        ("import os, horovod.tensorflow as hvd", "import os, npu_runtime.horovod as hvd"),
        ("import horovod.tensorflow  # all", "import npu_runtime.horovod as horovod  # all"),
        ("import horovod.keras", "import npu_runtime.horovod as horovod"),
        ("import horovod", "import npu_runtime.horovod as horovod"),
        (
            "import horovod.tensorflow.keras.callbacks as cb",
            "import npu_runtime.horovod_callbacks as cb",
        ),
        (
            "from horovod import tensorflow as hvd",
            "from npu_runtime.horovod import tensorflow as hvd",
        ),
        ("from horovod import keras", "from npu_runtime.horovod import keras"),
        ("from horovod import __version__", "from npu_runtime.horovod import __version__"),
        (
            "from horovod.tensorflow import (rank,  # who\n    size as n)",
            "from npu_runtime.horovod import (rank,  # who\n    size as n)",
        ),
        (
            "from horovod.tensorflow import keras as k",
            "from npu_runtime.horovod import keras as k",
        ),
        (
            "from horovod.tensorflow.mpi_ops import local_rank",
            "from npu_runtime.horovod import local_rank",
        ),
        ("from horovod.tensorflow import *", "from npu_runtime.horovod import *"),
        (
            "from horovod.keras.callbacks import MetricAverageCallback",
            "from npu_runtime.horovod_callbacks import MetricAverageCallback",
        ),
        (
            "from horovod.tensorflow.keras import callbacks, load_model",
            "from npu_runtime.horovod_keras import callbacks, load_model",
        ),
        (
            "import importlib\nhvd = importlib.import_module('horovod.tensorflow')",
            "import importlib\nhvd = importlib.import_module('npu_runtime.horovod')",
        ),
        (
            "try:\n    import horovod.tensorflow as hvd\nexcept ImportError:\n    hvd = None",
            "try:\n    import npu_runtime.horovod as hvd\nexcept ImportError:\n    hvd = None",
        ),
        (
            "def f(on):\n    if on:\n        import horovod.tensorflow as h\n        h.init()",
            "def f(on):\n    if on:\n        import npu_runtime.horovod as h\n        h.init()",
        ),
    ],
)
def test_imports(before: str, after: str) -> None:
    ported = check_port(before + "\n", after + "\n", "NPU704")
    assert ported.findings == [] and ported.runtime == {"npu_runtime.horovod"}


@pytest.mark.parametrize(
    "source",
    [
        "import npu_runtime.horovod as hvd\nhvd.init()\n",
        "from npu_runtime.horovod import tensorflow as hvd\nhvd.init()\n",
        "import importlib\nimportlib.import_module('npu_runtime.horovod')\n",
        "name = 'horovod.tensorflow'\nprint('import horovod.tensorflow as hvd')\n",
        "# import horovod.tensorflow as hvd\n",
        "from .horovod import tensorflow\n",
        "from . import horovod\nhorovod.init()\n",
        "import my.horovod\nimport horovodlike\n",
        "def f(horovod):\n    return horovod.tensorflow.rank()\n",
        "subprocess.run(['horovodrun', '-np', '4', 'python', 'train.py'])\n",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert check_noop(source, "NPU704").findings == []


def test_a_module_of_the_projects_own() -> None:
    others = {"horovod/__init__.py": "", "horovod/tensorflow.py": "def init(): pass\n"}
    source = "import horovod.tensorflow as hvd\nhvd.init()\n"
    assert check_noop(source, "NPU704", others=others).findings == []


@pytest.mark.parametrize(
    "source",
    [
        "import horovod.torch as hvd\n",
        "import horovod.mxnet\n",
        "from horovod import spark\n",
        "from horovod import run, tensorflow\n",
        "from horovod.run import launch\n",
        "__import__('horovod.tensorflow')\n",
        "import importlib\nimportlib.import_module('horovod.torch')\n",
    ],
)
def test_what_is_elsewhere_is_told(source: str) -> None:
    [finding] = check_noop(source, "NPU704").findings
    assert finding.severity == "warning" and finding.line in (1, 2)
    assert "is not part of what trains on an NPU" in finding.message


def test_what_the_runtime_lacks_is_an_error() -> None:
    ported = port_files(
        {
            "train.py": """
            import horovod.tensorflow as hvd
            from horovod.tensorflow import broadcast_object

            hvd.alltoall(x)
            hvd.allreduce(x)
            hvd.mpi_ops._allreduce(x)
            optimizer = hvd.DistributedOptimizer(y)
            optimizer.minimize(z)
            """
        },
        "NPU704",
    )
    assert [(f.line, f.severity, f.message) for f in ported.findings] == [
        (2, "error", "HCCL has nothing for horovod.tensorflow.broadcast_object"),
        (4, "error", "HCCL has nothing for horovod.tensorflow.alltoall"),
    ]


def test_it_goes_with_the_other_rules() -> None:
    check_port(
        """
        import tensorflow as tf
        import horovod.tensorflow as hvd

        hvd.init()
        config = tf.ConfigProto()
        config.gpu_options.allow_growth = True
        config.gpu_options.visible_device_list = str(hvd.local_rank())
        optimizer = hvd.DistributedOptimizer(tf.train.AdamOptimizer(1e-3 * hvd.size()))
        train = optimizer.minimize(loss)
        hooks = [hvd.BroadcastGlobalVariablesHook(0)]
        with tf.train.MonitoredTrainingSession(config=config, hooks=hooks) as session:
            session.run(train)
        """,
        """
        import tensorflow as tf
        import npu_runtime.horovod as hvd
        from npu_runtime import npu_optimizer, npu_session_config

        hvd.init()
        config = tf.ConfigProto()
        optimizer = hvd.DistributedOptimizer(npu_optimizer(tf.train.AdamOptimizer(1e-3 * hvd.size())))
        train = optimizer.minimize(loss)
        hooks = [hvd.BroadcastGlobalVariablesHook(0)]
        with tf.train.MonitoredTrainingSession(config=npu_session_config(config), hooks=hooks) as session:
            session.run(train)
        """,
    )


def test_a_script_in_a_folder_finds_the_runtime_first() -> None:
    before = """
        import os
        import horovod.tensorflow as hvd
        import tensorflow as tf

        if __name__ == '__main__':
            hvd.init()
            with tf.Session() as session:
                session.run(hvd.allreduce(tf.train.AdamOptimizer().minimize(x)))
        """
    text = port_files({"tools/train.py": before}).text("tools/train.py")
    assert text.index("sys.path.append") < text.index("import npu_runtime.horovod")


def test_the_inventory_counts_each_use_as_rewritten() -> None:
    text = b"""import horovod.tensorflow as hvd
import horovod.keras
hvd.init()
hvd.rank()
horovod.keras.callbacks.MetricAverageCallback()
optimizer = hvd.DistributedOptimizer(x)
optimizer.minimize(y)
hvd.alltoall(z)
"""
    project = Project({"train.py": SourceFile("train.py", text)})
    uses = symbol_uses(project)
    results = rewrite(project, kit_rules(), {})
    settled = [use for result in results for use in result.settled]
    statuses = {one.name: one.status for one in classified(uses, settled)}
    assert statuses.pop("horovod.tensorflow.alltoall") == "manual"
    assert len(statuses) > 4 and set(statuses.values()) == {"rewritten"}


@pytest.mark.parametrize("module", ["horovod", "horovod_keras", "horovod_callbacks"])
def test_the_runtime_has_what_its_own_files_say(module: str) -> None:
    path = Path(migrate.runtime.__file__).parent / "npu_runtime" / f"{module}.py"
    defined = {
        node.name
        for node in ast.parse(path.read_bytes()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert {name for name in defined if name[0] != "_"} <= public_names(module)
    assert not any(name.startswith("_") for name in public_names(module))
