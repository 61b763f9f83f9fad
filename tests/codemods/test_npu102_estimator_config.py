import pytest

from migrate.analysis.estimators import ESTIMATORS, OWN_MODELS, TPU_ESTIMATOR
from tests.codemods.support import check_noop, check_port, port_files


def test_an_absent_configuration_is_added() -> None:
    ported = check_port(
        """
        import tensorflow as tf

        estimator = tf.estimator.Estimator(model_fn, params={})
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_run_config

        estimator = tf.estimator.Estimator(model_fn, params={}, config=npu_run_config())
        """,
        "NPU102",
    )
    (row,) = ported.sessions
    assert (row.line, row.kind, row.role) == (3, "tf.estimator.Estimator", "device")
    assert ported.findings == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("config=run_config", "config=npu_run_config(run_config)"),
        ("config=None", "config=npu_run_config()"),
        ("'out', run_config", "'out', npu_run_config(run_config)"),
        ("'out', None, {}", "'out', npu_run_config(), {}"),
        ("'out'", "'out', config=npu_run_config()"),
        (
            "config=tf.estimator.RunConfig(save_summary_steps=5)",
            "config=npu_run_config(tf.estimator.RunConfig(save_summary_steps=5))",
        ),
        ("config=a if b else None", "config=npu_run_config(a if b else None)"),
    ],
)
def test_every_form_of_the_argument(before: str, after: str) -> None:
    head = "import tensorflow as tf\n"
    check_port(
        f"{head}tf.estimator.Estimator(model_fn, {before})\n",
        f"{head}from npu_runtime import npu_run_config\n"
        f"tf.estimator.Estimator(model_fn, {after})\n",
        "NPU102",
    )


@pytest.mark.parametrize(("name", "position"), ESTIMATORS.items())
def test_positions_of_every_estimator(name: str, position: int) -> None:
    given = ", ".join(f"a{number}" for number in range(position))
    mixed = "" if name in OWN_MODELS else ", mix_compile_mode=True"
    more = ", use_tpu=False" if name == TPU_ESTIMATOR else ""
    short = name.replace("tensorflow.", "tf.", 1)
    check_port(
        f"import tensorflow as tf\nmade = {short}({given}, here)\n",
        "import tensorflow as tf\nfrom npu_runtime import npu_run_config\n"
        f"made = {short}({given}, npu_run_config(here{mixed}){more})\n",
        "NPU102",
    )


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [
        ("model_fn=fn, config=c", "model_fn=fn, config=npu_run_config(c), use_tpu=False", 0),
        ("fn, None, c, {}, True", "fn, None, npu_run_config(c), {}, False", 0),
        ("fn, config=c, use_tpu=False", "fn, config=npu_run_config(c), use_tpu=False", 0),
        (
            "use_tpu=FLAGS.use_tpu, model_fn=fn, config=tf.contrib.tpu.RunConfig(master='')",
            "use_tpu=FLAGS.use_tpu, model_fn=fn, "
            "config=npu_run_config(tf.contrib.tpu.RunConfig(master=''))",
            1,
        ),
        ("fn, config=c, **sizes", "fn, config=npu_run_config(c), **sizes", 1),
    ],
)
def test_a_tpu_estimator_trains_like_any_other(before: str, after: str, notes: int) -> None:
    ported = check_port(
        f"import tensorflow as tf\nmade = tf.contrib.tpu.TPUEstimator({before})\n",
        "import tensorflow as tf\nfrom npu_runtime import npu_run_config\n"
        f"made = tf.contrib.tpu.TPUEstimator({after})\n",
        "NPU102",
    )
    assert ported.codes("note") == ["NPU102"] * notes
    assert ported.codes("error") == []


def test_layout_comments_and_trailing_comma_stay() -> None:
    check_port(
        """
        from tensorflow.estimator import DNNClassifier

        classifier = DNNClassifier(
            hidden_units=[8],  # small
            feature_columns=columns,
        )
        """,
        """
        from tensorflow.estimator import DNNClassifier
        from npu_runtime import npu_run_config

        classifier = DNNClassifier(
            hidden_units=[8],  # small
            feature_columns=columns,
            config=npu_run_config(mix_compile_mode=True),
        )
        """,
        "NPU102",
    )


def test_multi_line_configuration_stays_as_it_is_written() -> None:
    check_port(
        """
        import tensorflow as T

        made = T.compat.v1.estimator.Estimator(
            model_fn,
            config=T.estimator.RunConfig(
                model_dir='out',  # here
            ))
        """,
        """
        import tensorflow as T
        from npu_runtime import npu_run_config

        made = T.compat.v1.estimator.Estimator(
            model_fn,
            config=npu_run_config(T.estimator.RunConfig(
                model_dir='out',  # here
            )))
        """,
        "NPU102",
    )


