import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU201"
TF = "import tensorflow as tf\n"
RUNTIME = "from npu_runtime import npu_optimizer\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Made and used at once, or by name.
        ("op = tf.train.AdamOptimizer(0.1).minimize(loss)",
         "op = npu_optimizer(tf.train.AdamOptimizer(0.1)).minimize(loss)"),
        ("opt = tf.compat.v1.train.AdamOptimizer(\n    0.1,  # rate\n)\nop = opt.minimize(loss)",
         "opt = npu_optimizer(tf.compat.v1.train.AdamOptimizer(\n    0.1,  # rate\n))\n"
         "op = opt.minimize(loss)"),
        ("opt = tf.contrib.opt.LazyAdamOptimizer(0.1)\nop = opt.minimize(loss)",
         "opt = npu_optimizer(tf.contrib.opt.LazyAdamOptimizer(0.1))\nop = opt.minimize(loss)"),
        # Gradients that are clipped on the way.
        ("opt = tf.train.AdamOptimizer(0.1)\npairs = clip(opt.compute_gradients(loss))\n"
         "op = opt.apply_gradients(pairs)",
         "opt = npu_optimizer(tf.train.AdamOptimizer(0.1))\n"
         "pairs = clip(opt.compute_gradients(loss))\nop = opt.apply_gradients(pairs)"),
        # Around another one.
        ("opt = tf.contrib.opt.MovingAverageOptimizer(tf.train.AdamOptimizer(0.1), 0.9)",
         "opt = tf.contrib.opt.MovingAverageOptimizer(npu_optimizer(tf.train.AdamOptimizer(0.1)), "
         "0.9)"),
        ("opt = tf.train.AdamOptimizer(0.1)\n"
         "if args.sync:\n    opt = tf.train.SyncReplicasOptimizer(opt=opt, replicas_to_aggregate=2)",
         "opt = npu_optimizer(tf.train.AdamOptimizer(0.1))\n"
         "if args.sync:\n    opt = tf.train.SyncReplicasOptimizer(opt=opt, replicas_to_aggregate=2)"),
        ("import horovod.tensorflow as hvd\n"
         "opt = hvd.DistributedOptimizer(tf.train.AdamOptimizer(0.1))",
         "import horovod.tensorflow as hvd\n"
         "opt = hvd.DistributedOptimizer(npu_optimizer(tf.train.AdamOptimizer(0.1)))"),
        # What optimize_loss takes.
        ("tf.contrib.layers.optimize_loss(loss, None, 0.1, optimizer='Adam')",
         "tf.contrib.layers.optimize_loss(loss, None, 0.1, optimizer=npu_optimizer('Adam'))"),
        ("tf.contrib.layers.optimize_loss(loss, None, 0.1, tf.train.AdamOptimizer)",
         "tf.contrib.layers.optimize_loss(loss, None, 0.1, npu_optimizer(tf.train.AdamOptimizer))"),
        ("tf.contrib.layers.optimize_loss(loss, None, 0.1, tf.train.AdamOptimizer(beta1=0.5))",
         "tf.contrib.layers.optimize_loss(loss, None, 0.1, "
         "npu_optimizer(tf.train.AdamOptimizer(beta1=0.5)))"),
        ("tf.contrib.layers.optimize_loss(loss, None, 0.1, lambda r: tf.train.AdamOptimizer(r))",
         "tf.contrib.layers.optimize_loss(loss, None, 0.1, "
         "lambda r: npu_optimizer(tf.train.AdamOptimizer(r)))"),
        ("tf.contrib.layers.optimize_loss(loss, None, 0.1, optimizer=args.optimizer)",
         "tf.contrib.layers.optimize_loss(loss, None, 0.1, optimizer=npu_optimizer(args.optimizer))"),
        # Chosen at run time.
        ("opt = tf.train.AdamOptimizer(0.1) if args.adam else tf.train.FtrlOptimizer(0.1)",
         "opt = npu_optimizer(tf.train.AdamOptimizer(0.1) if args.adam else "
         "tf.train.FtrlOptimizer(0.1))"),
        ("opt = {'a': tf.train.AdamOptimizer, 'f': tf.train.FtrlOptimizer}[args.opt](0.1)",
         "opt = npu_optimizer({'a': tf.train.AdamOptimizer, 'f': tf.train.FtrlOptimizer}"
         "[args.opt](0.1))"),
        ("known = {'a': tf.train.AdamOptimizer}", "known = {'a': npu_optimizer(tf.train.AdamOptimizer)}"),
        ("opt = getattr(tf.train, args.opt + 'Optimizer')(0.1)",
         "opt = npu_optimizer(getattr(tf.train, args.opt + 'Optimizer')(0.1))"),
        ("from functools import partial\nmake = partial(tf.train.AdamOptimizer, beta1=0.5)\n"
         "op = make(0.1).minimize(loss)",
         "from functools import partial\n"
         "make = npu_optimizer(partial(tf.train.AdamOptimizer, beta1=0.5))\n"
         "op = make(0.1).minimize(loss)"),
        ("cls = tf.train.AdamOptimizer\nop = cls(0.1).minimize(loss)",
         "cls = tf.train.AdamOptimizer\nop = npu_optimizer(cls(0.1)).minimize(loss)"),
        ("class Solver:\n    cls = tf.train.AdamOptimizer\n\n    def train(self):\n"
         "        return self.cls(0.1).minimize(self.loss)",
         "class Solver:\n    cls = npu_optimizer(tf.train.AdamOptimizer)\n\n    def train(self):\n"
         "        return self.cls(0.1).minimize(self.loss)"),
        ("def train(loss, opt=tf.train.AdamOptimizer):\n    return opt(0.1).minimize(loss)",
         "def train(loss, opt=tf.train.AdamOptimizer):\n"
         "    return npu_optimizer(opt(0.1)).minimize(loss)"),
        # The project's own.
        ("class Own(tf.train.Optimizer):\n    def __init__(self, rate):\n"
         "        self.inner = tf.train.AdamOptimizer(rate)\n\nopt = Own(0.1)",
         "class Own(tf.train.Optimizer):\n    def __init__(self, rate):\n"
         "        self.inner = tf.train.AdamOptimizer(rate)\n\nopt = npu_optimizer(Own(0.1))"),
        ("class Ahead(tf.train.Optimizer):\n    def __init__(self, inner_opt, k):\n"
         "        self.inner = inner_opt\n\nopt = Ahead(tf.train.AdamOptimizer(0.1), 5)",
         "class Ahead(tf.train.Optimizer):\n    def __init__(self, inner_opt, k):\n"
         "        self.inner = inner_opt\n\n"
         "opt = Ahead(npu_optimizer(tf.train.AdamOptimizer(0.1)), 5)"),
        # A loss scale for GPUs: the runtime puts the adapter's in its place.
        ("opt = tf.train.AdamOptimizer(0.1)\n"
         "opt = tf.contrib.mixed_precision.LossScaleOptimizer(opt, manager)",
         "opt = tf.train.AdamOptimizer(0.1)\n"
         "opt = npu_optimizer(tf.contrib.mixed_precision.LossScaleOptimizer(opt, manager))"),
        ("opt = tf.train.experimental.enable_mixed_precision_graph_rewrite("
         "tf.train.AdamOptimizer(0.1))",
         "opt = npu_optimizer(tf.train.experimental.enable_mixed_precision_graph_rewrite("
         "tf.train.AdamOptimizer(0.1)))"),
        ("opt = tf.train.AdamOptimizer(0.1)\nif args.fp16:\n"
         "    opt = tf.contrib.mixed_precision.LossScaleOptimizer(opt, manager)",
         "opt = npu_optimizer(tf.train.AdamOptimizer(0.1))\nif args.fp16:\n"
         "    opt = npu_optimizer(tf.contrib.mixed_precision.LossScaleOptimizer(opt, manager))"),
    ],
)  # fmt: skip
def test_forms(before: str, after: str) -> None:
    head, imports = TF, ""
    for line in ("import horovod.tensorflow as hvd\n", "from functools import partial\n"):
        if before.startswith(line):
            before, after, imports = before[len(line) :], after[len(line) :], line
    result = check_port(f"{head}{imports}{before}\n", f"{head}{imports}{RUNTIME}{after}\n", CODE)
    assert not result.findings
    assert result.runtime == {"npu_runtime"}


