import pytest

from tests.codemods.support import check_noop, check_port, port_files


def test_a_script_that_trains_on_its_top_level() -> None:
    ported = check_port(
        """
        import numpy as np
        import keras
        from keras.models import Model

        size = 32
        model = Model(keras.layers.Input((size,)), out)
        model.compile(loss='mse')
        model.fit(x, y)
        import matplotlib.pyplot as plt
        """,
        """
        import numpy as np
        import keras
        from keras.models import Model
        from npu_runtime import use_npu_keras_session

        use_npu_keras_session()

        size = 32
        model = Model(keras.layers.Input((size,)), out)
        model.compile(loss='mse')
        model.fit(x, y)
        import matplotlib.pyplot as plt
        """,
        "NPU103",
    )
    (row,) = ported.sessions
    assert (row.line, row.kind, row.role) == (8, "Keras session", "device")
    assert row.why == "fit of a Keras model at train.py:8"
    assert ported.findings == []


def test_a_script_with_a_main_guard() -> None:
    check_port(
        """
        import argparse
        from tensorflow import keras

        def main():
            model = keras.applications.ResNet50(weights=None)
            model.fit_generator(batches)

        if __name__ == '__main__':
            # train
            main()
        """,
        """
        import argparse
        from tensorflow import keras
        from npu_runtime import use_npu_keras_session

        def main():
            model = keras.applications.ResNet50(weights=None)
            model.fit_generator(batches)

        if __name__ == '__main__':
            # train
            use_npu_keras_session()
            main()
        """,
        "NPU103",
    )


def test_a_guard_on_one_line() -> None:
    check_port(
        """
        import keras
        def main():
            keras.Model(a, b).fit(x)
        if __name__ == '__main__': main()
        """,
        """
        import keras
        from npu_runtime import use_npu_keras_session
        def main():
            keras.Model(a, b).fit(x)
        if __name__ == '__main__': use_npu_keras_session(); main()
        """,
        "NPU103",
    )


def test_flags_are_parsed_first() -> None:
    check_port(
        """
        import tensorflow as tf
        FLAGS = tf.app.flags.FLAGS
        tf.logging.set_verbosity(tf.logging.INFO)

        def main(_):
            tf.keras.Sequential().fit(x)

        if __name__ == '__main__':
            tf.app.run()
        """,
        """
        import tensorflow as tf
        from npu_runtime import use_npu_keras_session
        FLAGS = tf.app.flags.FLAGS
        tf.logging.set_verbosity(tf.logging.INFO)

        def main(_):
            use_npu_keras_session()
            tf.keras.Sequential().fit(x)

        if __name__ == '__main__':
            tf.app.run()
        """,
        "NPU103",
    )


def test_layers_on_the_top_level_move_the_call_before_them() -> None:
    check_port(
        """
        import tensorflow as tf

        base = tf.keras.applications.VGG16()

        def main():
            base.fit(x)

        if __name__ == '__main__':
            main()
        """,
        """
        import tensorflow as tf
        from npu_runtime import use_npu_keras_session

        use_npu_keras_session()

        base = tf.keras.applications.VGG16()

        def main():
            base.fit(x)

        if __name__ == '__main__':
            main()
        """,
        "NPU103",
    )


def test_imports_behind_the_first_use_do_not_count() -> None:
    check_port(
        '''
        """Trains."""
        import os
        os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
        try:
            import keras
        except ImportError:
            from tensorflow import keras
        model = keras.Sequential()
        import helpers
        model.train_on_batch(x, y)
        ''',
        '''
        """Trains."""
        import os
        from npu_runtime import use_npu_keras_session
        os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
        try:
            import keras
        except ImportError:
            from tensorflow import keras

        use_npu_keras_session()
        model = keras.Sequential()
        import helpers
        model.train_on_batch(x, y)
        ''',
        "NPU103",
    )


