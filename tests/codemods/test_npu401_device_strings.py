import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU401"


def check_expression(before: str, after: str) -> None:
    template = """
    import tensorflow as tf


    def build(i, n, job, device, args):
        with tf.device({}):
            return tf.constant(i)
    """
    check_port(template.format(before), template.format(after), CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'/gpu:0'", "''"),
        ('"/gpu:0"', '""'),
        ("'/GPU:0'", "''"),
        ("'gpu:0'", "''"),
        ("'/device:GPU:0'", "''"),
        ("'/device:XLA_GPU:0'", "''"),
        ("'/gpu:*'", "''"),
        ("'/gpu'", "''"),
        ("r'/gpu:0'", "r''"),
        ("'''/gpu:0'''", "''''''"),
        ("('/gpu:0')", "('')"),
        ("device_name_or_function='/gpu:0'", "device_name_or_function=''"),
        ("'/job:worker/device:GPU:0'", "'/job:worker'"),
        ("'/job:worker/replica:0/task:1/gpu:0'", "'/job:worker/replica:0/task:1'"),
        ("'/gpu:0/task:1'", "'/task:1'"),
        ("'/gpu:%d' % i", "''"),
        ("'/gpu:%d' % (i)", "''"),
        ("'/gpu:%d' % (i % n)", "''"),
        ("'/gpu:%d' % (i,)", "''"),
        ("'/gpu:%s' % str(i)", "''"),
        ("'/gpu:%(i)d' % {'i': i}", "''"),
        ("'/job:%s/gpu:%d' % (job, i)", "'/job:%s' % (job,)"),
        ("'/job:%s/task:%d/gpu:%d' % (job, n, i)", "'/job:%s/task:%d' % (job, n)"),
        ("'/job:%s/gpu:0' % job", "'/job:%s' % job"),
        ("'/job:%(j)s/gpu:%(i)d' % dict(i=i, j=job)", "'/job:%(j)s' % dict(i=i, j=job)"),
        ("'/gpu:{}'.format(i)", "''"),
        ("'/gpu:{0}'.format(i)", "''"),
        ("'/gpu:{i:d}'.format(i=i)", "''"),
        ("'/job:{}/gpu:{}'.format(job, i)", "'/job:{}'.format(job)"),
        ("'/job:{0}/gpu:{1}'.format(job, i)", "'/job:{0}'.format(job, i)"),
        ("f'/gpu:{i}'", "''"),
        ("f'/gpu:{i % 2}'", "''"),
        ("f'/job:{job}/gpu:{i}'", "f'/job:{job}'"),
        ("'/gpu:' + str(i)", "''"),
        ("'/device:GPU:' + str(i)", "''"),
        ("device + '/device:GPU:' + str(i)", "device"),
        ("device + '/gpu:0'", "device"),
        ("device + '/gpu:%d' % i", "device"),
        ("(device) + ('/gpu:0')", "(device)"),
        ("'/job:' + job + '/gpu:0'", "'/job:' + job"),
        ("'/job:' + job + '/replica:0/gpu:0'", "'/job:' + job + '/replica:0'"),
        ("'/gpu:0' + device", "device"),
        ("'/gpu:%d' % i if n else '/cpu:0'", "'' if n else '/cpu:0'"),
        ("device or '/gpu:0'", "device or ''"),
        ("lambda op: '/gpu:0' if op.name else '/cpu:0'", "lambda op: '' if op.name else '/cpu:0'"),
        ("['/cpu:0', '/gpu:0'][i]", "['/cpu:0', ''][i]"),
        ("tf.train.replica_device_setter(worker_device='/gpu:%d' % i, ps_tasks=1)",
         "tf.train.replica_device_setter(worker_device='', ps_tasks=1)"),
        ("tf.train.replica_device_setter(1, '/cpu:0', '/gpu:0')",
         "tf.train.replica_device_setter(1, '/cpu:0', '')"),
        ("tf.DeviceSpec(device_type='GPU', device_index=i)", "tf.DeviceSpec()"),
        ("tf.DeviceSpec(job='worker', device_type='gpu', device_index=0)",
         "tf.DeviceSpec(job='worker')"),
        ("tf.DeviceSpec('worker', 0, 0, 'GPU', i)", "tf.DeviceSpec('worker', 0, 0, None, None)"),
        ("tf.DeviceSpec.from_string('/job:a/gpu:0')", "tf.DeviceSpec.from_string('/job:a')"),
        ("tf.DeviceSpec.from_string('/gpu:0').to_string()",
         "tf.DeviceSpec.from_string('').to_string()"),
    ],
)  # fmt: skip
def test_expressions(before: str, after: str) -> None:
    check_expression(before, after)


