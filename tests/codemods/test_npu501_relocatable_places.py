"""Hard-coded places become relocatable, once, where the path begins."""

from __future__ import annotations

import re

import pytest

from migrate.errors import UsageError
from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU501"


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("open('a/b.txt')", "open(data_path('a/b.txt'))", "data_path"),
        ("open('a/b.txt', 'w')", "open(output_path('a/b.txt'), 'w')", "output_path"),
        ("open('a/b.txt', mode='ab')", "open(output_path('a/b.txt'), mode='ab')", "output_path"),
        ("open('x/%d' % 3)", "open(data_path('x/%d' % 3))", "data_path"),
        ("open('x/{}'.format(3))", "open(data_path('x/{}'.format(3)))", "data_path"),
        ("open(f'x/{3}')", "open(data_path(f'x/{3}'))", "data_path"),
        ("open('x/' + str(3))", "open(data_path('x/') + str(3))", "data_path"),
        ("glob.glob('./faces/*.jpg')", "glob.glob(data_path('./faces/*.jpg'))", "data_path"),
        (
            "glob.glob(os.path.join('faces', '*', 'x'))",
            "glob.glob(os.path.join(data_path('faces'), '*', 'x'))",
            "data_path",
        ),
        (
            "glob.glob(os.path.join('.', 'faces'))",
            "glob.glob(os.path.join('.', data_path('faces')))",
            "data_path",
        ),
        (
            "glob.glob(os.path.join(os.getcwd(), 'faces'))",
            "glob.glob(os.path.join(os.getcwd(), data_path('faces')))",
            "data_path",
        ),
        (
            "os.makedirs(os.path.abspath(os.path.join(os.path.curdir, 'runs', '3')))",
            "os.makedirs(os.path.abspath(os.path.join(os.path.curdir, output_path('runs'), '3')))",
            "output_path",
        ),
        (
            "here = os.path.abspath('.')\nos.makedirs(os.path.join(here, 'logs'))",
            "here = os.path.abspath('.')\nos.makedirs(os.path.join(here, output_path('logs')))",
            "output_path",
        ),
        ("np.load('x.npy')", "np.load(data_path('x.npy'))", "data_path"),
        ("librosa.load('x.wav')", "librosa.load(data_path('x.wav'))", "data_path"),
        ("soundfile.read('x.wav')", "soundfile.read(data_path('x.wav'))", "data_path"),
        ("np.save('x.npy', 1)", "np.save(output_path('x.npy'), 1)", "output_path"),
        ("os.makedirs('logs')", "os.makedirs(output_path('logs'))", "output_path"),
        (
            "tf.summary.FileWriter('./board')",
            "tf.summary.FileWriter(output_path('./board'))",
            "output_path",
        ),
        (
            "tf.train.Supervisor(logdir='run1')",
            "tf.train.Supervisor(logdir=output_path('run1'))",
            "output_path",
        ),
        (
            "tf.train.latest_checkpoint('model')",
            "tf.train.latest_checkpoint(output_path('model'))",
            "output_path",
        ),
        (
            "tf.gfile.GFile('x/y').read()",
            "tf.gfile.GFile(data_path('x/y')).read()",
            "data_path",
        ),
        (
            "tf.data.TFRecordDataset(['a.rec', 'b.rec'])",
            "tf.data.TFRecordDataset([data_path('a.rec'), data_path('b.rec')])",
            "data_path",
        ),
        (
            "tf.train.Saver().save(None, 'm/model', global_step=3)",
            "tf.train.Saver().save(None, output_path('m/model'), global_step=3)",
            "output_path",
        ),
        (
            "open(os.environ['MY_DATA'] + '/x')",
            "open(data_variable('MY_DATA') + '/x')",
            "data_variable",
        ),
        (
            "open(os.environ.get('MY_DATA', 'd') + '/x')",
            "open(data_path(os.environ.get('MY_DATA', 'd')) + '/x')",
            "data_path",
        ),
        (
            "tf.contrib.summary.create_file_writer('out/%s' % x)",
            "tf.contrib.summary.create_file_writer(output_path('out/%s' % x))",
            "output_path",
        ),
        (
            "tf.train.CheckpointManager(x, 'saved', 5)",
            "tf.train.CheckpointManager(x, output_path('saved'), 5)",
            "output_path",
        ),
        (
            "tf.train.Checkpoint(x=x).restore('saved/x-1')",
            "tf.train.Checkpoint(x=x).restore(output_path('saved/x-1'))",
            "output_path",
        ),
        (
            "open(os.getenv('MY_DATA') or '/d')",
            "open(data_variable('MY_DATA', None) or '/d')",
            "data_variable",
        ),
        (
            "open(os.environ.get('MY_DATA', '/d'))",
            "open(data_variable('MY_DATA', '/d'))",
            "data_variable",
        ),
        (
            "os.makedirs(os.environ['OUT'])",
            "os.makedirs(output_path(os.environ['OUT']))",
            "output_path",
        ),
    ],
)
def test_what_reaches_a_file_function_is_wrapped(before: str, after: str, wanted: str) -> None:
    imports = "import glob\nimport os\n\nimport librosa\nimport numpy as np\nimport soundfile\n"
    imports += "import tensorflow as tf\n"
    uses = "\nprint(glob, os, librosa, np, soundfile, tf)\n"
    added = f"from npu_runtime.places import {wanted}\n"
    check_port(f"{imports}{uses}{before}\n", f"{imports}{added}{uses}{after}\n", CODE)