@pytest.mark.parametrize(
    "returned", ["Model(x, y)", "wrap(Model(x, y))"], ids=["a model", "what cannot be told"]
)
def test_a_function_may_be_called_like_a_class(returned: str) -> None:
    ported = port_files(
        {
            "nets.py": f"""
            from keras.models import Model

            def WideNet(x, y):
                model = {returned}
                return model
            """,
            "train.py": """
            import nets

            model = nets.WideNet(x, y)
            model.fit(data)
            """,
        },
        "NPU103",
    )
    (row,) = ported.sessions
    assert row.why.endswith("Keras model at train.py:4")
    assert "use_npu_keras_session()" in ported.text()


def test_what_takes_no_data_is_no_model() -> None:
    ported = check_noop(
        """
        import keras

        model = keras.Sequential()
        for loss in losses:
            total += loss.evaluate()
        """,
        "NPU103",
    )
    assert (ported.sessions, ported.findings) == ([], [])


def test_a_class_of_the_project_s_own_is_no_model() -> None:
    check_noop(
        """
        import keras

        class Scaler:
            def fit(self, x):
                return x

        model = keras.Sequential()
        Scaler().fit(x)
        """,
        "NPU103",
    )


def test_the_script_is_configured_and_not_the_library() -> None:
    library = """
    import keras

    def build():
        return keras.Sequential()

    class Trainer:
        def __init__(self):
            self.model = build()

        def run(self):
            self.model.fit(x, y)
    """
    ported = check_port(
        """
        from library import Trainer

        if __name__ == '__main__':
            Trainer().run()
        """,
        """
        from library import Trainer
        from npu_runtime import use_npu_keras_session

        if __name__ == '__main__':
            use_npu_keras_session()
            Trainer().run()
        """,
        "NPU103",
        others={"library.py": library},
    )
    assert ported.findings == []
    assert ported.text("library.py").count("use_npu") == 0


def test_each_script_sets_its_own() -> None:
    script = "import model\nif __name__ == '__main__':\n    model.{}()\n"
    ported = port_files(
        {
            "model.py": """
            import keras
            def train():
                keras.Model().fit(x)
            def evaluate():
                keras.models.load_model('a').evaluate(x)
            def data():
                return keras.datasets.mnist.load_data()
            """,
            "train.py": script.format("train"),
            "eval.py": script.format("evaluate"),
            "show.py": script.format("data"),
        },
        "NPU103",
    )
    assert [(row.path, row.why) for row in ported.sessions] == [
        ("eval.py", "evaluate of a Keras model at model.py:5"),
        ("train.py", "fit of a Keras model at model.py:3"),
    ]
    assert "use_npu" not in ported.text("show.py")
    assert ported.findings == []


def test_host_operators_ask_for_mixed_compilation() -> None:
    check_port(
        """
        import keras
        import tensorflow as tf
        def metric(y, p):
            return tf.py_func(score, [y, p], tf.float32)
        model = keras.Sequential()
        model.compile('sgd', 'mse', metrics=[metric])
        model.fit(x)
        """,
        """
        import keras
        import tensorflow as tf
        from npu_runtime import use_npu_keras_session

        use_npu_keras_session(mix_compile_mode=True)
        def metric(y, p):
            return tf.py_func(score, [y, p], tf.float32)
        model = keras.Sequential()
        model.compile('sgd', 'mse', metrics=[metric])
        model.fit(x)
        """,
        "NPU103",
    )


def test_a_cleared_session_is_renewed() -> None:
    check_port(
        """
        from keras import backend as K
        import keras

        for fold in folds:
            K.clear_session()  # forget
            if fold: K.clear_session()
            a = 1; K.clear_session()
            keras.Sequential().fit(x)
        """,
        """
        from keras import backend as K
        import keras
        from npu_runtime import use_npu_keras_session

        use_npu_keras_session()

        for fold in folds:
            K.clear_session()  # forget
            use_npu_keras_session()
            if fold: K.clear_session(); use_npu_keras_session()
            a = 1; K.clear_session(); use_npu_keras_session()
            keras.Sequential().fit(x)
        """,
        "NPU103",
    )


def test_a_cleared_session_that_the_project_sets_again_stays() -> None:
    check_noop(
        """
        import keras
        import tensorflow as tf
        from keras import backend as K

        K.clear_session()
        K.set_session(tf.Session(config=config))
        keras.Sequential().fit(x)
        """,
        "NPU103",
    )