@pytest.mark.parametrize(
    "expression",
    [
        "'/cpu:0'",
        "''",
        "None",
        "'/job:worker'",
        "'/device:TPU:0'",
        "'/device:CPU:%d' % i",
        "device",
        "'/gpu_like:0'",
        "'/job:gpu'",
        "tf.DeviceSpec(device_type='CPU', device_index=0)",
        "tf.DeviceSpec(job='gpu')",
        "tf.DeviceSpec(device_type=args.kind, device_index=0)",
    ],
)
def test_other_devices_stay(expression: str) -> None:
    ported = check_noop(f"import tensorflow as tf\nwith tf.device({expression}):\n    pass\n", CODE)
    assert not ported.findings


@pytest.mark.parametrize(
    "expression",
    [
        "'/%s:%d' % ('gpu' if args.gpu else 'cpu', i)",
        "'/gpu:%d' '' % i",
        "'/gpu:'",
        "'/job:%s/gpu:%d' % args.place",
        "('/job:%s' + '/gpu:%d') % ('worker', i)",
        "(args.job + '/gpu:{}').format(i)",
    ],
)
def test_what_cannot_be_rewritten_is_a_warning(expression: str) -> None:
    ported = check_noop(
        f"""
        import tensorflow as tf


        def build(args, i):
            with tf.device({expression}):
                return tf.constant(1)
        """,
        CODE,
    )
    assert ported.codes("warning") == [CODE] or "'' %" in expression


def test_layout_and_comments() -> None:
    check_port(
        """
        import tensorflow as tf

        with tf.device(  # the card
                "/gpu:%d"
                % 0  # the first
        ), tf.name_scope('a'):
            pass
        """,
        """
        import tensorflow as tf

        with tf.device(  # the card
                ""  # the first
        ), tf.name_scope('a'):
            pass
        """,
        CODE,
    )


def test_names() -> None:
    check_port(
        """
        import tensorflow as tf
        from tensorflow import device as on
        from tensorflow.compat.v1 import device

        GPU = '/gpu:0'
        FORMAT = '/device:GPU:%d'
        CARDS = ['/gpu:0', '/gpu:1']
        cards = ['/gpu:%d' % i for i in range(4)]


        class Model(object):
            card = '/gpu:3'

            def __init__(self, device='/gpu:2'):
                self.device = device
                self.other = {'generator': '/gpu:0', 'critic': '/cpu:0'}

            def build(self, i):
                with tf.device(self.device), tf.device(self.other['critic']), on(self.card):
                    pass
                for card in CARDS:
                    with tf.device(card):
                        pass
                for i, card in enumerate(cards):
                    with device(card):
                        pass
                with tf.device(GPU), tf.device(FORMAT % i):
                    pass
        """,
        """
        import tensorflow as tf
        from tensorflow import device as on
        from tensorflow.compat.v1 import device

        GPU = ''
        CARDS = ['', '']
        cards = ['' for i in range(4)]


        class Model(object):
            card = ''

            def __init__(self, device=''):
                self.device = device
                self.other = {'generator': '', 'critic': '/cpu:0'}

            def build(self, i):
                with tf.device(self.device), tf.device(self.other['critic']), on(self.card):
                    pass
                for card in CARDS:
                    with tf.device(card):
                        pass
                for i, card in enumerate(cards):
                    with device(card):
                        pass
                with tf.device(GPU), tf.device(''):
                    pass
        """,
        CODE,
    )