@pytest.mark.parametrize(
    "source",
    [
        "open('/data/x')",
        "open('~/x')",
        "tf.gfile.GFile('gs://bucket/x')",
        "tf.gfile.Glob('hdfs://x/*')",
        "np.load('obs://bucket/x')",
        "open(__file__)",
        "open(os.path.join(os.path.dirname(__file__), 'x.txt'))",
        "open(input())",
        "open('')",
        "os.listdir('.')",
        "print('a/b.txt')",
        "os.path.exists('x')",
        "os.path.join('a', 'b')",
        "json.load('a/b.txt')",
        "tf.constant('a/b')",
        "tf.train.Saver().save(None, path)",
        "open = print\nopen('a/b')",
        "model.save('x')",
    ],
)
def test_everything_else_stays(source: str) -> None:
    check_noop(f"import json, os\nimport numpy as np\nimport tensorflow as tf\n{source}\n", CODE)


def test_a_path_is_followed_to_where_it_begins() -> None:
    ported = port_files(
        {
            "settings.py": "ROOT = './pictures'\nRUNS = 'runs'\n",
            "reader.py": """
            import os


            class Reader:
                def __init__(self, folder):
                    self.folder = folder

                @property
                def names(self):
                    return os.path.join(self.folder, 'names.txt')

                def read(self):
                    with open(self.names) as names:
                        return names.read()


            class Twice(Reader):
                pass
            """,
            "train.py": """
            import os
            import settings
            from reader import Twice


            def folder(name):
                return os.path.join(settings.RUNS, name)


            Twice(settings.ROOT).read()
            os.makedirs(folder('one'))
            """,
        },
        CODE,
    )
    assert ported.text("settings.py") == (
        "from npu_runtime.places import data_path, output_path\n"
        "ROOT = data_path('./pictures')\nRUNS = output_path('runs')\n"
    )
    assert dict(ported.fired) == {CODE: 2}


def test_a_method_that_open_files_have_as_well_is_told_by_its_class() -> None:
    ported = port_files(
        {
            "meshes.py": """
                class Mesh(object):
                    def write(self, target):
                        with open(target, 'w') as out:
                            out.write('mesh\\n')

                    def twice(self):
                        self.write('second.ply')


                class Scan(Mesh):
                    pass
            """,
            "convert.py": """
                import sys
                from meshes import Mesh, Scan

                LOG = open(sys.argv[1], 'a')


                def log(text):
                    LOG.write(text + '\\n')


                Mesh().write('first.ply')
                scan = Scan()
                scan.write('third.ply')
                log('**** done ****')
            """,
        },
        CODE,
    )
    assert "out.write('mesh\\n')" in ported.text("meshes.py")
    assert "self.write(output_path('second.ply'))" in ported.text("meshes.py")
    assert "Mesh().write(output_path('first.ply'))" in ported.text("convert.py")
    assert "scan.write(output_path('third.ply'))" in ported.text("convert.py")
    assert "log('**** done ****')" in ported.text("convert.py")


def test_a_method_of_what_a_library_made_is_not_the_project_s() -> None:
    check_noop(
        """
        import sys

        import tensorflow as tf
        from PIL import Image


        class Net(object):
            def save(self, session, target):
                tf.train.Saver().save(session, target)


        def show(name):
            Image.open(name).convert('RGB').save(name, 'JPEG', quality=90)
            picture = Image.open(name)
            picture.save(name, 'PNG')


        Net().save(None, sys.argv[1])
        show(sys.argv[2])
        """,
        CODE,
    )


@pytest.mark.parametrize(
    "made",
    [
        "copy.deepcopy(base)",
        "pickle.load(kept)",
        "importlib.import_module('n').Net()",
        "tqdm(Net())",
        "contextlib.closing(Net())",
        "other.wrap(base)",
        "other.wrap(1, inner=[Net()])",
    ],
)
def test_a_library_may_hand_on_what_is_the_project_s(made: str) -> None:
    ported = port_files(
        {
            "n.py": """
                class Net(object):
                    def dump(self, target):
                        with open(target, 'w') as out:
                            out.write('net')
            """,
            "train.py": f"""
                import contextlib, copy, importlib, pickle
                import other
                from tqdm import tqdm
                from n import Net


                def run(kept):
                    base = Net()
                    net = {made}
                    net.dump('./logs/x.txt')
                    {made}.dump('./logs/y.txt')
            """,
        },
        CODE,
    )
    assert "net.dump(output_path('./logs/x.txt'))" in ported.text("train.py")
    assert ".dump(output_path('./logs/y.txt'))" in ported.text("train.py")


def test_a_flag_of_argparse_converts_what_it_is_given() -> None:
    check_port(
        """
        import argparse
        import os

        parser = argparse.ArgumentParser()
        parser.add_argument('--log_dir', type=str, default='logs', help='where')
        parser.add_argument('--result-dir', default='results')
        parser.add_argument('--epochs', type=int, default=3)
        parser.add_argument('--name', type=str, default='first')
        args = parser.parse_args()
        os.makedirs(args.log_dir)
        os.makedirs(os.path.join(args.result_dir, args.name))
        """,
        """
        import argparse
        import os
        from npu_runtime.places import output_path

        parser = argparse.ArgumentParser()
        parser.add_argument('--log_dir', type=output_path, default='logs', help='where')
        parser.add_argument('--result-dir', default='results', type=output_path)
        parser.add_argument('--epochs', type=int, default=3)
        parser.add_argument('--name', type=str, default='first')
        args = parser.parse_args()
        os.makedirs(args.log_dir)
        os.makedirs(os.path.join(args.result_dir, args.name))
        """,
        CODE,
    )