def test_a_function_that_chooses_is_wrapped_once() -> None:
    before = """
    import tensorflow as tf

    def choose(name, rate):
        if name == 'adam':
            optimizer = tf.train.AdamOptimizer(
                rate,
                beta1=0.5)
        elif name == 'sgd':
            optimizer = tf.train.GradientDescentOptimizer(rate)
        else:
            raise ValueError(name)
        return optimizer
    """
    after = before.replace("return optimizer", "return npu_optimizer(optimizer)")
    check_port(before, after.replace("as tf\n", f"as tf\n    {RUNTIME}"), CODE)


def test_a_chosen_one_that_is_read_twice_is_wrapped_where_it_is_made() -> None:
    before = """
    import tensorflow as tf

    def train(name, loss):
        if name == 'adam':
            opt = tf.train.AdamOptimizer(0.1)
        else:
            opt = tf.train.FtrlOptimizer(0.1)
        return opt.apply_gradients(opt.compute_gradients(loss))
    """
    after = """
    import tensorflow as tf
    from npu_runtime import npu_optimizer

    def train(name, loss):
        if name == 'adam':
            opt = npu_optimizer(tf.train.AdamOptimizer(0.1))
        else:
            opt = npu_optimizer(tf.train.FtrlOptimizer(0.1))
        return opt.apply_gradients(opt.compute_gradients(loss))
    """
    check_port(before, after, CODE)