def test_across_functions_and_files() -> None:
    check_port(
        """
        from absl import flags
        import tensorflow as tf

        FLAGS = flags.FLAGS
        flags.DEFINE_string('where', '/gpu:0', 'Where to train, such as /gpu:0.')
        CARD = '/gpu:1'


        def gpu(i):
            return '/gpu:%d' % i


        def pick(i):
            device = ''
            if FLAGS.job:
                device += '/job:worker'
            if i < 0:
                device += '/device:CPU:0'
            else:
                device += '/device:GPU:%d' % i
            return device


        def unused(i):
            return '/gpu:%d' % i


        def place(device, ps='/cpu:0'):
            def choose(op):
                return ps if op.type == 'Variable' else device
            return choose
        """,
        """
        from absl import flags
        import tensorflow as tf

        FLAGS = flags.FLAGS
        flags.DEFINE_string('where', '', 'Where to train, such as /gpu:0.')
        CARD = ''


        def gpu(i):
            return ''


        def pick(i):
            device = ''
            if FLAGS.job:
                device += '/job:worker'
            if i < 0:
                device += '/device:CPU:0'
            return device


        def unused(i):
            return ''


        def place(device, ps='/cpu:0'):
            def choose(op):
                return ps if op.type == 'Variable' else device
            return choose
        """,
        CODE,
        path="tools.py",
        others={
            "train.py": """
                import tensorflow as tf
                import tools
                from tools import gpu as on_gpu, CARD, pick

                with tf.device(on_gpu(0)), tf.device(tools.FLAGS.where), tf.device(CARD):
                    pass
                card = pick(1)
                with tf.device(card):
                    pass
                """
        },
    )


def test_a_device_handed_to_a_function_of_another_file() -> None:
    ported = port_files(
        {
            "train.py": """
                from place import place, Tower
                import tensorflow as tf

                with tf.device(place('/gpu:0')):
                    Tower('/gpu:1').build('/gpu:2')
                """,
            "place.py": """
                import tensorflow as tf


                def place(device):
                    return lambda op: device


                class Tower(object):
                    def __init__(self, where):
                        self._where = where

                    def build(self, *others):
                        with tf.device(self._where), tf.device(others[0]):
                            pass
                """,
        },
        CODE,
    )
    assert "with tf.device(place('')):\n    Tower('').build('')" in ported.text()


def test_a_note_says_what_is_not_called_any_more() -> None:
    ported = check_port(
        """
        import tensorflow as tf


        def pick():
            return 1


        with tf.device('/gpu:%d' % pick()):
            pass
        """,
        """
        import tensorflow as tf


        def pick():
            return 1


        with tf.device(''):
            pass
        """,
        CODE,
    )
    assert [f.message for f in ported.findings] == [
        "pick() chose a GPU, and is not called here any more"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "print('/gpu:0')",
        "print('using /gpu:0')",
        "import logging\nlogging.info('/gpu:0')",
        "parser.add_argument('--gpu', help='such as /gpu:0')",
        "url = 'https://example.org/gpu:0'",
        '"""/gpu:0"""',
        "# with tf.device('/gpu:0'):",
        "kinds = ['gpu', 'GPU']",
        "names = [d.name for d in devices if 'GPU' in d.name]",
        "path = '/data/gpu'",
    ],
)
def test_text_stays(source: str) -> None:
    assert not check_noop(f"import tensorflow as tf\n{source}\n", CODE).findings


@pytest.mark.parametrize(
    "source",
    [
        "import torch\nx.to(torch.device('gpu:0'))",
        "from mxnet import device\nwith device('/gpu:0'): pass",
        "def f(tf):\n    with tf.device('/gpu:0'): pass",
        "import tensorflow as tf\nCARD = '/gpu:0'",
        "import tensorflow as tf\ndef f(x):\n    tf = x\n    with tf.place('/gpu:0'): pass",
        "import tensorflow as tf\nif name == '/gpu:0': pass",
        "import tensorflow as tf\nlog('on', '/gpu:0')",
        "import tensorflow as tf\nname = 'a%s' % '/gpu:0'\nwith tf.device(name): pass",
    ],
)
def test_what_is_not_shown_to_be_a_device_stays(source: str) -> None:
    ported = check_noop(source + "\n", CODE)
    assert set(ported.codes()) <= {CODE} and not ported.codes("error")