def test_a_flag_of_tensorflow_converts_what_it_is_given() -> None:
    check_port(
        """
        import tensorflow as tf

        tf.app.flags.DEFINE_string('train_dir', './runs', 'where')
        tf.app.flags.DEFINE_string('data_dir', '', 'where')
        tf.app.flags.DEFINE_string('eval_dir', '/tmp/eval', 'where')
        FLAGS = tf.app.flags.FLAGS
        tf.gfile.MakeDirs(FLAGS.train_dir)
        tf.gfile.MakeDirs(FLAGS.eval_dir)
        tf.gfile.ListDirectory(FLAGS.data_dir)
        """,
        """
        import tensorflow as tf
        from npu_runtime.places import data_flags, output_flags

        tf.app.flags.DEFINE_string('train_dir', './runs', 'where', flag_values=output_flags)
        tf.app.flags.DEFINE_string('data_dir', '', 'where', flag_values=data_flags)
        tf.app.flags.DEFINE_string('eval_dir', '/tmp/eval', 'where')
        FLAGS = tf.app.flags.FLAGS
        tf.gfile.MakeDirs(FLAGS.train_dir)
        tf.gfile.MakeDirs(FLAGS.eval_dir)
        tf.gfile.ListDirectory(FLAGS.data_dir)
        """,
        CODE,
    )


def test_a_flag_that_says_its_flag_values_has_its_default_wrapped() -> None:
    check_port(
        """
        from absl import flags

        FLAGS = flags.FLAGS
        flags.DEFINE_string('train_dir', 'runs', 'where', FLAGS)
        flags.DEFINE_string('log_dir', 'logs', 'where', flag_values=FLAGS)
        open(FLAGS.train_dir + '/log', 'w')
        open(FLAGS.log_dir + '/log', 'w')
        """,
        """
        from absl import flags
        from npu_runtime.places import output_path

        FLAGS = flags.FLAGS
        flags.DEFINE_string('train_dir', output_path('runs'), 'where', FLAGS)
        flags.DEFINE_string('log_dir', output_path('logs'), 'where', flag_values=FLAGS)
        open(FLAGS.train_dir + '/log', 'w')
        open(FLAGS.log_dir + '/log', 'w')
        """,
        CODE,
    )


def test_a_flag_with_its_last_argument_in_parentheses() -> None:
    check_port(
        """
        import tensorflow as tf

        tf.flags.DEFINE_string('data_dir', 'data',
                               ('where '
                                'images are'))
        tf.gfile.ListDirectory(tf.flags.FLAGS.data_dir)
        """,
        """
        import tensorflow as tf
        from npu_runtime.places import data_flags

        tf.flags.DEFINE_string('data_dir', 'data',
                               ('where '
                                'images are'),
                               flag_values=data_flags)
        tf.gfile.ListDirectory(tf.flags.FLAGS.data_dir)
        """,
        CODE,
    )


@pytest.mark.parametrize("default", ["'./data'", "''", "None"])
def test_a_folder_given_to_two_scripts_moves_for_both(default: str) -> None:
    """Whichever way they take it, as when a shell script starts one after the other."""
    done = port_files(
        {
            "make.py": f"""
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument('--data_dir', default={default})
            open(parser.parse_args().data_dir + '/a.txt', 'w')
            """,
            "train.py": f"""
            import tensorflow as tf
            tf.flags.DEFINE_string('data_dir', {default}, 'where')
            open(tf.flags.FLAGS.data_dir + '/a.txt')
            """,
        },
        CODE,
    )
    assert f"default={default}, type=data_path)" in done.text("make.py")
    assert f"{default}, 'where', flag_values=data_flags)" in done.text("train.py")


def test_a_flag_that_is_put_behind_another_is_no_place_of_its_own() -> None:
    source = """
        import argparse
        import os

        {}
        parser = argparse.ArgumentParser()
        parser.add_argument('--out_dir', default='out'{})
        parser.add_argument('--sample_dir', default='samples')
        args = parser.parse_args()
        args.sample_dir = os.path.join(args.out_dir, args.sample_dir)
        os.makedirs(args.sample_dir)
        """
    wanted = "from npu_runtime.places import output_path"
    before = source.format("", "").replace("        \n", "")
    after = source.format("", ", type=output_path").replace("        \n", "")
    check_port(before, after.replace("import os\n", f"import os\n        {wanted}\n"), CODE)


@pytest.mark.parametrize(
    "puts",
    [
        "if args.sub:\n    out = os.path.join(args.root_dir, out)",
        "if not os.path.isabs(out):\n    out = os.path.join(args.root_dir, out)",
        "out = os.path.join(settings.root(), out)",
        "out = os.path.join(os.getcwd(), out)",
        "out = os.path.join(args.root_dir, out)\nif args.sub:\n    out = './logs'",
    ],
)
def test_a_name_that_may_not_be_put_behind_a_place_moves(puts: str) -> None:
    source = f"""import argparse
import os
import settings

parser = argparse.ArgumentParser()
parser.add_argument('--root_dir', default='results')
parser.add_argument('--sub', action='store_true')
args = parser.parse_args()
out = './logs'
{puts}
os.makedirs(out)
"""
    ported = port_files({"train.py": source}, CODE)
    assert "out = output_path('./logs')" in ported.text("train.py")


@pytest.mark.parametrize("puts", ["args.root_dir + '/' + out", "'%s/%s' % (args.root_dir, out)"])
def test_a_name_that_is_written_behind_a_place_stays(puts: str) -> None:
    source = f"""import argparse
import os

parser = argparse.ArgumentParser()
parser.add_argument('--root_dir', default='results')
args = parser.parse_args()
out = 'logs'
out = {puts}
os.makedirs(out)
"""
    ported = port_files({"train.py": source}, CODE)
    assert "default='results', type=output_path)" in ported.text("train.py")
    assert "out = 'logs'" in ported.text("train.py")


@pytest.mark.parametrize("body", ["name = 'step'", ""])
def test_a_name_of_the_block_that_puts_it_behind_a_folder_stays(body: str) -> None:
    ported = port_files(
        {
            "train.py": f"""
            import os

            def write(name='step'):
                {body}
                name = os.path.join('results', name)
                open(name, 'w')
            """
        },
        CODE,
    )
    assert "output_path('results')" in ported.text("train.py")
    assert "output_path('step')" not in ported.text("train.py")