def test_a_made_one_is_not_wrapped_again_in_another_file() -> None:
    maker = "import tensorflow as tf\n\ndef make():\n    return tf.train.AdamOptimizer(0.1)\n"
    user = """
    import tensorflow as tf
    from maker import make

    optimizer = make()
    op = tf.contrib.layers.optimize_loss(loss, None, None, optimizer)
    other = tf.contrib.slim.learning.create_train_op(loss, optimizer)
    """
    check_noop(user, CODE, others={"maker.py": maker})


@pytest.mark.parametrize(
    "source",
    [
        "from npu_runtime import npu_optimizer\nopt = npu_optimizer(tf.train.AdamOptimizer(0.1))",
        "from npu_runtime import npu_optimizer\nopt = tf.train.AdamOptimizer(0.1)\n"
        "opt = npu_optimizer(opt)",
        "import npu_runtime\nopt = npu_runtime.npu_optimizer(tf.train.AdamOptimizer(0.1))",
        "from npu_runtime import npu_optimizer\n"
        "tf.contrib.layers.optimize_loss(loss, None, 0.1, npu_optimizer('Adam'))",
        "opt = tf.contrib.opt.MovingAverageOptimizer(inner, 0.9)",
        "opt = tf.train.SyncReplicasOptimizer(inner, 2)",
        "opt = tf.contrib.tpu.CrossShardOptimizer(inner)",
        "opt = tf.keras.optimizers.Adam(0.1)",
        "opt = tf.contrib.opt.ScipyOptimizerInterface(loss)",
        "from scipy.optimize import minimize\nminimize(f, x)",
        "import skopt\nopt = skopt.BayesOptimizer(f)",
        "opt = torch.optim.AdamOptimizer(0.1)",
        "isinstance(opt, tf.train.AdamOptimizer)",
        "isinstance(opt, (tf.train.AdamOptimizer, tf.train.FtrlOptimizer))",
        "class Own(tf.train.AdamOptimizer):\n"
        "    def __init__(self):\n        super(Own, self).__init__(0.1)",
        "class Own(tf.train.AdamOptimizer):\n"
        "    def __init__(self):\n        tf.train.AdamOptimizer.__init__(self, 0.1)",
        "def train(opt: tf.train.Optimizer):\n    return opt.minimize(loss)",
        "o = tf.OptimizerOptions()",
        "class AdamOptimizer:\n    pass\n\nopt = AdamOptimizer()",
        "penalty = tf.gradients(score, images)[0]\nop = opt.minimize(loss)",
        "from sklearn.svm import SVC\nmodel = SVC()\nmodel.fit(x, y)",
        "tf.estimator.Estimator(model_fn)",
        "tf.estimator.DNNClassifier([8], columns, optimizer=make_optimizer)",
        "tf.contrib.learn.Estimator(model_fn)",
    ],
)
def test_others_stay(source: str) -> None:
    assert not check_noop(f"{TF}{source}\n", CODE).findings