def test_set_session_anywhere_on_the_way_is_npu101_s_business() -> None:
    ported = check_noop(
        """
        import keras
        from helpers import limit_memory

        if __name__ == '__main__':
            limit_memory()
            keras.Sequential().fit(x)
        """,
        "NPU103",
        others={
            "helpers.py": """
            import keras, tensorflow as tf
            def limit_memory():
                keras.backend.set_session(tf.Session(config=tf.ConfigProto()))
            """
        },
    )
    assert ported.sessions == []


def test_a_default_session_of_the_script_s_own_is_npu101_s_business() -> None:
    ported = port_files(
        {
            "train.py": """
            import keras, tensorflow as tf
            with tf.Session() as sess:
                model = keras.Sequential()
                model.fit(x, y)
            """
        },
        "NPU101",
        "NPU103",
    )
    assert "use_npu" not in ported.text()
    assert "tf.Session(config=npu_session_config())" in ported.text()
    assert [row.role for row in ported.sessions] == ["device"]


@pytest.mark.parametrize(
    "model",
    [
        "keras.Sequential()",
        "keras.models.Sequential()",
        "keras.models.load_model('a.h5')",
        "keras.models.model_from_json(text)",
        "keras.applications.vgg16.VGG16()",
        "keras.utils.multi_gpu_model(keras.Model(a, b))",
        "Own()",
        "build()",
        "Unknown(keras.layers.Dense(1))",
    ],
)
@pytest.mark.parametrize("package", ["keras", "tensorflow.keras", "tensorflow.python.keras"])
def test_every_kind_of_model(package: str, model: str) -> None:
    source = f"""
    import {package} as keras
    from other import Unknown

    class Own(keras.Model):
        pass

    def build():
        return keras.Sequential()

    model = {model}
    model.compile(optimizer='sgd', loss='mse')
    model.fit(x, y)
    """
    assert "\nuse_npu_keras_session()\n" in port_files({"train.py": source}, "NPU103").text()


@pytest.mark.parametrize(
    "source",
    [
        "import keras\n(x, y), _ = keras.datasets.mnist.load_data()",
        "from keras.utils import np_utils\ny = np_utils.to_categorical(y)",
        "from keras.preprocessing.image import ImageDataGenerator as I\nI().fit(x)",
        "from keras.preprocessing import image\ngen = image.ImageDataGenerator()\ngen.fit(x)",
        "from keras.preprocessing.text import Tokenizer\nt = Tokenizer()\nt.fit(x)",
        "import keras\nmodel = keras.Sequential()\nmodel.summary()",
        "import keras\nmodel = keras.Sequential()\nmodel.compile('sgd', 'mse')\nmodel.save('a')",
        "import keras\nfrom sklearn.svm import SVC\nSVC().fit(x, y)",
        "import keras\nfrom sklearn.svm import SVC\nclf = SVC()\nclf.fit(x, y); clf.predict(x)",
        "import keras\ndef f(clf):\n    clf.fit(x, y)",
        "import keras\nimport re\nre.compile('a', optimizer=None)\nre.fit(1)",
        "import tensorflow as tf\ne = tf.estimator.Estimator(fn)\ne.evaluate(feed)\ne.predict(feed)",
        "import tensorflow as tf\nm = tf.keras.Sequential()\n"
        "m.compile('sgd', 'mse')\ntf.keras.estimator.model_to_estimator(m).train(feed)",
        "import keras\nx = keras.layers.Dense(1)(y)\nop = tf.train.AdamOptimizer().minimize(x)",
        "class Model:\n    def fit(self): pass\n# keras\nModel().fit()",
        "import keras\ndef f(keras):\n    keras.Sequential().fit(x)",
        "if __name__ == '__main__':\n    print('no TensorFlow here')",
        "import torch\nmodel = torch.nn.Sequential()\nmodel.fit(x)  # keras-like",
    ],
)
def test_what_trains_no_keras_model(source: str) -> None:
    ported = check_noop(source + "\n", "NPU103")
    assert (ported.findings, ported.sessions) == ([], [])