@pytest.mark.parametrize(
    "puts",
    [
        "if args.sub:\n    args.log_dir = os.path.join(args.root_dir, args.log_dir)",
        "args.log_dir = os.path.join(os.getcwd(), args.log_dir)",
        "args.log_dir = os.path.join('./', args.log_dir)",
        "args.log_dir = os.path.join(settings.root(), args.log_dir)",
    ],
)
def test_a_flag_that_may_not_be_put_behind_a_place_moves(puts: str) -> None:
    source = f"""import argparse
import os
import settings

parser = argparse.ArgumentParser()
parser.add_argument('--root_dir', default='results')
parser.add_argument('--log_dir', default='logs')
parser.add_argument('--sub', action='store_true')
args = parser.parse_args()
{puts}
os.makedirs(args.log_dir)
"""
    ported = port_files({"train.py": source}, CODE)
    assert "default='logs', type=output_path)" in ported.text("train.py")


def test_an_attribute_of_something_else_says_nothing_of_a_flag() -> None:
    ported = port_files(
        {
            "train.py": """
            import argparse
            import os
            import tool

            parser = argparse.ArgumentParser()
            parser.add_argument('--log_dir', default='logs')
            args = parser.parse_args()
            os.makedirs(args.log_dir)
            """,
            "tool.py": """
            import os

            class Tool:
                def __init__(self, log_dir):
                    self.log_dir = log_dir
                    self.log_dir = os.path.join('/opt/tool', self.log_dir)
            """,
        },
        CODE,
    )
    assert "default='logs', type=output_path)" in ported.text("train.py")


@pytest.mark.parametrize("given", ["{'d': d}", "locals()", "vars(args)"])
def test_a_format_below_the_current_folder_that_is_filled_by_words_moves(given: str) -> None:
    ported = port_files(
        {
            "train.py": f"""
            def write(d, args):
                open('./%(d)s.txt' % {given}, 'w')
            """
        },
        CODE,
    )
    assert f"output_path('./%(d)s.txt' % {given})" in ported.text("train.py")


def test_what_is_put_behind_a_folder_that_may_be_empty_is_a_place() -> None:
    ported = port_files(
        {
            "train.py": """
            import argparse
            import os

            parser = argparse.ArgumentParser()
            parser.add_argument('--base_dir', default='')
            parser.add_argument('--out_dir', default='out')
            args = parser.parse_args()
            args.out_dir = os.path.join(args.base_dir, args.out_dir)
            name = 'results'
            name = os.path.join(args.base_dir, name)
            os.makedirs(args.out_dir)
            os.makedirs(name)
            """
        },
        CODE,
    )
    assert "default='out', type=output_path)" in ported.text("train.py")
    assert "name = output_path('results')" in ported.text("train.py")


def test_a_name_that_is_put_behind_a_folder_is_no_place_of_its_own() -> None:
    check_port(
        """
        import os


        def write(step):
            name = 'step'
            name = os.path.join('results', name + '.txt')
            open(name, 'w')
        """,
        """
        import os
        from npu_runtime.places import output_path


        def write(step):
            name = 'step'
            name = os.path.join(output_path('results'), name + '.txt')
            open(name, 'w')
        """,
        CODE,
    )


def test_a_flag_that_is_a_name_stays() -> None:
    ported = check_noop(
        """
        import argparse

        parser = argparse.ArgumentParser()
        parser.add_argument('--corpus', default='small')
        parser.add_argument('--kind_dir', default='first')
        args = parser.parse_args()
        if args.kind_dir == 'second':
            print(args.kind_dir)
        open(args.corpus + '.txt')
        open(args.kind_dir + '/x.txt')
        """,
        CODE,
    )
    assert ported.codes("note") == [CODE, CODE]


def test_a_flag_that_is_used_as_a_folder_is_one() -> None:
    check_port(
        """
        import argparse
        import os

        parser = argparse.ArgumentParser()
        parser.add_argument('--into', default='first')
        args = parser.parse_args()
        open(os.path.join(args.into, 'x'), 'w')
        open(args.into + '/y', 'w')
        open('%s/z' % args.into, 'w')
        """,
        """
        import argparse
        import os
        from npu_runtime.places import output_path

        parser = argparse.ArgumentParser()
        parser.add_argument('--into', default='first', type=output_path)
        args = parser.parse_args()
        open(os.path.join(args.into, 'x'), 'w')
        open(args.into + '/y', 'w')
        open('%s/z' % args.into, 'w')
        """,
        CODE,
    )


@pytest.mark.parametrize("path", ["args.kind + '.txt'", "'%s.txt' % args.kind", "f'{args.kind}x'"])
def test_a_flag_that_names_a_file_in_part_stays(path: str) -> None:
    ported = check_noop(
        f"""
        import argparse

        parser = argparse.ArgumentParser()
        parser.add_argument('--kind', default='first')
        args = parser.parse_args()
        open({path})
        """,
        CODE,
    )
    assert ported.codes("note") == [CODE]