@pytest.mark.parametrize(
    "source",
    [
        # Given at once, and by name.
        "op = opt.apply_gradients(zip(tf.gradients(loss, v), v))",
        "op = opt.apply_gradients(grads_and_vars=[(tf.gradients(loss, [v])[0], v)])",
        "grads = tf.gradients(loss, v)\nop = opt.apply_gradients(zip(grads, v), global_step=step)",
        "grads = tf.gradients(\n    self.loss,\n    v,  # all\n)\n"
        "op = self.opt.apply_gradients(zip(grads, v))",
        "grads: list = tf.compat.v1.gradients(loss, v)\nop = opt.apply_gradients(zip(grads, v))",
        # Clipped on the way.
        "grads, _ = tf.clip_by_global_norm(tf.gradients(loss, v), 5.0)\n"
        "op = opt.apply_gradients(zip(grads, v))",
        "grads = tf.gradients(loss, v)\n(grads, norm) = tf.clip_by_global_norm(grads, clip_norm=1.0)\n"
        "op = opt.apply_gradients(list(zip(grads, v)))",
        "from six.moves import zip\ngrads = tf.gradients(loss, v)\n"
        "op = opt.apply_gradients(list(zip(grads, v)))",
        "grads = tf.gradients(loss, v)\nif limit is not None:\n"
        "    grads, norm = tf.clip_by_global_norm(grads, limit)\n"
        "grads = list(zip(grads, v))\nop = opt.apply_gradients(grads)",
        "pairs = zip(tf.gradients(loss, v), v)\n"
        "pairs = [(tf.clip_by_value(g, -1, 1), w) for g, w in pairs if g is not None]\n"
        "op = opt.apply_gradients(pairs)",
        "grads = [None if g is None else tf.clip_by_norm(g, 5) for g in tf.gradients(loss, v)]\n"
        "op = opt.apply_gradients(zip(grads, v))",
        "grads = tf.gradients(loss, v)\ngrads, norm = helper.gradient_clip(grads, limit=5)\n"
        "op = opt.apply_gradients(zip(grads, v))",
        "grads = list(map(lambda g: tf.clip_by_norm(g, 5), tf.gradients(loss, v)))\n"
        "op = opt.apply_gradients(zip(grads, v))",
        # Put together.
        "pairs = []\nfor g, w in zip(tf.gradients(loss, v), v):\n    pairs.append((g * 2, w))\n"
        "op = opt.apply_gradients(pairs)",
        "pairs = list(zip(tf.gradients(loss, v), v))\nfor i, (g, w) in enumerate(pairs):\n"
        "    pairs[i] = (tf.clip_by_norm(g, 5), w)\nop = opt.apply_gradients(pairs)",
        "grads = tf.gradients(loss, v)\ngrads = [g + d * w for g, w in zip(grads, v)]\n"
        "op = opt.apply_gradients(zip(grads, v))",
        # Within a function, a method, a branch of the graph, a scope.
        "def train(loss, v, opt):\n    grads = tf.gradients(loss, v)\n"
        "    return opt.apply_gradients(zip(grads, v))",
        "class Model:\n    def train(self, v):\n        self.grads = tf.gradients(self.loss, v)\n"
        "        self.op = self.opt.apply_gradients(zip(self.grads, v))",
        "def train(loss, v, opt):\n    grads = tf.gradients(loss, v)\n"
        "    return tf.cond(ready, lambda: opt.apply_gradients(zip(grads, v)), tf.no_op)",
        "with tf.name_scope('train'):\n    grads = tf.gradients(loss, v)\n"
        "with tf.control_dependencies(updates):\n    op = opt.apply_gradients(zip(grads, v))",
        # Beside others, which stay.
        "penalty = tf.norm(tf.compat.v1.gradients(score, x)[0]) ** 2\nloss += penalty\n"
        "grads = tf.gradients(loss, v)\nop = opt.apply_gradients(zip(grads, v))",
        "grads = tf.compat.v1.gradients(score, x)[0]\nloss += tf.norm(grads)\n"
        "grads = tf.gradients(loss, v)\nop = opt.apply_gradients(zip(grads, v))",
        "if flat:\n    grads = tf.compat.v1.gradients(score, x)\n    opt.minimize(tf.norm(grads))\n"
        "else:\n    grads = tf.gradients(loss, v)\n    op = opt.apply_gradients(zip(grads, v))",
    ],
)
def test_gradients_that_an_optimizer_applies(source: str) -> None:
    spelled = "tf.gradients(" if "tf.gradients(" in source else "tf.compat.v1.gradients("
    after = source.replace(spelled, "npu_gradients(")
    runtime = "from npu_runtime import npu_gradients\n"
    variables = "v = tf.trainable_variables()\n"
    ported = check_port(f"{TF}{variables}{source}\n", f"{TF}{runtime}{variables}{after}\n", CODE)
    assert not ported.findings
    assert ported.runtime == {"npu_runtime"}