def test_a_partial_of_an_estimator() -> None:
    check_port(
        """
        import functools
        import tensorflow as tf

        make = functools.partial(tf.estimator.Estimator, model_fn, 'out', run_config)
        """,
        """
        import functools
        import tensorflow as tf
        from npu_runtime import npu_run_config

        make = functools.partial(tf.estimator.Estimator, model_fn, 'out', npu_run_config(run_config))
        """,
        "NPU102",
    )


def test_keywords_from_a_dict_display() -> None:
    check_port(
        """
        import tensorflow as tf

        arguments = dict(a=1)
        options = {'model_fn': fn, 'config': run_config}
        estimator = tf.estimator.Estimator(**options)
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_run_config

        arguments = dict(a=1)
        options = {'model_fn': fn, 'config': npu_run_config(run_config)}
        estimator = tf.estimator.Estimator(**options)
        """,
        "NPU102",
    )


def test_a_star_import_through_an_own_module() -> None:
    check_port(
        """
        from common import *

        made = Estimator(model_fn)
        """,
        """
        from common import *
        from npu_runtime import npu_run_config

        made = Estimator(model_fn, config=npu_run_config())
        """,
        "NPU102",
        others={"common.py": "from tensorflow.estimator import *\n"},
    )


def test_a_base_constructor_inside_an_own_class() -> None:
    check_port(
        """
        import tensorflow as tf

        class Own(tf.estimator.Estimator):
            def __init__(self, params, config):
                super(Own, self).__init__(self.model_fn, config=config, params=params)

        class Older(tf.estimator.Estimator):
            def __init__(self, config):
                tf.estimator.Estimator.__init__(self, model_fn, None, config)

        class Newer(tf.estimator.Estimator):
            def __init__(self):
                super().__init__(model_fn)

        made = [Own({}, None), Older(None), Newer()]
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_run_config

        class Own(tf.estimator.Estimator):
            def __init__(self, params, config):
                super(Own, self).__init__(self.model_fn, config=npu_run_config(config), params=params)

        class Older(tf.estimator.Estimator):
            def __init__(self, config):
                tf.estimator.Estimator.__init__(self, model_fn, None, npu_run_config(config))

        class Newer(tf.estimator.Estimator):
            def __init__(self):
                super().__init__(model_fn, config=npu_run_config())

        made = [Own({}, None), Older(None), Newer()]
        """,
        "NPU102",
    )


def test_an_own_class_without_a_constructor_takes_its_base_s_arguments() -> None:
    check_port(
        """
        import tensorflow as tf
        from own import Mine

        made = Mine(model_fn, 'out', run_config)
        made.train(feed)
        """,
        """
        import tensorflow as tf
        from own import Mine
        from npu_runtime import npu_run_config

        made = Mine(model_fn, 'out', npu_run_config(run_config))
        made.train(feed)
        """,
        "NPU102",
        others={
            "own.py": """
            import tensorflow as tf

            class Base(tf.estimator.Estimator):
                pass

            class Mine(Base):
                def extra(self):
                    return 1
            """
        },
    )


def test_queues_in_an_input_function_ask_for_mixed_compilation() -> None:
    check_port(
        """
        import tensorflow as tf

        def input_fn():
            return tf.train.batch([tf.constant(1)], 4)

        def main():
            estimator = tf.estimator.Estimator(model_fn)
            estimator.train(input_fn)
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_run_config

        def input_fn():
            return tf.train.batch([tf.constant(1)], 4)

        def main():
            estimator = tf.estimator.Estimator(model_fn, config=npu_run_config(mix_compile_mode=True))
            estimator.train(input_fn)
        """,
        "NPU102",
    )


def test_numpy_input_functions_are_queues() -> None:
    text = port_files(
        {
            "train.py": """
            import tensorflow as tf

            feed = tf.estimator.inputs.numpy_input_fn(x, y, shuffle=True)
            tf.estimator.Estimator(model_fn).train(feed)
            """
        },
        "NPU102",
    ).text()
    assert "config=npu_run_config(mix_compile_mode=True)" in text