def test_a_device_that_is_compared_stays() -> None:
    ported = check_noop(
        """
        import tensorflow as tf

        device = '/gpu:0' if wanted else '/cpu:0'
        with tf.device(device):
            pass
        if device == '/cpu:0':
            print('slow')
        """,
        CODE,
    )
    assert ported.codes("warning") == [CODE]


def test_strategies_stay() -> None:
    ported = check_noop(
        """
        import tensorflow as tf

        strategy = tf.distribute.MirroredStrategy(devices=['/gpu:0', '/gpu:1'])
        other = tf.contrib.distribute.OneDeviceStrategy(device='/gpu:0')
        """,
        CODE,
    )
    assert ported.findings == []


UNDER_TEST = """
import tensorflow as tf


class Plan(object):
    def device(self, i):
        return '/job:worker/device:GPU:%d' % i


def build(plan):
    with tf.device(plan.device(0)):
        return tf.constant(1)
"""


def test_expectations_of_unit_tests_follow() -> None:
    ported = check_port(
        """
        import tensorflow as tf
        from plan import Plan, build


        class PlanTest(tf.test.TestCase):
            def testDevice(self):
                self.assertDeviceEqual(Plan().device(0), '/job:worker/device:GPU:0')
                self.assertDeviceEqual('/job:worker/gpu:%d' % 1, Plan().device(1))
                self.assertEqual(['/job:worker/device:GPU:0'], [Plan().device(0)])

            def testBuild(self):
                self.assertDeviceEqual(build(Plan()).device, '/job:worker/gpu:0',
                                       'must be on /gpu:0')

            def testItself(self):
                with tf.device('/gpu:0'):
                    self.assertDeviceEqual(tf.constant(1).device, '/gpu:0')

            def testBoth(self):
                with tf.device('/gpu:0'):
                    build(Plan())
                    self.assertDeviceEqual(tf.constant(1).device, '/gpu:0')

            def testOther(self):
                self.assertDeviceEqual(self.device, '/gpu:0')
                self.assertEqual(self.name, '/gpu:0')
        """,
        """
        import tensorflow as tf
        from plan import Plan, build


        class PlanTest(tf.test.TestCase):
            def testDevice(self):
                self.assertDeviceEqual(Plan().device(0), '/job:worker')
                self.assertDeviceEqual('/job:worker', Plan().device(1))
                self.assertEqual(['/job:worker'], [Plan().device(0)])

            def testBuild(self):
                self.assertDeviceEqual(build(Plan()).device, '/job:worker',
                                       'must be on /gpu:0')

            def testItself(self):
                with tf.device('/gpu:0'):
                    self.assertDeviceEqual(tf.constant(1).device, '/gpu:0')

            def testBoth(self):
                with tf.device('/gpu:0'):
                    build(Plan())
                    self.assertDeviceEqual(tf.constant(1).device, '/gpu:0')

            def testOther(self):
                self.assertDeviceEqual(self.device, '/gpu:0')
                self.assertEqual(self.name, '/gpu:0')
        """,
        CODE,
        path="plan_test.py",
        others={"plan.py": UNDER_TEST},
    )
    messages = [f.message for f in ported.findings]
    assert sum("4 expectations" in message for message in messages) == 1
    assert sum("pins a GPU itself" in message for message in messages) == 2


