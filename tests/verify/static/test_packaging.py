"""CHK401, CHK501, CHK801 to CHK805, CHK901, CHK902: what else a port consists of."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from migrate.manifest import FileRecord, Manifest, Upstream
from migrate.upstream.tree import REGULAR
from migrate.verify.report import Count
from tests.verify.static.support import found, places, report, sources


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("config.gpu_options.allow_growth = True", "gpu-options"),
        ("with tf.device('/gpu:0'):\n    x = 1", "device-strings"),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = '0'", "cuda-environment"),
        (
            "config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1",
            "xla",
        ),
        ("cell = tf.contrib.cudnn_rnn.CudnnLSTM(1, 2)", "gpu-only-apis"),
    ],
)
def test_what_is_left_for_gpus_is_told(line: str, rule: str) -> None:
    code = f"import os\nimport tensorflow as tf\nconfig = tf.ConfigProto()\n{line}\n"
    (finding,) = found(code, "CHK401")
    assert (finding.severity, finding.line) == ("warning", 4)
    assert finding.message.startswith(rule)


def test_the_host_is_no_residue() -> None:
    code = "import tensorflow as tf\nwith tf.device('/cpu:0'):\n    x = tf.constant(1)\n"
    assert found(code, "CHK401") == []


def test_moxing_needs_a_guard() -> None:
    assert places("import os\nimport moxing as mox\n", "CHK501") == ["warning 2"]
    assert places("from moxing import file\n", "CHK501") == ["warning 1"]
    guarded = "try:\n    import moxing\nexcept ImportError:\n    moxing = None\n"
    assert places(guarded, "CHK501") == []
    assert places("def copy():\n    import moxing\n", "CHK501") == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tensorflow-gpu==1.15.0", "warning"),
        ("Tensorflow", "warning"),
        ("h5py=='2.9.0'", "error"),
        ("h5py==3.1.0", "warning"),
        ("numpy==1.20.0", "warning"),
        ("numpy>=1.14", "warning"),
        ("numpy==1.14.5", "warning"),
        ("numpy==1.19.5", ""),
        ("numpy", ""),
        ("h5py<3", ""),
        ("something-else==9", ""),
        ("# tensorflow-gpu==1.15.0", ""),
        ("tqdm  # progress 'bars'", ""),
    ],
)
def test_requirements_install_beside_tensorflow(line: str, told: str) -> None:
    files = {"requirements.txt": f"six\n{line}\n"}
    expected = [f"{told} requirements.txt:2"] if told else []
    assert places(files, "CHK801") == expected


def test_a_version_that_is_too_old_is_called_so() -> None:
    (finding,) = found({"requirements.txt": "numpy==1.14.5\n"}, "CHK801")
    assert "too old" in finding.message


def test_a_script_is_no_requirements_file() -> None:
    assert places({"requirements.txt": "#!/bin/bash\n"}, "CHK801") == ["error requirements.txt:1"]


def test_instructions_need_the_option() -> None:
    readme = "# Start\n\npip3 install requirements.txt\n"
    assert places({"README.md": readme}, "CHK801") == ["warning README.md:3"]
    assert places({"README.md": readme.replace("install", "install -r")}, "CHK801") == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (b"", ["error run.sh:0"]),
        (b"\n", ["error run.sh:0"]),
        (b"if true; then\n  echo 1\n", ["error run.sh:3"]),
        (b"for i in 1 2\r\ndo\r\n  echo 1\r\ndone\r\n", ["error run.sh:2"]),
        (b"echo 1\nsed -i 's/45000/500/' config.py\n", ["warning run.sh:2"]),
        (b"rm -rf /var/log/npu/*\n", ["warning run.sh:1"]),
        (b"# rm -rf /var/log/npu/*\nsed 's/1/2/' config.py\nrm -rf ./out\n", []),
        (b"#!/bin/sh\necho 1\n", ["note run.sh:0"]),
        (b'export A=1\npython3 train.py --data="${1}"\n', []),
    ],
)
def test_scripts(script: bytes, told: list[str]) -> None:
    assert places({"run.sh": script}, "CHK802") == told


def test_an_executable_script_is_fine() -> None:
    files = {"run.sh": "#!/bin/sh\necho 1\n"}
    assert found(files, "CHK802", executable=frozenset({"run.sh"})) == []


def test_without_bash_the_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    made = report({"run.sh": "if\n"})
    assert [skipped.code for skipped in made.skipped] == ["CHK802", "CHK901"]
    assert "bash" in made.skipped[0].why


TABLE = """
# Model

| 特性列表   | 是否支持 |
| ---------- | -------- |
| 分布式训练 | {distributed} |
| 混合精度   | {mixed} |
"""
PLAIN = "import tensorflow as tf\n"
BACKED = """
import tensorflow as tf
from npu_bridge.npu_init import *
def train(opt, FLAGS, config):
    op = config.graph_options.rewrite_options.custom_optimizers.add()
    op.name = "NpuOptimizer"
    op.parameter_map["precision_mode"].s = tf.compat.as_bytes(FLAGS.precision_mode)
    return npu_tf_optimizer(opt)
