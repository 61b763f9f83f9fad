import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU405"
HEAD = "import os\nimport tensorflow as tf\nuse(os, tf)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("os.environ['CUDA_VISIBLE_DEVICES'] = '0'", ""),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = args.gpu", ""),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = ','.join(map(str, gpus))", ""),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = ','.join(map(pick, gpus))", None),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = str(args.gpu)", ""),
        ("os.environ['CUDA_DEVICE_ORDER'] = 'PCI_BUS_ID'; a = 1", "a = 1"),
        ("os.environ['TF_MIN_GPU_MULTIPROCESSOR_COUNT'] = '2'", ""),
        ("os.environ['TF_GPU_THREAD_MODE'] = 'gpu_private'", ""),
        ("os.environ['TF_USE_CUDNN_BATCHNORM_SPATIAL_PERSISTENT'] = '1'", ""),
        ("os.environ['TF_CUDNN_DETERMINISTIC'] = '1'", ""),
        ("os.environ['NCCL_DEBUG'] = 'INFO'", ""),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = os.environ['OTHER'] = '0'",
         "os.environ['OTHER'] = '0'"),
        ("os.environ.setdefault('CUDA_VISIBLE_DEVICES', '0')", ""),
        ("os.putenv('CUDA_VISIBLE_DEVICES', '0')", ""),
        ("os.environ.__setitem__('CUDA_VISIBLE_DEVICES', '0')", ""),
        ("os.environ['CUDA_VISIBLE_DEVICES']: str = '0'", ""),
        ("os.environ.pop('CUDA_VISIBLE_DEVICES', None)", ""),
        ("del os.environ['CUDA_VISIBLE_DEVICES']", ""),
        ("if 'CUDA_VISIBLE_DEVICES' in os.environ:\n    del os.environ['CUDA_VISIBLE_DEVICES']",
         ""),
        ("if args.gpu is not None:\n    os.environ['CUDA_VISIBLE_DEVICES'] = args.gpu", ""),
        ("os.environ.update(CUDA_VISIBLE_DEVICES='0')", ""),
        ("os.environ.update({'CUDA_VISIBLE_DEVICES': '0'})", ""),
        ("os.environ.update({'CUDA_VISIBLE_DEVICES': '0', 'A': '1'}, B='2', NCCL_DEBUG='x')",
         "os.environ.update({'A': '1'}, B='2')"),
        ("from os import environ as env\nenv['CUDA_VISIBLE_DEVICES'] = '0'", ""),
        ("NAME = 'CUDA_VISIBLE_DEVICES'\nos.environ[NAME] = '0'", ""),
        ("from builtins import str\nos.environ['NCCL_DEBUG'] = str(int(args[2]))", ""),
        ("gpus = '0,1'\nos.environ['CUDA_VISIBLE_DEVICES'] = gpus", ""),
    ],
)  # fmt: skip
def test_settings_go(before: str, after: str | None) -> None:
    if after is None:
        ported = check_noop(HEAD + before + "\n", CODE)
        assert ported.codes("warning") == [CODE]
    else:
        check_port(HEAD + before + "\n", HEAD + after + ("\n" if after else ""), CODE)


def test_the_import_goes_when_nothing_else_uses_it() -> None:
    check_port(
        """
        import os
        import tensorflow as tf

        os.environ['CUDA_VISIBLE_DEVICES'] = '0'  # the first
        print(tf)
        """,
        """
        import tensorflow as tf

        # the first
        print(tf)
        """,
        CODE,
    )


def test_a_script_that_gets_tensorflow_from_its_own_modules() -> None:
    check_port(
        """
        import os
        from parts import net

        os.environ['CUDA_VISIBLE_DEVICES'] = '0'
        net.train()
        """,
        """
        from parts import net

        net.train()
        """,
        CODE,
        others={"parts/__init__.py": "", "parts/net.py": "import tensorflow as tf\n"},
    )


def test_unit_tests_stay() -> None:
    check_noop(
        """
        import os
        import tensorflow as tf


        class ATest(tf.test.TestCase):
            def testIt(self):
                os.environ['CUDA_VISIBLE_DEVICES'] = '1'
                self.assertEqual('1', os.environ['CUDA_VISIBLE_DEVICES'])
        """,
        CODE,
        path="a_test.py",
    )