def test_a_sum_with_the_current_folder_takes_an_absolute_path() -> None:
    check_port(
        """
        import argparse
        import os

        parser = argparse.ArgumentParser()
        parser.add_argument('--out_dir', default='out')
        args = parser.parse_args()
        os.makedirs('./' + args.out_dir + '/more')  # all of it
        """,
        """
        import argparse
        import os
        from npu_runtime.places import output_path

        parser = argparse.ArgumentParser()
        parser.add_argument('--out_dir', default='out', type=output_path)
        args = parser.parse_args()
        os.makedirs(os.path.join('./', args.out_dir) + '/more')  # all of it
        """,
        CODE,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'./{}/{}.png'.format(out, 3)", "os.path.join('./', '{}/{}.png'.format(out, 3))"),
        ('"./{d}/x".format(d=out)', 'os.path.join("./", "{d}/x".format(d=out))'),
        ("'./%s/%d.png' % (out, 3)", "os.path.join('./', '%s/%d.png' % (out, 3))"),
        ("f'./{out}/x'", "os.path.join('./', f'{out}/x')"),
    ],
)
def test_a_format_below_the_current_folder_takes_an_absolute_path(before: str, after: str) -> None:
    source = """
        import os
        {}
        out = {}
        os.makedirs(out)
        open({}, 'w')
        """
    added = "from npu_runtime.places import output_path"
    check_port(
        source.format("", "'samples'", before).replace("import os\n        \n", "import os\n"),
        source.format(added, "output_path('samples')", after),
        CODE,
    )
    # What else such a format holds has nothing to do with it.
    check_noop(f"import os\nimport sys\n\nout = sys.argv[1]\nos.remove({before})\n", CODE)


def test_each_path_that_one_parameter_takes_is_joined() -> None:
    check_port(
        """
        import os


        class Run(object):
            def __init__(self):
                self.out = 'samples'

            def save(self, path):
                open(path, 'w')

            def step(self):
                self.save('./' + self.out + '/real')
                self.save('./{}/fake'.format(self.out))
                self.save(os.path.join('./', self.out))
        """,
        """
        import os
        from npu_runtime.places import output_path


        class Run(object):
            def __init__(self):
                self.out = output_path('samples')

            def save(self, path):
                open(path, 'w')

            def step(self):
                self.save(os.path.join('./', self.out) + '/real')
                self.save(os.path.join('./', '{}/fake'.format(self.out)))
                self.save(os.path.join('./', self.out))
        """,
        CODE,
    )


def test_a_sum_that_cannot_be_joined_is_a_warning() -> None:
    ported = port_files(
        {
            "train.py": """
            import argparse

            parser = argparse.ArgumentParser()
            parser.add_argument('--out_dir', default='out')
            open('./' + parser.parse_args().out_dir, 'w')
            """
        },
        CODE,
    )
    assert ported.codes("warning") == [CODE]


def test_a_name_that_the_file_uses_itself_is_left_to_it() -> None:
    check_port(
        """
        def read(data_path):
            return open(data_path).read()


        read('./corpus/all.txt')
        """,
        """
        from npu_runtime.places import data_path as runtime_data_path
        def read(data_path):
            return open(data_path).read()


        read(runtime_data_path('./corpus/all.txt'))
        """,
        CODE,
    )


def test_what_a_script_makes_for_others_is_data_for_both() -> None:
    ported = port_files(
        {
            "make.py": "open('./store/x', 'w')\n",
            "train.py": "open('store/x')\nopen('mine/x', 'w')\nopen('mine/x')\n",
        },
        CODE,
    )
    assert "data_path('./store/x'), 'w'" in ported.text("make.py")
    assert "data_path('store/x')" in ported.text()
    assert ported.text().count("output_path('mine/x')") == 2


def test_what_builds_packages_stays() -> None:
    source = "from setuptools import setup\nsetup(long_description=open('data/about.txt').read())\n"
    assert not check_noop(source, CODE, path="setup.py").findings


def test_files_that_come_with_the_project_stay_with_it() -> None:
    check_noop(
        "open('labels/names.txt')\nopen('labels/' + 'more')\n",
        CODE,
        others={"labels/names.txt": "a\nb\n"},
    )


def test_unit_tests_keep_their_places() -> None:
    check_noop(
        """
        import unittest


        class OpenTest(unittest.TestCase):
            def test(self):
                open('x/y')
        """,
        CODE,
        path="open_test.py",
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("open('/data/me/x')", "absolute place"),
        ("import tensorflow as tf\ntf.gfile.GFile('gs://b/x')", "not on this machine"),
        ("import os\nos.path.exists('x/y')", "read or written"),
        ("import os\nos.listdir('.')", "current folder"),
        ("kind = 'first'\nprint(kind == 'first')\nopen(kind)", "also compared"),
        ("import os\nos.system('perl a.pl > {}'.format('score'))\nopen('score')", "a command"),
        ("import os\nos.system('perl a.pl >./score')\nopen('score')", "a command"),
    ],
)
def test_what_stays_for_a_reason_is_a_note(source: str, said: str) -> None:
    ported = check_noop(source, CODE)
    (note,) = (finding for finding in ported.findings if finding.code == CODE)
    assert note.severity == "note"
    assert said in note.message
    assert note.line == source.count("\n") + 1 - source.endswith("open(kind)") * 2


def test_the_recipe_says_what_the_code_cannot() -> None:
    places = {"x/y": "output", "keep": "keep", "where": "data"}
    check_port(
        """
        import os

        os.path.exists('x/y')
        open('keep')
        open(os.environ.get('where'), 'w')
        """,
        """
        import os
        from npu_runtime.places import data_variable, output_path

        os.path.exists(output_path('x/y'))
        open('keep')
        open(data_variable('where', None), 'w')
        """,
        CODE,
        options={CODE: {"places": places}},
    )


@pytest.mark.parametrize("named", ["./stroe", "out-dir", ""])
def test_a_place_that_the_recipe_misspells_is_a_usage_error(named: str) -> None:
    files = {
        "train.py": """
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument('--out-dir', default='x/y')
            args = parser.parse_args()
            open(args.out_dir, 'w')
            open('./store/%d' % 1)
            """,
        "other.py": "NAME = 'kept'\n",
    }
    right = {"./store/%d": "data", "out_dir": "output", "kept": "keep"}
    assert not port_files(files, CODE, options={CODE: {"places": right}}).codes("error")
    with pytest.raises(UsageError, match="the project has no place,") as told:
        port_files(files, CODE, options={CODE: {"places": {**right, named: "data"}}})
    assert told.value.advice == "It has, among others, './store/%d', 'out_dir'."


