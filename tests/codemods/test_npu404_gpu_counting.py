import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU404"
HEAD = "import tensorflow as tf\n"
LIST = "from tensorflow.python.client import device_lib\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "n = len([d for d in device_lib.list_local_devices() if d.device_type == 'GPU'])",
            "n = len([d for d in [] if d.device_type == 'GPU'])",
        ),
        (
            "n = sum(1 for d in device_lib.list_local_devices() if 'GPU' in d.name and d.memory)",
            "n = sum(1 for d in [] if 'GPU' in d.name and d.memory)",
        ),
        (
            "found = device_lib.list_local_devices()\n"
            "n = [d.name for d in found if d.device_type == 'GPU']",
            "found = []\nn = [d.name for d in found if d.device_type == 'GPU']",
        ),
        (
            "n = 0\nfor d in device_lib.list_local_devices():\n"
            "    if d.device_type == 'GPU':\n        n += 1",
            "n = 0\nfor d in []:\n    if d.device_type == 'GPU':\n        n += 1",
        ),
    ],
)
def test_lists_of_gpus(before: str, after: str) -> None:
    check_port(HEAD + LIST + before + "\nprint(tf, n)\n", HEAD + after + "\nprint(tf, n)\n", CODE)


def test_what_was_only_for_the_list_goes() -> None:
    ported = check_port(
        """
        import tensorflow as tf
        from tensorflow.python.client import device_lib

        _cards = None


        def cards():
            global _cards
            if _cards is None:
                config = tf.ConfigProto()
                found = device_lib.list_local_devices(session_config=config)
                _cards = tuple([x.name for x in found if x.device_type == 'GPU'])
            return _cards


        def parse(dataset, load):
            return dataset.map(load, num_parallel_calls=4 * max(1, len(cards())))


        print(tf.__version__)
        """,
        """
        import tensorflow as tf

        _cards = None


        def cards():
            global _cards
            if _cards is None:
                found = []
                _cards = tuple([x.name for x in found if x.device_type == 'GPU'])
            return _cards


        def parse(dataset, load):
            return dataset.map(load, num_parallel_calls=4 * max(1, len(cards())))


        print(tf.__version__)
        """,
        CODE,
    )
    assert [f.message for f in ported.findings] == [
        "no GPU is counted here; cards() decides something at train.py:17"
    ]


@pytest.mark.parametrize(
    ("use", "decides"),
    [
        ("print('cards:', len(cards()))", False),
        ("print('%d cards' % len(cards()))", False),
        ("print(f'{len(cards())} cards')", False),
        ("tf.logging.info('cards: {}'.format(cards()))", False),
        ("number = len(cards())\nprint(number)\nprint('again', number)", False),
        ("print(build(cards()))", True),
        ("number = len(cards())\nprint(number)\nbuild(number)", True),
        ("number = len(cards())", True),
        ("batch = 32 * len(cards())\nbuild(batch)", True),
        ("for card in cards():\n    print(card)", True),
        ("if cards():\n    build()", True),
        ("build(number=len(cards()))", True),
        ("cards", True),
    ],
)
def test_a_count_that_is_only_told_decides_nothing(use: str, decides: bool) -> None:
    source = f"""
import tensorflow as tf
from tensorflow.python.client import device_lib


def build(number=1):
    return tf.zeros([number])


def cards():
    return [d.name for d in device_lib.list_local_devices() if d.device_type == 'GPU']


{use}
"""
    [told] = port_files({"train.py": source}, CODE).findings
    assert ("cards() decides something at train.py:" in told.message) is decides


@pytest.mark.parametrize(
    "source",
    [
        "print(device_lib.list_local_devices())",
        "names = [d.name for d in device_lib.list_local_devices()]",
        "names = [d.name for d in device_lib.list_local_devices() if d.device_type == 'CPU']",
        "names = [d.name for d in device_lib.list_local_devices() if d.device_type != 'GPU']",
        "found = device_lib.list_local_devices()\nprint(found)\n"
        "names = [d.name for d in found if d.device_type == 'GPU']",
        "for d in device_lib.list_local_devices():\n"
        "    print(d)\n    if d.device_type == 'GPU':\n        n += 1",
        "for d in device_lib.list_local_devices():\n"
        "    if d.device_type == 'GPU':\n        n += 1\n    else:\n        m += 1",
    ],
)
def test_other_lists_stay_with_a_note(source: str) -> None:
    ported = check_noop(HEAD + LIST + "n = m = 0\n" + source + "\n", CODE)
    assert ported.codes() == ported.codes("note") == [CODE]