@pytest.mark.parametrize(
    ("parser", "option"),
    [
        ("argparse.ArgumentParser()", "p.add_argument('--device', default='{}')"),
        (
            "argparse.ArgumentParser()",
            "p.add_argument('-d', '--my-gpu', dest='device', default='{}')",
        ),
        ("make_parser()", "p.add_argument('--device', type=str, default='{}', help='/gpu:0')"),
        (
            "argparse.ArgumentParser()",
            "p.add_argument_group('x').add_argument('--device', default='{}')",
        ),
        ("argparse.ArgumentParser()", "p.add_argument('--device', nargs='?', const='{}')"),
    ],
)
def test_the_default_of_a_command_line_option(parser: str, option: str) -> None:
    text = """
        import argparse
        import tensorflow as tf

        def options():
            p = {}
            {}
            return p.parse_args()

        args = options()
        with tf.device(args.device):
            x = 1
        """
    before = text.format(parser, option.format("/gpu:0"))
    check_port(before, text.format(parser, option.format("")), "NPU401")


ASKS = "tf.test.is_gpu_available()"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"d = '/gpu:0' if {ASKS} else '/cpu:0'", "d = ''"),
        (f"d = ('/cpu:0' if not {ASKS} else '/gpu:0')", f"d = ('' if not {ASKS} else '')"),
        (f'd = "/device:GPU:0" if {ASKS} else "/device:CPU:0"', "d = ''"),
        (f"d = '/gpu:%d' % i if {ASKS} else 'cpu:0'", "d = ''"),
        (f"d = '/gpu:0' if {ASKS} else c", f"d = '' if {ASKS} else c"),
        (
            f"d = '/gpu:1' if n > 1 else '/gpu:0' if {ASKS} else '/cpu:0'",
            "d = '' if n > 1 else ''",
        ),
        (f"d = {ASKS} and '/gpu:0' or '/cpu:0'", f"d = {ASKS} and '' or ''"),
        (
            f"if {ASKS}:\n    d = '/gpu:0'\nelse:\n    d = '/cpu:0'",
            f"if {ASKS}:\n    d = ''\nelse:\n    d = ''",
        ),
        (
            f"d = '/cpu:0'\nif {ASKS}: d = '/gpu:0'",
            f"d = ''\nif {ASKS}: d = ''",
        ),
        (
            f"d = '/gpu:0'\nif not {ASKS}:\n    d = '/cpu:0'  # slow",
            f"d = ''\nif not {ASKS}:\n    d = ''  # slow",
        ),
        (
            f"def pick():\n    if {ASKS}:\n        return '/gpu:0'\n    return '/cpu:0'\nd = pick()",
            f"def pick():\n    if {ASKS}:\n        return ''\n    return ''\nd = pick()",
        ),
        (
            f"there = {ASKS}\nd = '/gpu:0' if there else '/cpu:0'",
            f"there = {ASKS}\nd = '' if there else ''",
        ),
        (
            f"def has(): return {ASKS}\nd = '/gpu:0' if has() else '/cpu:0'",
            f"def has(): return {ASKS}\nd = '' if has() else ''",
        ),
        (
            "import os\nd = '/gpu:0' if os.environ.get('CUDA_VISIBLE_DEVICES') else '/cpu:0'",
            "import os\nd = '' if os.environ.get('CUDA_VISIBLE_DEVICES') else ''",
        ),
        (
            f"d = ('/gpu:0'  # fast\n     if {ASKS} else '/cpu:0')",
            f"d = (''  # fast\n     if {ASKS} else '')",
        ),
    ],
)
def test_a_cpu_for_want_of_a_gpu_goes_as_well(before: str, after: str) -> None:
    head, tail = "import tensorflow as tf\n", "\nwith tf.device(d):\n    x = 1\n"
    ported = check_port(head + before + tail, head + after + tail, "NPU401")
    cpus = before.count("cpu") + before.count("CPU:")
    assert len([f for f in ported.findings if "an NPU machine is one" in f.message]) == cpus


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("d = tf.test.gpu_device_name() or '/cpu:0'", "d = tf.test.gpu_device_name() or ''"),
        (
            "gpus = K._get_available_gpus()\nfor d in gpus or ['/cpu:0']: pass",
            "gpus = K._get_available_gpus()\nfor d in gpus or ['']: pass",
        ),
        (f"d = NAME if {ASKS} else '/cpu:0'", f"d = NAME if {ASKS} else ''"),
        (
            "gpus = K._get_available_gpus()\nd = gpus[0] if gpus else '/cpu:0'",
            "gpus = K._get_available_gpus()\nd = gpus[0] if gpus else ''",
        ),
        (
            f"d = 'CPU'\nif {ASKS}:\n    d = tf.test.gpu_device_name()",
            f"d = ''\nif {ASKS}:\n    d = tf.test.gpu_device_name()",
        ),
    ],
)
def test_a_cpu_for_want_of_a_gpu_that_is_asked_for_goes(before: str, after: str) -> None:
    head = "import tensorflow as tf\nfrom tensorflow.keras import backend as K\n"
    tail = "\nwith tf.device(d):\n    x = K.ones(1)\n"
    check_port(head + before + tail, head + after + tail, "NPU401")