def test_names_that_go_round_in_circles_end() -> None:
    check_noop(
        """
        def one(x):
            return two(x)


        def two(x):
            x = one(x)
            return x


        open(one(two(one)))
        """,
        CODE,
    )


def test_a_sum_without_end_ends() -> None:
    check_noop("path = 'a'\n" + "path = path + '/b'\n" * 1200 + "print(path)\n", CODE)
    check_noop(f"open({' + '.join(['x'] * 400)})\n", CODE)


def test_flags_of_one_name_in_two_scripts_are_two() -> None:
    script = """
    import argparse
    import os

    parser = argparse.ArgumentParser()
    parser.add_argument('--to', default='{}')
    args = parser.parse_args()
    open(os.path.join(args.to, 'x'), 'w')
    """
    ported = port_files(
        {
            "make.py": script.format("store"),
            "train.py": script.format("first").rstrip() + "\n    open('store/x')\n",
        },
        CODE,
    )
    assert "type=data_path" in ported.text("make.py")
    assert "type=output_path" in ported.text()


def test_what_is_only_written_in_the_folder_of_the_data_is_output() -> None:
    text = port_files(
        {
            "train.py": """
            import tensorflow as tf

            names = open('./data/names.txt')
            logdir = './data/log/'
            writer = tf.summary.FileWriter(logdir)
            """
        },
        CODE,
    ).text()
    assert "data_path('./data/names.txt')" in text
    assert "logdir = output_path('./data/log/')" in text


def test_one_file_is_one_place_whatever_flags_call_it() -> None:
    """What one script makes, another reads where it was made."""
    done = port_files(
        {
            "make.py": """
            import tensorflow as tf
            import records
            tf.flags.DEFINE_string('out_file', 'data/records/a.rec', 'to be made')
            tf.python_io.TFRecordWriter(tf.flags.FLAGS.out_file)
            """,
            "records.py": """
            import tensorflow as tf
            tf.flags.DEFINE_string('X', 'data/records/a.rec', 'to be read')
            tf.data.TFRecordDataset(tf.flags.FLAGS.X)
            """,
        },
        CODE,
    )
    assert "'to be made', flag_values=data_flags)" in done.text("make.py")
    assert "'to be read', flag_values=data_flags)" in done.text("records.py")


def test_an_input_is_data_whatever_else_its_name_says() -> None:
    check_port(
        "picture = open('input_sample.jpg', 'rb')\n",
        "from npu_runtime.places import data_path\n"
        "picture = open(data_path('input_sample.jpg'), 'rb')\n",
        CODE,
    )


def test_relative_places_stay_where_the_folder_changes() -> None:
    done = check_noop(
        "import glob, os\nos.chdir('../truth')\nfound = glob.glob('faces/*.txt')\n", CODE
    )
    assert ["os.chdir" in finding.message for finding in done.findings] == [True, True]


def test_to_go_to_the_script_s_own_folder_changes_nothing() -> None:
    text = port_files(
        {
            "train.py": """
            import glob, os
            os.chdir(os.path.dirname(os.path.abspath(__file__)))
            found = glob.glob('faces/*.txt')
            """
        },
        CODE,
    ).text()
    assert "data_path('faces/*.txt')" in text


def test_a_command_that_rank_0_runs_alone_names_its_files_as_well() -> None:
    source = (
        "import os\nfrom npu_runtime import npu_rank_0\n"
        "npu_rank_0(os.system)('mv a score')\nopen('score')\n"
    )
    (note,) = check_noop(source, CODE).findings
    assert "a command" in note.message


def test_what_a_training_only_reads_is_data_whoever_else_reads_it() -> None:
    files: dict[str, str | bytes] = {
        "prepare.py": "x = open('corpora/a.txt').read()\nopen('corpora/b.txt', 'w').write(x)\n",
        "train.py": "import argparse\nimport tensorflow as tf\n"
        "p = argparse.ArgumentParser()\n"
        "p.add_argument('--first', default='corpora/b.txt')\nhp = p.parse_args()\n"
        "x = open(hp.first).read()\n"
        "op = tf.train.AdamOptimizer(0.1).minimize(tf.Variable(1.0))\ntf.Session().run(op)\n",
    }
    train = port_files(files, CODE).text("train.py")
    assert "default='corpora/b.txt', type=data_path)" in train


@pytest.mark.parametrize(
    "reading",
    [
        "with open(args.data_file) as data_file:\n    yaml.load(data_file)",
        "data_file = open(args.data_file)\nyaml.safe_load(data_file)",
    ],
)
def test_an_open_file_that_is_called_like_a_flag_says_nothing_of_it(reading: str) -> None:
    source = f"""import argparse
import yaml

parser = argparse.ArgumentParser()
parser.add_argument('--data_file', default='data.yml')
args = parser.parse_args()
{reading}
"""
    ported = port_files({"train.py": source}, CODE)
    assert "default='data.yml', type=data_path)" in ported.text("train.py")


@pytest.mark.parametrize("parse", ["json.loads", "ast.literal_eval"])
def test_a_flag_that_holds_a_file_or_its_contents_stays(parse: str) -> None:
    source = f"""
    import argparse, ast, json

    p = argparse.ArgumentParser()
    p.add_argument('--hparams', default='{{}}')
    args = p.parse_args()
    if args.hparams.endswith('.json'):
        h = json.load(open(args.hparams))
    else:
        h = {parse}(args.hparams)
    """
    assert check_noop(source, CODE).findings == []