@pytest.mark.parametrize(
    ("source", "severity", "words"),
    [
        ("f = 'NCHW' if tf.test.is_gpu_available() else 'NHWC'", "note", "answers False"),
        ("if tf.test.is_gpu_available():\n    tf.logging.info('fast')", "note", "only a message"),
        ("if tf.test.is_gpu_available():\n    fast = True", "note", "answers False"),
        ("with tf.device(tf.test.gpu_device_name()): pass", "note", "answers ''"),
        ("g = tf.config.experimental.list_physical_devices('GPU')", "note", "answers []"),
        ("assert tf.test.is_gpu_available()", "warning", "stops here"),
        ("if not tf.test.is_gpu_available():\n    raise SystemError", "warning", "stops here"),
        ("if not tf.test.is_gpu_available():\n    exit('no GPU')", "warning", "stops here"),
        (
            "import sys\nif not tf.test.is_gpu_available():\n    print(1)\n    sys.exit(1)",
            *("warning", "stops here"),
        ),
        (
            "if tf.test.is_gpu_available():\n    n = 1\nelse:\n    raise SystemError",
            *("warning", "stops here"),
        ),
        ("if tf.test.is_gpu_available():\n    raise SystemError", "note", "answers False"),
        (
            "if tf.test.is_gpu_available():\n    n = 1\nelif n:\n    raise SystemError",
            *("note", "answers False"),
        ),
        ("from keras import backend as K\nK.tensorflow_backend._get_available_gpus()", "note",
         "answers []"),
        ("import os\nos.system('nvidia-smi -q -d Memory')", "warning", "nvidia-smi"),
        ("import subprocess\nsubprocess.check_output(['nvidia-smi', '-L'])", "warning",
         "nvidia-smi"),
        ("import GPUtil", "warning", "NVIDIA driver"),
        ("from pynvml import nvmlInit", "warning", "NVIDIA driver"),
    ],
)  # fmt: skip
def test_questions_are_reported(source: str, severity: str, words: str) -> None:
    ported = check_noop(HEAD + source + "\n", CODE)
    assert [(f.code, f.severity) for f in ported.findings] == [(CODE, severity)]
    assert words in ported.findings[0].message


@pytest.mark.parametrize(
    "source",
    [
        "is_gpu_available()",
        "import torch\ntorch.cuda.is_available()",
        "tf.config.experimental.list_physical_devices('CPU')",
        "import mine\nmine.device_lib.list_local_devices()",
        "print('needs nvidia-smi')",
        "from . import pynvml",
        "gpus = [d for d in sess.list_devices() if d.device_type == 'GPU']",
    ],
)
def test_others_stay(source: str) -> None:
    assert not check_noop(HEAD + source + "\n", CODE).findings


def test_unit_tests_stay() -> None:
    ported = port_files(
        {
            "a_test.py": """
            import tensorflow as tf


            class ATest(tf.test.TestCase):
                def testIt(self):
                    with self.session(force_gpu=tf.test.is_gpu_available()):
                        pass
            """
        },
        CODE,
    )
    assert not ported.findings


COUNT = """
import tensorflow as tf
from tensorflow.python.client import device_lib


def cards():
    return [d.name for d in device_lib.list_local_devices() if d.device_type == 'GPU']


"""
TOWER = "    with tf.device('/gpu:%d' % i):\n        optimizer.compute_gradients(loss)\n"


@pytest.mark.parametrize(
    "loop",
    [
        f"for i in range(len(cards())):\n{TOWER}",
        f"for i, card in enumerate(cards()):\n{TOWER}",
        f"gpus = cards()\nnumber = len(gpus)\nfor i in range(number):\n{TOWER}",
    ],
)
def test_towers_that_nothing_would_build_are_told(loop: str) -> None:
    ported = port_files({"train.py": COUNT + loop}, CODE)
    (finding,) = [f for f in ported.findings if f.severity == "warning"]
    line = (COUNT + loop).lstrip().split("for i")[0].count("\n") + 1
    assert f"train.py:{line}" in finding.message


@pytest.mark.parametrize(
    "loop",
    [
        "for i in range(len(cards())):\n    print(i)\n",
        f"for i in range(max(1, len(cards()))):\n{TOWER}",
        f"gpus = cards() or ['']\nfor i in range(len(gpus)):\n{TOWER}",
        f"n = len(cards())\nn = n or 1\nfor i in range(n):\n{TOWER}",
        "n = len(cards())\nif n > 1:\n    for i in range(n):\n" + TOWER.replace("    ", "        "),
    ],
)
def test_loops_that_do_without_gpus_are_not_told(loop: str) -> None:
    assert port_files({"train.py": COUNT + loop}, CODE).codes("warning") == []


def test_a_loop_that_another_rule_removes_is_not_told_of() -> None:
    """The line of the finding would be that of what follows."""
    loop = "for gpu in tf.config.experimental.list_physical_devices('GPU'):\n    "
    grow = "tf.config.experimental.set_memory_growth(gpu, True)\n"
    ported = port_files({"a.py": HEAD + loop + grow + "x = 1\n"}, CODE, "NPU402")
    assert "set_memory_growth" not in ported.text("a.py")
    assert CODE not in ported.codes()
    ported = port_files({"a.py": HEAD + loop + "print(gpu)\nx = 1\n"}, CODE, "NPU402")
    assert ported.codes() == [CODE]