def test_parsing_inside_a_dataset_stays_out_of_the_graph() -> None:
    text = port_files(
        {
            "train.py": """
            import tensorflow as tf

            def parse(record):
                return tf.parse_single_example(record, {})

            def input_fn():
                return tf.data.TFRecordDataset('a').map(lambda r: parse(r)).batch(4)

            def main():
                tf.estimator.Estimator(model_fn).train(input_fn)
            """
        },
        "NPU102",
    ).text()
    assert "config=npu_run_config())" in text


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("tf.contrib.learn.DNNClassifier([8], columns)", "tf.contrib.learn"),
        ("tf.estimator.Estimator(**options)", r"**kwargs"),
        ("tf.estimator.Estimator(*options)", r"**kwargs"),
        ("Own(config)", "constructor"),
    ],
)
def test_what_cannot_be_configured_is_an_error(call: str, reason: str) -> None:
    ported = check_noop(
        f"""
        import tensorflow as tf

        class Own(tf.estimator.Estimator):
            def __init__(self, config):
                self._config = config

        def make(options):
            return {call}
        """,
        "NPU102",
    )
    assert ported.codes("error") == ["NPU102"]
    assert reason in ported.findings[0].message
    assert ported.findings[0].line == 8


@pytest.mark.parametrize(
    "source",
    [
        "from sklearn.base import BaseEstimator\nmade = BaseEstimator()",
        "from sklearn.svm import SVC\nfrom sklearn.linear_model import LinearRegression\nSVC()",
        "class Estimator:\n    pass\nmade = Estimator(config=None)",
        "import tensorflow as tf\ndef f(Estimator):\n    return Estimator(model_fn)",
        "import tensorflow as tf\ndef f(tf):\n    return tf.estimator.Estimator(model_fn)",
        "import tensorflow as tf\nspec = tf.estimator.EstimatorSpec(mode, loss=loss)",
        "import tensorflow as tf\nconfig = tf.estimator.RunConfig(model_dir='a')",
        "import tensorflow as tf\ndef f(e: tf.estimator.Estimator): return e.config",
        "import tensorflow as tf\ntf.estimator.train_and_evaluate(e, train, evaluate)",
        "from npu_bridge.npu_init import NPUEstimator\nmade = NPUEstimator(model_fn, config=c)",
        "import mxnet.gluon.contrib.estimator as e\ne.estimator.Estimator(net)",
        "import tensorflow as tf\nclass A:\n    def __init__(self):\n        super().__init__()",
        "import tensorflow as tf\nclass A(B):\n    def __init__(self):\n        super().__init__()",
        "# estimator\nx = 1",
    ],
)
def test_others_are_left_alone(source: str) -> None:
    assert check_noop(source, "NPU102").findings == []


def test_unit_tests_stay_on_the_host() -> None:
    ported = check_noop(
        """
        import tensorflow as tf

        class ModelTest(tf.test.TestCase):
            def test_it(self):
                tf.estimator.Estimator(model_fn).train(input_fn, steps=1)
        """,
        "NPU102",
    )
    assert ported.sessions == []


def test_a_nested_call_within_a_decorated_function() -> None:
    check_port(
        """
        import tensorflow as tf

        @wrapped(lambda: tf.estimator.LinearRegressor(columns))
        def run():
            return evaluate(tf.estimator.Estimator(fn, config=base), tf.estimator.EvalSpec(feed))
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_run_config

        @wrapped(lambda: tf.estimator.LinearRegressor(columns, config=npu_run_config(mix_compile_mode=True)))
        def run():
            return evaluate(tf.estimator.Estimator(fn, config=npu_run_config(base)), tf.estimator.EvalSpec(feed))
        """,
        "NPU102",
    )


@pytest.mark.parametrize(
    "source",
    [
        "kinds = {'e': tf.estimator.Estimator}",
        "build(tf.estimator.DNNClassifier)",
        "class A:\n    kind = tf.estimator.Estimator",
        "kind = tf.estimator.Estimator if a else tf.contrib.learn.Estimator",
        "class Own(tf.estimator.Estimator): pass\nbuild(Own)",
    ],
)
def test_a_class_that_is_handed_on_is_an_error(source: str) -> None:
    ported = check_noop(f"import tensorflow as tf\n{source}\n", "NPU102")
    assert set(ported.codes()) == set(ported.codes("error")) == {"NPU102"}
    assert all(finding.line > 1 and finding.advice for finding in ported.findings)


def test_a_class_that_a_default_or_a_partial_stands_for() -> None:
    check_port(
        """
        import functools
        import tensorflow as tf
        def train(make=tf.estimator.Estimator):
            make(model_fn, 'dir').train(read)
        make = functools.partial(tf.estimator.Estimator, model_fn)
        make(config=tf.estimator.RunConfig()).train(read)
        make('dir').train(read)
        """,
        """
        import functools
        import tensorflow as tf
        from npu_runtime import npu_run_config
        def train(make=tf.estimator.Estimator):
            make(model_fn, 'dir', config=npu_run_config()).train(read)
        make = functools.partial(tf.estimator.Estimator, model_fn, config=npu_run_config())
        make(config=npu_run_config(tf.estimator.RunConfig())).train(read)
        make('dir').train(read)
        """,
        "NPU102",
    )