TRAINING = """
import os

import matplotlib.pyplot as plt
import tensorflow as tf
from tools import show

{}


def main(folder='images'):
    op = tf.train.AdamOptimizer(0.1).minimize(tf.Variable(0.0))
    {}


if __name__ == '__main__':
    main()
"""


@pytest.mark.parametrize(
    "does",
    [
        "plt.savefig(os.path.join(folder, 'a.png'))",
        "os.makedirs(folder); plt.imsave(folder + '/a.png', op)",
        "os.path.exists(folder) or show(folder)",
    ],
)
def test_what_a_training_only_writes_is_output_whatever_its_name(does: str) -> None:
    tools = "def show(folder):\n    open(folder + '/x', 'w')\n"
    before = TRAINING.format("", does)
    ported = port_files({"train.py": before, "tools.py": tools}, CODE)
    assert "main(folder=output_path('images'))" in ported.text()


@pytest.mark.parametrize(
    "does",
    [
        # It may be there to be filled.
        "os.makedirs(folder)",
        "urllib.request.urlretrieve('http://x', folder + '/a.png')",
        "tf.python_io.TFRecordWriter(folder)",
        # Something reads it.
        "plt.savefig(os.path.join(folder, 'a.png')); plt.imread('images/b.png')",
        "plt.savefig(os.path.join(folder, 'a.png')); show()",
    ],
)
def test_what_may_be_data_is_what_its_name_says(does: str) -> None:
    tools = "import os\n\ndef show():\n    return os.listdir('images')\n"
    before = TRAINING.format("import urllib.request", does)
    ported = port_files({"train.py": before, "tools.py": tools}, CODE)
    assert "main(folder=data_path('images'))" in ported.text()


def test_what_a_script_makes_for_a_training_is_what_its_name_says() -> None:
    make = "import numpy as np\n\nnp.save('dataset/a.npy', 1)\n"
    ported = port_files({"train.py": TRAINING.format("", "pass"), "make.py": make}, CODE)
    assert "np.save(data_path('dataset/a.npy'), 1)" in ported.text("make.py")


TABLE = """
import os

ROOT = './corpus'


class Settings:
    first = {{'name': 'city', 'size': 3, 'data_dir': ROOT, 'train_list': './corpus/train.txt',
             'more': {{'name': 'town', 'eval': './corpus/eval.txt'}}}}

    def __init__(self):
        self.param = self.first


def folder():
    return {{'logs': './logs', 'name': 'x'}}


def read(settings, mode):
    print({{'city': 19}}[settings.param['name']])
    {}
"""


@pytest.mark.parametrize(
    ("reads", "moved"),
    [
        ("os.listdir(settings.param['data_dir'])", ["ROOT = data_path('./corpus')"]),
        ("open(settings.param[mode + '_list'])", ["'train_list': data_path('./corpus/train.txt')"]),
        ("open(settings.param['%s_list' % mode])", ["data_path('./corpus/train.txt')"]),
        ("open(settings.param['{}_list'.format(mode)])", ["data_path('./corpus/train.txt')"]),
        ("open(settings.param[f'{mode}_list'])", ["data_path('./corpus/train.txt')"]),
        ("open(settings.param['more']['eval'])", ["'eval': data_path('./corpus/eval.txt')"]),
        ("key = 'data_dir'; os.listdir(settings.param[key])", ["ROOT = data_path('./corpus')"]),
        ("os.makedirs(folder()['logs'])", ["'logs': output_path('./logs')"]),
        (
            "open(settings.param[mode])",
            [
                "ROOT = data_path(",
                "data_path('./corpus/train.txt')",
                "data_path('./corpus/eval.txt')",
            ],
        ),
    ],
)
def test_a_key_takes_one_value_out_of_a_table(reads: str, moved: list[str]) -> None:
    ported = port_files({"train.py": TABLE.format(reads)}, CODE).text()
    assert all(text in ported for text in moved)
    assert ported.count("_path('") == len(moved)


@pytest.mark.parametrize("reads", ["settings.param['none']", "settings.param[mode + '_file']"])
def test_a_key_that_a_table_does_not_have_takes_nothing(reads: str) -> None:
    check_noop(TABLE.format(f"open({reads})"), CODE)


def test_any_key_takes_words_out_of_a_table_of_words() -> None:
    ported = port_files(
        {
            "train.py": """
            import os

            FOLDERS = {'a': 'town', 'b': 'city'}
            LISTS = {'a': ['x/a.txt', 'x/b.txt'], 'b': []}

            def read(name):
                os.listdir(FOLDERS[name])
                for one in LISTS['a'][1:]:
                    open(one)
                open(LISTS[name][0])
            """
        },
        CODE,
    ).text()
    assert "{'a': data_path('town'), 'b': data_path('city')}" in ported
    assert "[data_path('x/a.txt'), data_path('x/b.txt')]" in ported


def test_a_table_that_is_taken_out_of_itself() -> None:
    ported = port_files(
        {
            "train.py": """
            def read(keys):
                table = {'a': {'b': 'x/y.txt'}}
                for key in keys:
                    table = table[key]
                open(table)
            """
        },
        CODE,
    ).text()
    assert "data_path('x/y.txt')" in ported


def test_places_that_are_not_on_this_machine_are_told_once() -> None:
    source = """
        import tensorflow as tf

        KEPT = {'a': 'gs://bucket/a', 'b': 'gs://bucket/b'}
        tf.gfile.GFile(KEPT['a' if tf.TRAIN else 'b'])
        tf.gfile.GFile('gs://bucket/a')
        tf.gfile.GFile('gs://bucket/c')
        open('/opt/a')
        open('/opt/b')
    """
    away, *absolute = sorted(check_noop(source, CODE).findings, key=lambda f: f.line)
    assert (away.line, away.severity) == (3, "note")
    assert away.message.startswith(
        "'gs://bucket/a' and 2 more from here on are not on this machine"
    )
    assert len(absolute) == 2
    kept = {CODE: {"places": {"gs://bucket/a": "keep", "gs://bucket/b": "keep"}}}
    away, *_ = sorted(check_noop(source, CODE, options=kept).findings, key=lambda f: f.line)
    assert away.message == "'gs://bucket/c' is not on this machine: left as it is"


