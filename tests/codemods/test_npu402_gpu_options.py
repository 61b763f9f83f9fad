import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU402"


def check(before: str, after: str) -> None:

    head = "import tensorflow as tf\nconfig = tf.ConfigProto()\nuse(config)\n"
    check_port(head + before + "\n", head + after + ("\n" if after else ""), CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("c = tf.ConfigProto(gpu_options=tf.GPUOptions())", "c = tf.ConfigProto()"),
        ("c = tf.ConfigProto(device_count={'GPU': 1})", "c = tf.ConfigProto()"),
        ("c = tf.compat.v1.ConfigProto(device_count={'GPU': n})", "c = tf.compat.v1.ConfigProto()"),
        (
            "c = tf.ConfigProto(device_count={'GPU': 1, 'CPU': 2})",
            "c = tf.ConfigProto(device_count={'CPU': 2})",
        ),
        (
            "c = tf.ConfigProto(log_device_placement=True, gpu_options=o, device_count={'GPU': 1})",
            "c = tf.ConfigProto(log_device_placement=True)",
        ),
        (
            "counts = {'GPU': 2}\nc = tf.ConfigProto(device_count=counts)",
            "c = tf.ConfigProto()",
        ),
        (
            "o = tf.GPUOptions()\no.allow_growth = True\nc = tf.ConfigProto(gpu_options=o)",
            "c = tf.ConfigProto()",
        ),
        (
            "o = tf.GPUOptions(allow_growth=True)\nc = tf.ConfigProto(gpu_options=o)\nprint(o)",
            "o = tf.GPUOptions(allow_growth=True)\nc = tf.ConfigProto()\nprint(o)",
        ),
        ("config.gpu_options.allow_growth = True", ""),
        ("config.gpu_options.per_process_gpu_memory_fraction = args.fraction", ""),
        ("config.gpu_options.visible_device_list = ','.join(str(i) for i in [1, 2])", ""),
        ("config.gpu_options.experimental.use_unified_memory = True", ""),
        ("config.device_count['GPU'] = 1", ""),
        ("config.gpu_options.CopyFrom(tf.GPUOptions(allow_growth=True))", ""),
        ("setattr(config.gpu_options, 'allow_growth', True)", ""),
        ("tf.config.experimental.set_memory_growth(gpus[0], True)", ""),
        (
            "gpus = tf.config.experimental.list_physical_devices('GPU')\n"
            "for gpu in gpus:\n    tf.config.experimental.set_memory_growth(gpu, True)",
            "",
        ),
        ("[tf.config.experimental.set_memory_growth(g, True) for g in gpus]", ""),
        ("tf.config.experimental.set_visible_devices([], 'GPU')", ""),
        ("if args.gpu:\n    config.gpu_options.allow_growth = True", ""),
        ("config.gpu_options.allow_growth = config.x = True", "config.x = True"),
        ("config.x = config.gpu_options.allow_growth = True", "config.x = True"),
        ("growth = True\nconfig.gpu_options.allow_growth = growth", ""),
        ("config.gpu_options.allow_growth = True  # share", "# share"),
    ],
)
def test_options_go(before: str, after: str) -> None:
    check(before, after)


def test_over_several_lines() -> None:
    check_port(
        """
        import tensorflow as tf

        config = tf.ConfigProto(
            allow_soft_placement=True,  # for the odd op
            gpu_options=tf.GPUOptions(
                # all of it
                per_process_gpu_memory_fraction=1.0,
            ),
            device_count={
                'CPU': 1,
                'GPU': 1,  # one is enough
            },
        )
        """,
        """
        import tensorflow as tf

        config = tf.ConfigProto(
            allow_soft_placement=True,  # for the odd op
            # all of it
            device_count={
                'CPU': 1,
                # one is enough
            },
        )
        """,
        CODE,
    )