"""


def test_a_readme_claims_what_the_code_does() -> None:
    yes = TABLE.format(distributed="是", mixed="是")
    no = TABLE.format(distributed="否", mixed="否")
    told = ["warning README.md:5", "warning README.md:6"]
    assert places({"train.py": PLAIN, "README.md": yes}, "CHK803") == told
    assert places({"train.py": PLAIN, "README.md": no}, "CHK803") == []
    assert places({"train.py": BACKED, "README.md": yes}, "CHK803") == []
    english = "| Feature | Supported |\n|---|---|\n| Distributed training | Yes |\n"
    assert places({"train.py": PLAIN, "README.md": english}, "CHK803") == ["warning README.md:3"]


def test_a_bare_none_is_residue_of_the_converter() -> None:
    code = "from npu_bridge.npu_init import *\nif True:\n    None\n"
    assert places(code, "CHK804") == ["note 3"]
    assert places(code.replace("npu_bridge.npu_init", "os"), "CHK804") == []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("generator = image.ImageDataGenerator()\n", ["warning 1"]),
        ("def f():\n    return missing\n", ["warning 2"]),
        ("from npu_bridge.npu_init import *\nx = missing\n", ["warning 2"]),
        ("from npu_bridge.npu_init import *\nx = npu_config_proto()\n", []),
        ("from numpy import *\nx = zeros(1)\n", []),
        ("import six\nif six.PY2:\n    text = unicode\n", []),
        ("for i in xrange(3):\n    pass\n", ["warning 1"]),
        ("try:\n    text = basestring\nexcept NameError:\n    text = str\n", []),
        ("globals().update(x=1)\nprint(x)\n", []),
        ("def f():\n    global x\n    x = 1\nprint(x)\n", []),
        ("from mine import *\nprint(here)\n", []),
        ("from mine import *\nprint(nowhere)\n", ["warning 2"]),
        ("print(__file__, __name__)\n", []),
        ("class A:\n    def f(self):\n        return __class__\n", []),
        ("x = [i for i in range(3) if i]\n", []),
    ],
)
def test_names_are_defined_somewhere(code: str, told: list[str]) -> None:
    assert places({"train.py": code, "mine.py": "here = 1\n"}, "CHK805") == told


def manifest(*paths: str) -> Manifest:
    records = tuple(
        FileRecord(path, REGULAR, None, hashlib.sha256(f"{path}\n".encode()).hexdigest())
        for path in paths
    )
    upstream = Upstream("name", "", None, None, "", "MIT")
    return Manifest("0", "", upstream, "7.0", None, {}, records, {}, (), (), {}, "0" * 64)


def test_what_was_edited_since_is_listed() -> None:
    recorded = manifest("a.txt", "b.txt", "c.txt", "npu_runtime/session.py")
    files = {"a.txt": "a.txt\n", "b.txt": "edited\n", "d.txt": "new\n"}
    assert places(files, "CHK901", manifest=recorded) == [
        "note b.txt:0",
        "warning c.txt:0",
        "note d.txt:0",
        "error npu_runtime/session.py:0",
    ]


def test_an_untouched_port_has_nothing_to_list() -> None:
    recorded = manifest("a.txt")
    files = {"a.txt": "a.txt\n", "migrate-manifest.json": "{}"}
    assert places(files, "CHK901", manifest=recorded) == []
    changed = recorded.files[0]._replace(mode=0o100755)
    assert places(files, "CHK901", manifest=replace(recorded, files=(changed,))) == ["note a.txt:0"]


def test_a_hand_made_port_has_no_manifest_to_compare_with() -> None:
    made = report("x = 1\n")
    assert [skipped.code for skipped in made.skipped] == ["CHK901"]
    assert "CHK901" not in made.ran


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print 'hello'\n", ["warning 1"]),
        ("if (n := 1):\n    pass\n", ["warning 1"]),
        ("<<<<<<< mine\nx = 1\n", ["warning 1"]),
        ("import tensorflow as tf\ntf.Session(\n", ["error 2"]),
        ("x = 1\n", []),
        ("x = [\n" + "    0,\n" * 200_000 + "]\n", ["note 0"]),
        ("import tensorflow\ns = tensorflow.Session()\n" + "x = 0\n" * 200_000, ["error 0"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_files_parse_as_python_37(code: str, told: list[str]) -> None:
    assert places(code, "CHK902") == told


def test_files_that_parse_are_counted() -> None:
    made = report({"a.py": "x = 1\n", "b.py": "print 1\n", "c.txt": ""})
    assert Count("files parsed", 1, 2) in made.counts


def test_the_carried_runtime_is_not_judged() -> None:
    files = sources({"npu_runtime/session.py": "print 'x'\n"})
    assert report({path: file.data for path, file in files.items()}).findings == ()