def test_both_are_imported_together() -> None:
    before = """
    import tensorflow as tf

    optimizer = tf.train.AdamOptimizer(0.1)
    grads = tf.gradients(loss, weights)
    op = optimizer.apply_gradients(zip(grads, weights))
    """
    after = """
    import tensorflow as tf
    from npu_runtime import npu_gradients, npu_optimizer

    optimizer = npu_optimizer(tf.train.AdamOptimizer(0.1))
    grads = npu_gradients(loss, weights)
    op = optimizer.apply_gradients(zip(grads, weights))
    """
    check_port(before, after, CODE)


def test_a_name_that_the_file_has_already() -> None:
    before = """
    import tensorflow as tf

    def npu_gradients():
        pass

    v = tf.trainable_variables()
    op = opt.apply_gradients(zip(tf.gradients(loss, v), v))
    """
    after = """
    import tensorflow as tf
    from npu_runtime import npu_gradients as runtime_npu_gradients

    def npu_gradients():
        pass

    v = tf.trainable_variables()
    op = opt.apply_gradients(zip(runtime_npu_gradients(loss, v), v))
    """
    check_port(before, after, CODE)


@pytest.mark.parametrize(
    "source",
    [
        # Parts of a loss.
        "slopes = tf.gradients(score, x)[0]\nloss += tf.reduce_mean(slopes ** 2)\n"
        "op = opt.apply_gradients(opt.compute_gradients(loss))",
        "slopes = tf.gradients(score, x)[0]\nloss = base + penalize(slopes)\n"
        "op = opt.minimize(loss)\nother.apply_gradients(pairs)",
        "from npu_runtime import npu_gradients\nslopes = tf.gradients(score, x)\n"
        "grads = npu_gradients(loss + tf.norm(slopes), v)\nop = opt.apply_gradients(zip(grads, v))",
        # Only looked at, by a function that applies nothing.
        "saliency = tf.gradients(score, image)",
        "norms = tf.global_norm(tf.gradients(loss, tf.trainable_variables()))\nop = opt.minimize(loss)",
        "def look():\n    return tf.gradients(score, image)\n\n"
        "def train(pairs):\n    return opt.apply_gradients(pairs)",
        # Not TensorFlow's.
        "from autograd import gradients\nop = opt.apply_gradients(zip(gradients(loss, v), v))",
        "from npu_runtime import npu_gradients\n"
        "op = opt.apply_gradients(zip(npu_gradients(loss, v), v))",
        "op = opt.apply_gradients(zip(grads, v))",
    ],
)
def test_other_gradients_stay(source: str) -> None:
    assert not check_noop(f"{TF}{source}\n", CODE).findings


@pytest.mark.parametrize(
    "source",
    [
        # Through a function that may do anything, or another run.
        "grads = tf.gradients(loss, v)\nop = opt.apply_gradients(prepare(grads, v))",
        "grads = tf.gradients(loss, v)\nadd = [s.assign_add(g) for s, g in zip(sums, grads)]\n"
        "op = opt.apply_gradients(zip(sums, v))",
        "def train(loss, v, pairs):\n    keep(tf.gradients(loss, v))\n"
        "    return opt.apply_gradients(pairs)",
        "def gradients(loss):  # of an Estimator\n    weights = [v for v in tf.trainable_variables() if keep(v)]\n"
        "    return list(zip(tf.gradients(loss, weights), weights))",
        # By an optimizer that cannot scale.
        "opt = tf.keras.optimizers.SGD(0.1)\n"
        "op = opt.apply_gradients(zip(tf.gradients(loss, v), v))",
        "class Own:\n    def apply_gradients(self, pairs):\n        pass\n\nopt = Own()\n"
        "op = opt.apply_gradients(zip(tf.gradients(loss, v), v))",
    ],
)
def test_what_is_not_certain_is_told(source: str) -> None:
    (finding,) = check_noop(f"{TF}{source}\n", CODE).findings
    assert finding.severity == "warning"
    assert "cannot tell whether an optimizer applies" in finding.message