def test_an_attribute_for_want_of_a_gpu_goes_as_well() -> None:
    source = """
        import tensorflow as tf

        class Model:
            def __init__(self):
                if {ask}:
                    self.device = '{gpu}'
                else:
                    self.device = '{cpu}'
                self.other = '/cpu:0'

            def build(self):
                with tf.device(self.device):
                    x = 1
        """
    check_port(
        source.format(ask=ASKS, gpu="/gpu:0", cpu="/cpu:0"),
        source.format(ask=ASKS, gpu="", cpu=""),
        "NPU401",
    )


@pytest.mark.parametrize(
    "condition", ["FLAGS.use_gpu", "args.gpu >= 0", "n > 1", "fits(x)", "os.environ.get('FAST')"]
)
def test_a_cpu_that_a_person_chooses_stays(condition: str) -> None:
    text = """
        import os
        import tensorflow as tf
        def fits(x): return x < 8
        with tf.device({gpu!r} if {condition} else '/cpu:0'):
            x = 1
        """
    before = text.format(gpu="/gpu:0", condition=condition)
    ported = check_port(before, text.format(gpu="", condition=condition), "NPU401")
    assert ported.findings == []


def test_other_cpus_stay_beside_a_question_for_gpus() -> None:
    check_port(
        f"""
        import tensorflow as tf
        with tf.device('/cpu:0'):
            data = read()
        where = '/cpu:0' if {ASKS} else '/cpu:1'
        with tf.device(where), tf.device('/gpu:0'):
            x = 1
        name = '/gpu:0' if {ASKS} else '/cpu:0'
        print(name)
        """,
        f"""
        import tensorflow as tf
        with tf.device('/cpu:0'):
            data = read()
        where = '/cpu:0' if {ASKS} else '/cpu:1'
        with tf.device(where), tf.device(''):
            x = 1
        name = '/gpu:0' if {ASKS} else '/cpu:0'
        print(name)
        """,
        "NPU401",
    )


def test_an_empty_device_must_not_make_an_or_take_the_cpu() -> None:
    ported = check_noop(
        "import tensorflow as tf\nd = fast and '/gpu:0' or '/cpu:0'\nwith tf.device(d): pass\n",
        "NPU401",
    )
    assert ported.codes("warning") == ["NPU401"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'/gpu:%d' % (  # a\n        i)", "''  # a\n"),
        ("'/gpu:%d'  # a\n        % i", "''  # a\n"),
        ("'/gpu:%s' % (i,  # a\n        )", "''  # a\n"),
        ("'/job:w/gpu:{}'.format(  # a\n        # b\n        i)", "'/job:w'  # a\n# b\n"),
        ("'/job:w/gpu:%d/task:%d' % (i,\n        j)", "'/job:w/task:%d' % (j,)"),
    ],
)
def test_comments_in_what_is_put_into_a_device_stay(before: str, after: str) -> None:
    text = "import tensorflow as tf\nwith tf.device({}):\n    x = 1\n"
    check_port(text.format(before), text.format(after), "NPU401")


def test_a_comment_outside_of_brackets_ends_its_line() -> None:
    text = "import tensorflow as tf\nd = {}\ntf.device(d)\n"
    check_port(text.format("'/gpu:%d' % (  # a\n    i)"), text.format("''  # a"), "NPU401")
    ported = check_noop(text.format("'/gpu:%d' % (  # a\n    i); e = 1"), "NPU401")
    assert ported.codes("warning") == ["NPU401"]
    ported = check_noop(text.format("'/gpu:%d' % (  # a\n    # b\n    i)"), "NPU401")
    assert ported.codes("warning") == ["NPU401"]