def test_unit_tests_stay_on_the_host() -> None:
    ported = check_noop(
        """
        import tensorflow as tf

        class ModelTest(tf.test.TestCase):
            def test_it(self):
                tf.keras.backend.clear_session()
                tf.keras.Sequential().fit(x, y)

        if __name__ == '__main__':
            tf.test.main()
        """,
        "NPU103",
    )
    assert (ported.findings, ported.sessions) == ([], [])


def test_functions_that_no_script_leads_to_are_an_error() -> None:
    ported = check_noop(
        """
        import keras

        def train(x):
            model = keras.Sequential()
            model.fit(x)
        """,
        "NPU103",
    )
    (finding,) = ported.findings
    assert (finding.severity, finding.line) == ("error", 5)
    assert "no script" in finding.message


def test_a_script_that_names_neither_keras_nor_main_is_configured() -> None:
    check_port(
        "from library import train\ntrain(1)\n",
        "from library import train\nfrom npu_runtime import use_npu_keras_session\n\n"
        "use_npu_keras_session()\ntrain(1)\n",
        "NPU103",
        others={"library.py": "import keras\ndef train(x):\n    keras.Sequential().fit(x)\n"},
    )


MODELS = """
import keras
from keras.utils import multi_gpu_model

class Net(keras.Model):
    pass

def build():
    model = keras.Sequential()
    model.add(keras.layers.Dense(1))
    return model

def build_any(name):
    if name == 'net':
        return Net()
    return build()

def train(model):
    model.fit(x, y)

def train_of(make):
    model = make()
    model.fit(x, y)

net = build()
"""
HOLDER = """
class Holder:
    def __init__(self, model):
        self.model = model
        self.built = build()

    def run(self):
        self.model.fit(x)
"""


@pytest.mark.parametrize(
    "script",
    [
        "m = models.build()\nm.compile()\nm.fit(x)",
        "m = models.build_any('net')\nm.compile('sgd', 'mse')\nm.fit(x)",
        "models.train(models.build())",
        "models.train_of(models.Net)",
        "models.train_of(models.build)",
        "models.train_of(lambda: models.build())",
        "models.net.fit(x)",
        "from models import net\nnet.fit(x)",
        "for m in [models.build(), models.Net()]:\n    m.fit(x)",
        "by_name = {'a': models.build()}\nby_name['a'].fit(x)",
        "by_name = {'a': models.Net}\nby_name[name]().fit(x)",
        "models.multi_gpu_model(models.build(), gpus=2).fit(x)",
        "m = models.build()\nm = models.multi_gpu_model(m) if many else m\nm.fit(x)",
        "models.Holder(models.build()).run()",
        "models.Holder(models.build()).model.fit(x)",
        "models.Holder(None).built.fit(x)",
        "class Trainer:\n    def __init__(self, model): self.model = model\n"
        "    def go(self): self.model.fit(x)\nTrainer(models.build()).go()",
        "a, b = models.build(), models.build()\n(a if c else b).fit(x)",
        "import functools\nmake = functools.partial(models.build_any, 'a')\nmake().fit(x)",
        "getattr(models, 'build')().fit(x)\nmodels.Net",
    ],
)
def test_a_model_is_followed_through_files_and_values(script: str) -> None:
    models = MODELS + (HOLDER if "Holder" in script else "")
    ported = port_files({"models.py": models, "train.py": f"import models\n{script}\n"}, "NPU103")
    assert "use_npu_keras_session()" in ported.text()
    assert "use_npu" not in ported.text("models.py")
    assert [(row.path, row.role) for row in ported.sessions] == [("train.py", "device")]
    assert ported.codes("error") == []


def test_what_may_be_a_model_is_told_as_such() -> None:
    script = "import models\nmodels.train(models.build())\n"
    ported = port_files({"models.py": MODELS, "train.py": script}, "NPU103")
    (row,) = ported.sessions
    assert row.why == "fit of what may be a Keras model at models.py:18"