@pytest.mark.parametrize(
    ("bound", "default"),
    [
        ("ROOT = './corpus'", "ROOT"),
        ("from settings import ROOT", "ROOT"),
        ("import settings", "settings.ROOT"),
    ],
)
def test_a_flag_whose_default_is_a_name_for_a_place_moves(bound: str, default: str) -> None:
    source = """
        import argparse
        import os
        import tensorflow as tf
        {added}
        {bound}

        parser = argparse.ArgumentParser()
        parser.add_argument('--data_dir', type={kind}, default={default}, help='a' + {default})
        tf.flags.DEFINE_string('train_dir', {default}, 'where'{flags})
        for root, _, names in os.walk(parser.parse_args().data_dir):
            print(root, names)
        tf.gfile.ListDirectory(tf.flags.FLAGS.train_dir)
    """
    names = {"bound": bound, "default": default}
    before = source.format(added="{}", kind="str", flags="", **names).replace("        {}\n", "")
    added = "from npu_runtime.places import data_flags, data_path"
    flags = ", flag_values=data_flags"
    if bound.startswith("ROOT"):
        after = source.format(added=added, kind="data_path", flags=flags, **names)
    else:
        after = source.format(
            added=bound, kind="data_path", flags=flags, bound=added, default=default
        )
    check_port(before, after, CODE, others={"settings.py": "ROOT = './corpus'\n"})


@pytest.mark.parametrize("bound", ["ROOT = '/data/corpus'", "from elsewhere import ROOT"])
def test_a_flag_whose_default_is_a_name_for_something_else_stays(bound: str) -> None:
    source = """
        import argparse
        import os
        {}

        parser = argparse.ArgumentParser()
        parser.add_argument('--data_dir', type=str, default=ROOT)
        os.listdir(parser.parse_args().data_dir)
    """
    check_noop(source.format(bound), CODE)


FROM = """
        import argparse
        import tensorflow as tf
        {}
        parser = argparse.ArgumentParser()
        parser.add_argument('--restore_from', type={}, default=None)
        args = parser.parse_args()
        {}
    """


def test_a_flag_that_a_checkpoint_is_restored_from_is_a_place_by_that() -> None:
    does = "tf.train.get_checkpoint_state(args.restore_from)"
    before = FROM.format("", "str", does).replace("        \n", "")
    added = "from npu_runtime.places import output_path"
    check_port(before, FROM.format(added, "output_path", does), CODE)


@pytest.mark.parametrize(
    "does",
    [
        "open(args.restore_from)",
        "tf.train.get_checkpoint_state('/opt/' + args.restore_from)",
        "tf.train.latest_checkpoint(args.restore_from + '_best')",
    ],
)
def test_a_flag_whose_name_and_use_tell_of_no_place_stays(does: str) -> None:
    other = FROM.format("", "str", "tf.train.get_checkpoint_state(args.restore_from)")
    check_noop(FROM.format("", "str", does), CODE, others={"other.py": other})


@pytest.mark.parametrize(
    ("code", "moved"),
    [
        # What comes with the project stays, whatever else is written into its folder.
        ("open('data/names.txt')\nopen('data/found/x', 'w')", {"data/found/x"}),
        ("open('data/part-%d' % n)\nopen('data/found/x', 'w')", {"data/found/x"}),
        ("open('data/part-{}.txt'.format(n))", set()),
        # But not what may be written anew.
        ("open('data/names.txt')\nopen('data/names.txt', 'w')", {"data/names.txt"}),
        ("open('data/names.txt')\nopen('data/%s' % n, 'w')", {"data/names.txt", "data/%s"}),
        (
            "open('data/part-1.txt')\nopen('data/part-%d' % n, 'w')",
            {"data/part-1.txt", "data/part-%d"},
        ),
        ("os.listdir('data')\nopen('data/found/x', 'w')", {"data", "data/found/x"}),
        # Nor what only begins like it.
        ("open('data/name')", {"data/name"}),
        ("open('data/parts/%d' % n)", {"data/parts/%d"}),
    ],
)
def test_files_that_come_with_the_project(code: str, moved: set[str]) -> None:
    files = {
        "train.py": f"import os\n\ndef go(n):\n    {code.replace(chr(10), chr(10) + '    ')}\n",
        "data/names.txt": "a\n",
        "data/part-1.txt": "b\n",
    }
    text = port_files(files, CODE).text()
    assert set(re.findall(r"_path\('([^']*)'", text)) == moved


@pytest.mark.parametrize(
    ("code", "moved"),
    [
        ("C = [{'data': 'dataset', 'n': 1}]\nnp.load(C[n]['data'] + '/x')", {"dataset"}),
        (
            "D = {'train': 'train', 'val': 'val', 'out': './out'}\n"
            "for s in ['train', 'val']:\n    np.load(D[s] + '/x')",
            {"train", "val"},
        ),
        ("D = {'name': 'city', 'data': './d'}\nnp.load(D[n] + '/x')", {"./d"}),
    ],
)
def test_values_of_tables(code: str, moved: set[str]) -> None:
    body = code.replace("\n", "\n    ")
    text = port_files({"train.py": f"import numpy as np\n\ndef go(n):\n    {body}\n"}, CODE).text()
    assert set(re.findall(r"_path\('([^']*)'", text)) == moved