COMPUTED = """
import tensorflow as tf

KIND = 'gpu'
HOST, CARD = 'cpu', 'GPU'

def build(i, kind, job, on, host='cpu'):
    word = 'CPU'
    for each in ['cpu', 'gpu']:
        with tf.device({}):
            return tf.constant(i)
"""


@pytest.mark.parametrize(
    ("device", "severity"),
    [
        ("'/{}:{}'.format('gpu', 0)", "warning"),
        ("'/{1}:{0}'.format(0, KIND)", "warning"),
        ("'/device:{kind}:0'.format(kind=CARD)", "warning"),
        ("'/' + KIND + ':0'", "warning"),
        ("'/' + KIND.upper() + ':' + str(i)", "warning"),
        ("'/device:%s:%d' % (CARD, i)", "warning"),
        ("'/%s:0' % each", "warning"),
        ("'%s:%d' % (CARD, 0)", "warning"),
        ("'/job:%s/%s:0' % (job, CARD)", "warning"),
        ("'/%s:0' % (CARD if on else word)", "warning"),
        ("f'/{KIND}:0'", "warning"),
        ("'/%s:0' % kind", "note"),
        ("'/%s:0' % host", "note"),
        ("'/' + args.kind + ':0'", "note"),
        ("'/job:%s/%s' % (job, kind)", "note"),
    ],
)
def test_a_type_that_is_put_in_is_told(device: str, severity: str) -> None:
    source = COMPUTED.replace("{}", device)
    (finding,) = check_noop(source, CODE).findings
    assert (finding.line, finding.severity) == (9, severity)
    assert "tf.device(" in finding.message


@pytest.mark.parametrize(
    "device",
    [
        "'/%s:%d' % (word, i)",
        "'/%s:0' % HOST.lower()",
        "'/cpu:%d' % i",
        "'/job:%s/task:%d' % (job, i)",
        "'/job:' + job",
        "'/job:%s/cpu:0' % job",
        "job + '/cpu:0'",
        "'%s/task:0' % job",
        "kind",
        "'%s' % kind",
        "pick(job)",
        "None",
        "lambda op: kind",
    ],
)
def test_a_type_that_is_no_gpu_or_a_whole_device_is_not(device: str) -> None:
    source = COMPUTED.replace("HOST, CARD = 'cpu', 'GPU'", "HOST = 'cpu'").replace("{}", device)
    source = source.replace("['cpu', 'gpu']", "['cpu']")
    assert check_noop(source, CODE).findings == []


@pytest.mark.parametrize(
    ("device", "severity"),
    [
        ("'/%s:%d' % ('gpu', i)", "warning"),
        ("'/{}:{}'.format('gpu', i)", "warning"),
        ("'/device:{}:0'.format(KIND)", "warning"),
        ("'/%s:%d' % (kind, i)", "note"),
    ],
)
def test_a_device_with_a_computed_type_is_told_wherever_it_is_made(
    device: str, severity: str
) -> None:
    source = f"""
        import tensorflow as tf
        KIND = 'gpu'
        def name(i, kind='gpu'):
            return {device}
        def build(i):
            with tf.device(name(i)):
                return tf.constant(i)
        """
    (finding,) = check_noop(source, CODE).findings
    assert (finding.line, finding.severity) == (4, severity)
    assert device in finding.message


@pytest.mark.parametrize(
    "text",
    ["'/%s:%d' % ('cpu', i)", "'/%s/%d' % (kind, i)", "'%s:%d' % (kind, i)", "'/x/%s:%d' % (k, i)"],
)
def test_other_texts_are_no_devices(text: str) -> None:
    source = f"import tensorflow as tf\nKIND = 'gpu'\ndef name(i, kind):\n    return {text}\n"
    assert check_noop(source, CODE).findings == []