@pytest.mark.parametrize(
    "script",
    [
        "models.Holder",
        "import sklearn.svm\nsklearn.svm.SVC().fit(x)",
        "import numpy as np\nnp.fit(models.build())",
        "class Own:\n    def fit(self): pass\nOwn().fit()\nmodels.build()",
        "models.build().summary()",
        "import tensorflow as tf\nest = tf.estimator.Estimator(fn)\nmodels.build()\n"
        "def run(e):\n    e.evaluate(f); e.predict(f)\nrun(est)",
    ],
)
def test_what_is_no_model_is_not_taken_for_one(script: str) -> None:
    helpers = MODELS.partition("def train(")[0] + "class Holder: pass\n"
    ported = check_noop(f"import models\n{script}\n", "NPU103", others={"models.py": helpers})
    assert (ported.findings, ported.sessions) == ([], [])


def test_a_function_that_may_train_a_model_that_is_made_elsewhere() -> None:
    loader = "import importlib\nmodel = importlib.import_module(name).build()\nmodel.fit(x)\n"
    ported = check_noop(loader, "NPU103", others={"zoo.py": MODELS.partition("def train(")[0]})
    (finding,) = ported.findings
    assert (finding.severity, finding.path, finding.line) == ("warning", "train.py", 3)
    assert "use_npu_keras_session() before the model is made" in finding.advice


def test_a_function_that_trains_what_may_be_a_model_and_that_no_script_leads_to() -> None:
    source = "import keras\ndef train(x):\n    m = {'a': keras.Sequential()}\n    m['a'].fit(x)\n"
    ported = check_noop(source, "NPU103")
    assert [(f.severity, f.line) for f in ported.findings] == [("error", 4)]


def test_a_session_around_a_model_from_elsewhere_is_on_the_device() -> None:
    script = (
        "import models, tensorflow as tf\nwith tf.Session():\n    models.train(models.build())\n"
    )
    ported = port_files({"models.py": MODELS, "train.py": script}, "NPU101", "NPU103")
    assert "tf.Session(config=npu_session_config())" in ported.text()


def test_a_new_graph_is_an_error() -> None:
    ported = port_files(
        {
            "train.py": """
            import keras, tensorflow as tf
            with tf.Graph().as_default():
                keras.Sequential().fit(x)
            """
        },
        "NPU103",
    )
    assert ported.codes("error") == ["NPU103"]


def test_clearing_as_an_expression_is_an_error() -> None:
    ported = port_files(
        {
            "train.py": """
            import keras
            done = keras.backend.clear_session() or True
            keras.Sequential().fit(x)
            """
        },
        "NPU103",
    )
    assert ported.codes("error") == ["NPU103"]


def test_names_that_are_not_known_to_be_keras_s_need_a_telling_method() -> None:
    source = "import keras\ndef run(model):\n    model.{}(x)\nrun(1)\n"
    assert "use_npu" in port_files({"a.py": source.format("train_on_batch")}, "NPU103").text("a.py")
    assert "use_npu" not in port_files({"a.py": source.format("predict")}, "NPU103").text("a.py")


ENTRY = """
import argparse
import keras
{imported}

def parse():
    parser = argparse.ArgumentParser()
    return parser.parse_args()

def main({parameter}):
{main}
    keras.Sequential().fit(x)

if __name__ == '__main__':
{guard}
"""
CALL = "    use_npu_keras_session()"


@pytest.mark.parametrize(
    ("parameter", "main", "guard"),
    [
        ("", f"    args = parse()\n{CALL}\n    x = load(args)", "    main()"),
        (
            "",
            "    p = argparse.ArgumentParser()\n    p.add_argument('-a')\n"
            f"    args = p.parse_args()\n{CALL}",
            "    main()",
        ),
        ("args", "    x = load(args)", f"    args = parse()\n{CALL}\n    main(args)"),
        (
            "args",
            "    x = load(args)",
            "    parser = argparse.ArgumentParser()\n    parser.add_argument('-a')\n"
            f"    args, _ = parser.parse_known_args()\n{CALL}\n    main(args)",
        ),
        ("args", f"{CALL}\n    x = load(args)", "    main(p.parse_args())"),
        ("args", f'    """Trains."""\n{CALL}\n    x = load(args)', "    main(p.parse_args())"),
        ("", f"    args = parse()\n{CALL}", "    import sys\n    sys.exit(main())"),
        # Nothing tells that what comes first makes no model, or that main runs but once.
        ("", "    x = load()\n    args = parse()", f"{CALL}\n    main()"),
        ("", "    args = parse()", f"{CALL}\n    main()\n    main()"),
        ("", "    x = 1", f"{CALL}\n    main()"),
    ],
)
def test_arguments_are_parsed_before_the_npu_is_needed(
    parameter: str, main: str, guard: str
) -> None:
    after = ENTRY.format(
        imported="from npu_runtime import use_npu_keras_session",
        parameter=parameter,
        main=main,
        guard=guard,
    )
    before = after.replace(CALL + "\n", "").replace(
        "from npu_runtime import use_npu_keras_session\n", ""
    )
    check_port(before, after, "NPU103")