@pytest.mark.parametrize(
    "source",
    [
        "def update(params, loss):\n    grads = tf.gradients(loss, params)\n"
        "    return tf.group(*[p.assign(p - rate * g) for p, g in zip(params, grads)])",
        "def update(params, loss):\n    ops = []\n    for p, g in zip(params, tf.gradients(loss, params)):\n"
        "        v = tf.Variable(tf.zeros(p.shape))\n        v_t = 0.9 * v + g\n"
        "        ops += [tf.assign(v, v_t), v.assign(v_t)]\n        ops.append(tf.assign_sub(p, rate * v_t))\n"
        "    return ops",
        "w = tf.Variable(0.0)\nstep = w.assign_sub(0.1 * tf.gradients(loss, [w])[0])",
    ],
)
def test_gradients_that_are_assigned_without_an_optimizer_are_told(source: str) -> None:
    (finding,) = check_noop(f"{TF}{source}\n", CODE).findings
    assert finding.severity == "warning" and "several ranks" in finding.message
    # Where something reduces over the ranks, that may be these gradients.
    reduced = f"{TF}import horovod.tensorflow as hvd\n{source}\nhvd.allreduce(loss)\n"
    (finding,) = check_noop(reduced, CODE).findings
    assert finding.severity == "warning" and "several ranks" not in finding.message


@pytest.mark.parametrize(
    "source",
    [
        "slopes = tf.gradients(score, x)[0]\nloss += tf.norm(slopes)\nmean = tf.Variable(0.0)\n"
        "op = [opt.minimize(loss), mean.assign(0.9 * mean + 0.1 * loss)]",
        "x = tf.gradients(score, image)[0]\ny = sums.assign_add(x2)",
        "def perturb(x):\n    return x.assign_add(tf.sign(tf.gradients(loss, x)[0]))\n\n"
        "step = opt.minimize(loss)",
        "def look(xs):\n    g = tf.gradients(loss, xs)\n    return norm.assign(tf.global_norm(g))\n\n"
        "step = opt.minimize(loss)",
    ],
)
def test_other_assignments_are_not(source: str) -> None:
    assert not check_noop(f"{TF}{source}\n", CODE).findings


def test_gradients_of_sessions_on_the_host_stay() -> None:
    source = """
    import tensorflow as tf

    def fit():
        grads = tf.gradients(loss, v)
        op = tf.train.AdamOptimizer(0.1).apply_gradients(zip(grads, v))
        with tf.Session() as sess:
            sess.run(op)
    """
    roles = {"NPU101": {"roles": {"tool.py:fit": "host"}}}
    ported = port_files({"tool.py": source}, "NPU101", CODE, options=roles)
    assert "npu_gradients" not in ported.text("tool.py")
    assert CODE not in ported.codes()
    assert "npu_gradients" in port_files({"tool.py": source}, "NPU101", CODE).text("tool.py")


def test_unit_tests_stay() -> None:
    source = """
    import tensorflow as tf

    class ModelTest(tf.test.TestCase):
        def test_it(self):
            tf.train.AdamOptimizer(0.1).minimize(loss())
    """
    assert not check_noop(source, CODE, path="model_test.py").findings


def test_sessions_that_the_recipe_keeps_on_the_host_stay() -> None:
    source = """
    import tensorflow as tf

    def fit():
        op = tf.train.AdamOptimizer(0.1).minimize(loss)
        with tf.Session() as sess:
            sess.run(op)
    """
    roles = {"NPU101": {"roles": {"tool.py:fit": "host"}}}
    tool = port_files({"tool.py": source}, "NPU101", CODE, options=roles).text("tool.py")
    assert "host_session_config" in tool
    assert "npu_optimizer" not in tool
    assert "npu_optimizer" in port_files({"tool.py": source}, "NPU101", CODE).text("tool.py")


@pytest.mark.parametrize(
    ("source", "severity", "message"),
    [
        ("W = tf.contrib.opt.extend_with_decoupled_weight_decay(tf.train.AdamOptimizer)",
         "warning", "tf.contrib.opt.extend_with_decoupled_weight_decay takes its class"),
        ("tf.estimator.DNNClassifier([8], columns)", "warning", "makes its optimizer by itself"),
        ("tf.estimator.LinearRegressor(columns, optimizer='Ftrl')", "warning", "by itself"),
        ("m = tf.keras.Sequential()\nm.compile('sgd', 'mse')\nm.fit(x, y)", "note", "Keras"),
        ("from npu_bridge.npu_init import *\n"
         "opt = NPULossScaleOptimizer(tf.train.AdamOptimizer(0.1), manager)", "note", "stays"),
        ("import importlib\n"
         "opt = getattr(importlib.import_module(name), 'Adam')(0.1)\n"
         "opt.apply_gradients(opt.compute_gradients(loss))", "warning", "was not found"),
    ],
)  # fmt: skip
def test_what_is_told(source: str, severity: str, message: str) -> None:
    (finding,) = check_noop(f"{TF}{source}\n", CODE).findings
    assert finding.severity == severity
    assert message in finding.message