def test_configurations_made_elsewhere() -> None:
    check_port(
        """
        import tensorflow as tf
        from tensorflow.core.protobuf.config_pb2 import ConfigProto
        from tensorflow import GPUOptions as Options


        def change(config):
            config.gpu_options.allow_growth = True
            return config


        class Runner(object):
            def __init__(self):
                self.config = ConfigProto(gpu_options=Options(allow_growth=True))
                self.config.gpu_options.allow_growth = True
        """,
        """
        import tensorflow as tf
        from tensorflow.core.protobuf.config_pb2 import ConfigProto


        def change(config):
            return config


        class Runner(object):
            def __init__(self):
                self.config = ConfigProto()
        """,
        CODE,
    )


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\ntf.ConfigProto(allow_soft_placement=True)",
        "import tensorflow as tf\ntf.ConfigProto(device_count={'CPU': 1})",
        "import tensorflow as tf\nconfig.log_device_placement = True",
        "import tensorflow as tf\nconfig.gpu_options.own_field = True",
        "import tensorflow as tf\ntf.GPUOptions(allow_growth=True)",
        "import tensorflow as tf\nx.device_count['CPU'] = 1",
        "import tensorflow as tf\n"
        "class Config(object): pass\nconfig = Config()\nconfig.gpu_options.allow_growth = True",
        "config.gpu_options.allow_growth = True",
        "from settings import ConfigProto\nConfigProto(gpu_options=1)",
        "import tensorflow as tf\ndef f(tf):\n    tf.ConfigProto(gpu_options=1)",
        "import tensorflow as tf\ntf.config.experimental.set_visible_devices(cpus, 'CPU')",
        "import tensorflow as tf\n# config.gpu_options.allow_growth = True",
        "print('config.gpu_options.allow_growth = True')",
    ],
)
def test_other_settings_stay(source: str) -> None:
    assert not check_noop(source + "\n", CODE).findings


@pytest.mark.parametrize(
    "source",
    [
        "config = tf.ConfigProto(gpu_options=make())",
        "config = tf.ConfigProto()\nconfig.gpu_options.allow_growth = start()",
        "x = tf.config.experimental.set_memory_growth(g, True) or 1",
        "tf.config.experimental.set_memory_growth(next(gpus), True)",
    ],
)
def test_values_with_an_effect_are_warnings(source: str) -> None:
    ported = check_noop(f"import tensorflow as tf\n{source}\n", CODE)
    assert ported.codes("warning") == [CODE]


def test_no_gpu_on_purpose_is_noted() -> None:
    ported = port_files(
        {"a.py": "import tensorflow as tf\nc = tf.ConfigProto(device_count={'GPU': 0})\n"}, CODE
    )
    assert ported.text("a.py") == "import tensorflow as tf\nc = tf.ConfigProto()\n"
    assert ported.codes("note") == [CODE]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("tf.ConfigProto(**{'gpu_options': tf.GPUOptions()})", "{'gpu_options': tf.GPUOptions()}"),
        (
            "x = {'gpu_options': tf.GPUOptions(),\n     'a': 1}",
            "{'gpu_options': tf.GPUOptions(), ...",
        ),
        ("x = dict(gpu_options=tf.GPUOptions())", "dict(gpu_options=tf.GPUOptions())"),
        ("x['gpu_options'] = tf.GPUOptions()", "x['gpu_options']"),
        ("getattr(c, 'gpu_options').allow_growth = True", "getattr(c, 'gpu_options')"),
        ("tf.ConfigProto(device_count=dict(GPU=0))", "dict(GPU=0)"),
    ],
)
def test_options_that_hide_are_told(line: str, shown: str) -> None:
    (finding,) = check_noop(f"import tensorflow as tf\n{line}\n", CODE).findings
    assert (finding.line, finding.severity) == (2, "warning")
    assert finding.message.endswith(f": {shown}")


@pytest.mark.parametrize(
    "line",
    [
        "print('gpu_options')",
        "tf.ConfigProto(device_count=dict(CPU=2))",
        "f(gpu_options=1)",
        "if name == 'gpu_options': pass",
    ],
)
def test_names_of_options_elsewhere_are_no_settings(line: str) -> None:
    assert not check_noop(f"import tensorflow as tf\n{line}\n", CODE).findings