def test_arguments_on_the_top_level_are_parsed_first() -> None:
    check_port(
        """
        import argparse
        import keras

        parser = argparse.ArgumentParser()
        parser.add_argument('--epochs')
        args = parser.parse_args()
        model = keras.Sequential()
        model.fit(x)
        """,
        """
        import argparse
        import keras
        from npu_runtime import use_npu_keras_session

        parser = argparse.ArgumentParser()
        parser.add_argument('--epochs')
        args = parser.parse_args()
        use_npu_keras_session()
        model = keras.Sequential()
        model.fit(x)
        """,
        "NPU103",
    )


SETTING = """
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.models import Sequential

def train():
    model = Sequential()
    model.fit(x, y)

{code}
"""
SET = "K.set_session(tf.Session())"


@pytest.mark.parametrize(
    "code",
    [
        f"if args.memory:\n    {SET}\ntrain()",
        f"for one in several:\n    {SET}\ntrain()",
        f"def other():\n    {SET}\n    Sequential().fit(x, y)\n\ntrain()\nother()",
        f"with tf.Graph().as_default():\n    {SET}\ntrain()",
        "K.set_session(None)\ntrain()",
    ],
)
def test_a_session_that_is_not_certainly_set_is_no_reason_to_leave_keras_alone(code: str) -> None:
    text = port_files({"train.py": SETTING.format(code=code)}, "NPU103").text()
    assert "\nuse_npu_keras_session()\n" in text


@pytest.mark.parametrize(
    "code",
    [
        f"{SET}\ntrain()",
        f"if K.backend() == 'tensorflow':\n    {SET}\ntrain()",
        f"if __name__ == '__main__':\n    {SET}\n    train()",
        f"def main():\n    {SET}\n    train()\n\nmain()",
        f"def set_up():\n    {SET}\n\nset_up()\ntrain()",
        f"try:\n    {SET}\nfinally:\n    train()",
    ],
)
def test_a_session_that_is_certainly_set_is_npu101_s_business(code: str) -> None:
    check_noop(SETTING.format(code=code), "NPU103")


def test_training_in_the_session_that_keras_gives() -> None:
    source = """
    import tensorflow as tf
    from tensorflow.keras import backend as K

    session = K.get_session()
    {code}
    """
    for step in (
        "tf.train.AdamOptimizer().minimize(loss)",
        "tf.keras.optimizers.Adam().get_updates(loss, weights)",
        "optimizer.get_updates(loss, weights)",
    ):
        trains = source.format(code=f"session.run({step})")
        text = port_files({"train.py": trains}, "NPU103").text()
        assert "\nuse_npu_keras_session()\n" in text
    check_noop(source.format(code="session.run(tf.constant(1))"), "NPU103")


@pytest.mark.parametrize(
    ("given", "configured"),
    [
        ("[x], [y], optimizer.get_updates(loss, weights)", True),
        ("[x], [y], updates=steps", True),
        ("inputs=[x], outputs=[y], updates=[step]", True),
        ("[x], [y]", False),
        ("[x], [y], []", False),
        ("[x], [y], updates=None", False),
    ],
)
@pytest.mark.parametrize("backend", ["tensorflow.keras", "keras"])
def test_a_function_of_the_backend_that_updates_variables_trains(
    backend: str, given: str, configured: bool
) -> None:
    source = f"""
    from {backend} import backend as K

    step = K.function({given})
    """
    ported = port_files({"train.py": source}, "NPU103")
    assert ("\nuse_npu_keras_session()\n" in ported.text()) == configured
    assert bool(ported.sessions) == configured