def test_notes() -> None:
    ported = port_files(
        {
            "train.py": HEAD
            + "os.environ['CUDA_VISIBLE_DEVICES'] = args.gpu\n"
            + "os.environ['NCCL_DEBUG'] = 'INFO'\n",
            "check.py": HEAD + "os.environ['CUDA_VISIBLE_DEVICES'] = '-1'\n",
            "read.py": HEAD + "os.environ.get('CUDA_VISIBLE_DEVICES')\n",
            "run.py": "call('CUDA_VISIBLE_DEVICES=0 python train.py')\n"
            "call(env=dict(e, CUDA_VISIBLE_DEVICES='0'))\n",
            "run.sh": "# CUDA_VISIBLE_DEVICES: which\nexport CUDA_VISIBLE_DEVICES=0\n"
            "CUDA_VISIBLE_DEVICES=1 python x.py  # NCCL_DEBUG=INFO\n",
            "README.md": "CUDA_VISIBLE_DEVICES=0 python train.py\n",
            "notes.txt": "CUDA_VISIBLE_DEVICES\n",
        },
        CODE,
    )
    assert [(f.path, f.line, f.severity) for f in ported.findings] == [
        ("README.md", 1, "note"),
        ("run.sh", 2, "note"),
        ("run.sh", 3, "note"),
        ("check.py", 4, "note"),
        ("read.py", 4, "note"),
        ("run.py", 1, "note"),
        ("run.py", 2, "note"),
        ("train.py", 4, "note"),
    ]
    assert "args.gpu went into CUDA_VISIBLE_DEVICES" in ported.findings[-1].message


def test_what_something_reads_without_a_default_stays() -> None:
    ported = check_noop(
        HEAD + "os.environ['CUDA_VISIBLE_DEVICES'] = '0,1'\n",
        CODE,
        others={
            "count.py": "import os\nimport tensorflow\n"
            "n = len(os.environ['CUDA_VISIBLE_DEVICES'].split(','))\n"
        },
    )
    assert ported.codes("warning") == [CODE]


@pytest.mark.parametrize(
    "source",
    [
        HEAD + "os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n",
        HEAD + "os.environ['MY_CUDA_VISIBLE_DEVICES'] = '3'\n",
        HEAD + "environ['CUDA_VISIBLE_DEVICES'] = '3'\n",
        HEAD + "settings = {}\nsettings['CUDA_VISIBLE_DEVICES'] = '3'\n",
        HEAD + "print('CUDA_VISIBLE_DEVICES')\n",
        "import os\nimport torch\nos.environ['CUDA_VISIBLE_DEVICES'] = '3'\n",
        "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '3'\n",
        "import mine as os\nimport tensorflow\nos.environ['CUDA_VISIBLE_DEVICES'] = '3'\n",
        "def f(os):\n    os.environ['CUDA_VISIBLE_DEVICES'] = '3'\nimport tensorflow\n",
        '"""CUDA_VISIBLE_DEVICES=0 python x.py"""\nimport tensorflow\n',
        "# os.environ['CUDA_VISIBLE_DEVICES'] = '3'\nimport tensorflow\n",
    ],
)
def test_others_stay(source: str) -> None:
    assert not check_noop(source, CODE).findings


@pytest.mark.parametrize(
    "line",
    [
        "a, os.environ['CUDA_VISIBLE_DEVICES'] = 1, '0'",
        "[os.environ['CUDA_VISIBLE_DEVICES'], *a] = f()",
        "with f() as os.environ['CUDA_VISIBLE_DEVICES']: pass",
        "for os.environ['CUDA_VISIBLE_DEVICES'] in '01': pass",
        "del os.environ['CUDA_VISIBLE_DEVICES'], a",
        "os.environ['CUDA_VISIBLE_DEVICES']: str = f()",
        "os.environ['CUDA_VISIBLE_DEVICES'] += f()",
        "os.environ.setdefault('CUDA_VISIBLE_DEVICES', f())",
        "f(os.environ.__setitem__('CUDA_VISIBLE_DEVICES', '0'))",
        "g = lambda: os.putenv('CUDA_VISIBLE_DEVICES', '0')",
    ],
)
def test_what_cannot_be_taken_out_is_told(line: str) -> None:
    (finding,) = check_noop(HEAD + "def f(*_): ...\n" + line + "\n", CODE).findings
    assert (finding.line, finding.severity) == (5, "warning")
    assert "CUDA_VISIBLE_DEVICES" in finding.message and "by hand" in finding.advice


def test_what_a_variable_that_is_read_is_set_to_is_told_once() -> None:
    source = HEAD + (
        "a, os.environ['CUDA_VISIBLE_DEVICES'] = 1, '0'\n"
        "g = lambda: os.environ.__setitem__('CUDA_VISIBLE_DEVICES', '0')\n"
        "print(os.environ['CUDA_VISIBLE_DEVICES'])\n"
    )
    assert [f.line for f in check_noop(source, CODE).findings] == [6]
