"""What a training writes beside TensorFlow is written by rank 0 alone."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU707"
IMPORTS = (
    "import codecs, gzip, io, json, logging, os, pickle, shutil, subprocess, tempfile, zipfile\n"
    "from pathlib import Path\n"
    "import cv2, h5py, imageio, joblib, librosa, pandas, scipy.misc, soundfile\n"
    "import matplotlib.pyplot as plt\n"
    "import numpy as np\n"
    "from PIL import Image\n"
    "import tensorflow as tf\n"
)
TRAINS = "op = tf.train.AdamOptimizer(0.1).minimize(loss)\n"


def program(*lines: str, runtime: str = "") -> str:
    head = IMPORTS + (f"from npu_runtime import {runtime}\n" if runtime else "")
    return head + TRAINS + "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("scipy.misc.imsave(path, x)", "scipy.misc.imsave(npu_rank_file(path), x)"),
        ("imageio.imwrite(uri=path, im=x)", "imageio.imwrite(uri=npu_rank_file(path), im=x)"),
        ("imageio.mimsave('a.gif', x)", "imageio.mimsave(npu_rank_file('a.gif'), x)"),
        ("cv2.imwrite('%d.png' % n, x)", "cv2.imwrite(npu_rank_file('%d.png' % n), x)"),
        ("Image.fromarray(x).save(path)", "Image.fromarray(x).save(npu_rank_file(path))"),
        (
            "i = Image.open('a')\ni.convert('L').resize(s).save(path)",
            "i = Image.open('a')\ni.convert('L').resize(s).save(npu_rank_file(path))",
        ),
        (
            "i = Image.fromarray(x)\ni.save(path, quality=9)",
            "i = Image.fromarray(x)\ni.save(npu_rank_file(path), quality=9)",
        ),
        (
            "scipy.misc.toimage(x, cmin=0.0, cmax=1.0).save(path)",
            "scipy.misc.toimage(x, cmin=0.0, cmax=1.0).save(npu_rank_file(path))",
        ),
        (
            "i = scipy.misc.toimage(x)\ni.save(path)",
            "i = scipy.misc.toimage(x)\ni.save(npu_rank_file(path))",
        ),
        ("plt.savefig(path + '.png')", "plt.savefig(npu_rank_file(path + '.png'))"),
        ("figure.savefig(path)", "figure.savefig(npu_rank_file(path))"),
        ("plt.imsave(f'{n}.png', x)", "plt.imsave(npu_rank_file(f'{n}.png'), x)"),
        ("np.save(path, x)", "np.save(npu_rank_file(path), x)"),
        ("np.savez(file=path, x=x)", "np.savez(file=npu_rank_file(path), x=x)"),
        (
            "librosa.output.write_wav(path, x, 8)",
            "librosa.output.write_wav(npu_rank_file(path), x, 8)",
        ),
        ("soundfile.write(path, x, 8)", "soundfile.write(npu_rank_file(path), x, 8)"),
        ("np.savetxt(path, x)", "np.savetxt(npu_rank_file(path), x)"),
        ("frame.to_csv(path)", "frame.to_csv(npu_rank_file(path))"),
        ("joblib.dump(x, path)", "joblib.dump(x, npu_rank_file(path))"),
        ("f = h5py.File(path, 'w')", "f = h5py.File(npu_rank_file(path), 'w')"),
        (
            "pickle.dump(x, open(path, 'wb'))",
            "pickle.dump(x, open(npu_rank_file(path), 'wb'))",
        ),
        (
            "with open(path, mode='a') as f:\n    f.write(x)",
            "with open(npu_rank_file(path), mode='a') as f:\n    f.write(x)",
        ),
        ("f = io.open(path, 'xt')", "f = io.open(npu_rank_file(path), 'xt')"),
        ("f = codecs.open(path, 'w', 'utf8')", "f = codecs.open(npu_rank_file(path), 'w', 'utf8')"),
        ("f = gzip.open(path, 'wb')", "f = gzip.open(npu_rank_file(path), 'wb')"),
        ("z = zipfile.ZipFile(path, 'w')", "z = zipfile.ZipFile(npu_rank_file(path), 'w')"),
        ("f = tf.gfile.GFile(path, 'w')", "f = tf.gfile.GFile(npu_rank_file(path), 'w')"),
        ("f = tf.gfile.FastGFile(path, 'wb')", "f = tf.gfile.FastGFile(npu_rank_file(path), 'wb')"),
        (
            "h = logging.FileHandler(path)",
            "h = logging.FileHandler(npu_rank_file(path))",
        ),
        (
            "logging.basicConfig(filename=path, level=1)",
            "logging.basicConfig(filename=npu_rank_file(path), level=1)",
        ),
        ("Path(path).write_text(x)", "npu_rank_file(Path(path)).write_text(x)"),
        (
            "b = tf.saved_model.builder.SavedModelBuilder(path)",
            "b = tf.saved_model.builder.SavedModelBuilder(npu_rank_file(path))",
        ),
        ("model.save_weights(path)", "model.save_weights(npu_rank_file(path))"),
        (
            "c = tf.keras.callbacks.ModelCheckpoint(path)",
            "c = tf.keras.callbacks.ModelCheckpoint(npu_rank_file(path))",
        ),
    ],
)
def test_paths_that_are_written(before: str, after: str) -> None:
    check_port(program(before), program(after, runtime="npu_rank_file"), CODE)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("os.makedirs(a)", "npu_make_folder(os.makedirs)(a)", "npu_make_folder"),
        ("os.mkdir(a, 0o755)", "npu_make_folder(os.mkdir)(a, 0o755)", "npu_make_folder"),
        ("Path(a).mkdir()", "npu_make_folder(Path(a).mkdir)()", "npu_make_folder"),
        ("tf.gfile.MkDir(a)", "npu_make_folder(tf.gfile.MkDir)(a)", "npu_make_folder"),
        ("shutil.rmtree(a)", "npu_rank_0(shutil.rmtree)(a)", "npu_rank_0"),
        ("os.remove(a)", "npu_rank_0(os.remove)(a)", "npu_rank_0"),
        ("os.rename(a, b)", "npu_rank_0(os.rename)(a, b)", "npu_rank_0"),
        ("shutil.copy('a.py', a)", "npu_rank_0(shutil.copy)('a.py', a)", "npu_rank_0"),
        (
            "tf.gfile.DeleteRecursively(a)",
            "npu_rank_0(tf.gfile.DeleteRecursively)(a)",
            "npu_rank_0",
        ),
        ("Path(a).unlink()", "npu_rank_0(Path(a).unlink)()", "npu_rank_0"),
        ("os.system('cp a.py %s' % b)", "npu_rank_0(os.system)('cp a.py %s' % b)", "npu_rank_0"),
        ("os.system(f'mv {a} {b}')", "npu_rank_0(os.system)(f'mv {a} {b}')", "npu_rank_0"),
        (
            "cmd = 'cd x; rm {}'.format(a)\nos.system(cmd)",
            "cmd = 'cd x; rm {}'.format(a)\nnpu_rank_0(os.system)(cmd)",
            "npu_rank_0",
        ),
        (
            "subprocess.call(['rm', '-rf', a])",
            "npu_rank_0(subprocess.call)(['rm', '-rf', a])",
            "npu_rank_0",
        ),
    ],
)
def test_functions_that_make_and_remove(before: str, after: str, wanted: str) -> None:
    check_port(program(before), program(after, runtime=wanted), CODE)


@pytest.mark.parametrize(
    "line",
    [
        # What reads, or only asks.
        "f = open(path)",
        "f = open(path, 'rb')",
        "x = np.load(path)",
        "x = scipy.misc.imread(path)",
        "f = h5py.File(path, 'r')",
        "x = librosa.load(path)",
        "x = os.listdir(path) if os.path.exists(path) else []",
        "f = tf.gfile.GFile(path).read()",
        # What TensorFlow writes.
        "tf.train.Saver().save(sess, path)",
        "saver.save(sess, path, global_step=step)",
        "w = tf.summary.FileWriter(path)",
        "tf.train.write_graph(graph, path, 'graph.pbtxt')",
        "c = tf.keras.callbacks.TensorBoard(path)",
        "r = tf.estimator.RunConfig(model_dir=path)",
        # What may find the folder there.
        "os.makedirs(path, exist_ok=True)",
        "tf.gfile.MakeDirs(path)",
        # A file that is open already, or a place of this process.
        "with open(path) as f:\n    np.save(f, 1)",
        "buffer = io.BytesIO()\nnp.save(buffer, 1)",
        "folder = tempfile.mkdtemp()\nnp.save(os.path.join(folder, 'a'), 1)\nshutil.rmtree(folder)",
        "with tempfile.NamedTemporaryFile() as f:\n    np.save(f.name, 1)",
        "f = tempfile.NamedTemporaryFile()\nnp.save(os.path.splitext(f.name)[0] + '.npy', 1)",
        "f = tempfile.mktemp()\nf += '.npy'\nnp.save(f, 1)\nos.remove(f)",
        "with tempfile.TemporaryDirectory() as d:\n"
        "    name = os.path.join(d, 'a')\n    np.save(name, 1)\n    x = np.load(name)",
        "with tempfile.TemporaryDirectory() as d:\n"
        "    open(os.path.join(d, 'a'), 'wb').close()\n    x = np.fromfile(d + '/a')",
        "handle, name = tempfile.mkstemp()\nopen(name, 'w')\nos.remove(name)",
        "folder = None\nif path:\n    folder = tempfile.mkdtemp()\n"
        "name = '%s/%d' % (folder, n)\nos.mkdir(name)\nopen(f'{name}/a', 'w')",
        "class A:\n    def __init__(self):\n        self.d = tempfile.mkdtemp()\n"
        "    def keep(self):\n        open('{}/a'.format(self.d), 'w')\nA().keep()",
        # What is something else.
        "list.remove(path)",
        "text.replace('a', 'b')",
        "x.copy(path)",
        "model.save(path)",
        "scipy.misc.imresize(x, 2).save(path)",
        "def open(a, b):\n    pass\nopen(path, 'w')",
        # Commands that change no file, or that may be done again.
        "os.system('nvidia-smi')",
        "os.system('mkdir -p ' + path)",
        "os.system('perl score.pl < %s 2>&1 > /dev/null' % path)",
        "out = subprocess.check_output(['git', 'rev-parse', 'HEAD'])",
        "os.system(command)",
        "os.system('tar czf exp.tar.gz --exclude=x exp')",
        "os.system('tar -tf ' + path)",
        "os.system('python a.py --note \"a -> b\"')",
        "subprocess.call(['python', 'a.py', '--note', 'a -> b'])",
        "if hvd.rank() == 0:\n    os.system('wget ' + url)\n    os.system('rm a')",
        "first = hvd.rank() == 0\nif first and path:\n    os.system('ls > ' + path)",
    ],
)
def test_what_stays(line: str) -> None:
    assert check_noop(program(line), CODE).findings == []


@pytest.mark.parametrize(
    "folder",
    [
        "d = path or tempfile.mkdtemp()",
        "d = path\nif not d:\n    d = tempfile.mkdtemp()",
        "d = None",
    ],
)
def test_a_place_that_may_be_another_than_tempfiles(folder: str) -> None:
    check_port(
        program(folder, "name = os.path.join(d, 'a')", "np.save(name, 1)"),
        program(
            folder,
            "name = os.path.join(d, 'a')",
            "np.save(npu_rank_file(name), 1)",
            runtime="npu_rank_file",
        ),
        CODE,
    )


def test_a_file_that_is_named_after_one_of_tempfiles() -> None:
    line = "f = tempfile.NamedTemporaryFile()\nname = os.path.join(path, f.name)\nnp.save({}, 1)"
    check_port(
        program(line.format("name")),
        program(line.format("npu_rank_file(name)"), runtime="npu_rank_file"),
        CODE,
    )


def test_only_code_that_a_training_reaches() -> None:
    helper = "import numpy as np\n\ndef keep(path, x):\n    np.save(path, x)\n"
    unused = (
        "import numpy as np\n\ndef convert(path, x):\n    np.save(path, x)\n\nconvert('a', 1)\n"
    )
    train = (
        "import tensorflow as tf\nfrom tools import keep\n\n"
        "def main():\n    op = tf.train.AdamOptimizer(0.1).minimize(loss)\n    keep('a', 1)\n\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    ported = port_files({"tools.py": helper, "prepare.py": unused, "train.py": train}, CODE)
    assert ported.text("tools.py") == (
        "import numpy as np\nfrom npu_runtime import npu_rank_file\n\n"
        "def keep(path, x):\n    np.save(npu_rank_file(path), x)\n"
    )
    assert ported.text("prepare.py") == unused
    assert ported.text("train.py") == train


def test_the_top_level_of_an_imported_file_runs_as_well() -> None:
    train = f"import tensorflow as tf\nimport settings\n{TRAINS}"
    ported = port_files({"settings.py": "open('log.txt', 'w')\n", "train.py": train}, CODE)
    assert ported.text("settings.py") == (
        "from npu_runtime import npu_rank_file\nopen(npu_rank_file('log.txt'), 'w')\n"
    )


def test_evaluation_and_tests_write_as_upstream_does() -> None:
    check_noop("import numpy as np\nimport tensorflow as tf\nnp.save('a', 1)\n", CODE)
    check_noop(
        "import numpy as np\nimport tensorflow as tf\nclass T(tf.test.TestCase):\n"
        "    def test(self):\n        tf.train.AdamOptimizer(1).minimize(x)\n        np.save('a', 1)\n",
        CODE,
    )


@pytest.mark.parametrize(
    ("line", "severity", "told"),
    [
        ("f = open(path, 'r+')", "warning", "changes it in place"),
        ("f = open(path, mode)", "note", "may write it"),
        ("urllib.request.urlretrieve(url, path)", "warning", "each rank prepares"),
        (
            "handle, name = tempfile.mkstemp()\nurllib.request.urlretrieve(url, name)",
            "warning",
            "each rank prepares",
        ),
        ("archive.extractall(path)", "warning", "each rank prepares"),
        ("w = tf.python_io.TFRecordWriter(path)", "warning", "each rank prepares"),
        ("os.system('wget ' + url)", "warning", "each rank prepares the same data here (wget)"),
        ("os.system('tar xzf ' + path)", "warning", "(tar)"),
        ("os.system('cd a && tar -C ' + path + ' -xf b.tar')", "warning", "(tar)"),
        ("subprocess.call(['tar', '--extract', '-f', path])", "warning", "(tar)"),
        ("os.system('perl score.pl < %s > score' % path)", "warning", "which writes a file"),
        ("os.system('echo \"' + path + '\" > a')", "warning", "which writes a file"),
        ("status = os.system('mv a b')", "warning", "which changes files"),
    ],
)
def test_what_is_told_and_stays(line: str, severity: str, told: str) -> None:
    (finding,) = check_noop("import urllib.request\n" + program(line), CODE).findings
    assert finding.severity == severity
    assert told in finding.message


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        (["np.save('mean.npy', x)", "x = np.load('mean.npy')"], 10),
        (["if path:", "    np.save(path, x)", "x = np.load(path)"], 11),
        (
            [
                "if not os.path.exists(path):",
                "    np.save(path, x)",
                "if x:",
                "    x = np.load(path)",
            ],
            12,
        ),
        (["np.save(path, x)", "if tf.gfile.Exists(path):", "    x = score(1, name=path)"], 11),
        (["np.save(path, x)", "x = Reader(path).x"], 10),
        (["np.save(path, x)", "x = indirect(path)"], 10),
    ],
)
def test_what_a_function_reads_back_stays_every_ranks(lines: list[str], at: int) -> None:
    tools = """
        import numpy as np


        def score(n, name):
            return n * np.load(name)


        def indirect(name):
            return score(2, name)


        class Reader:
            def __init__(self, name):
                self.x = np.load(name)
    """
    source = program(*lines).replace(
        "import cv2", "from tools import Reader, indirect, score\nimport cv2"
    )
    (finding,) = check_noop(source, CODE, others={"tools.py": tools}).findings
    assert finding.severity == "warning"
    assert f"reads it back (line {at + 1}): left as it is" in finding.message


@pytest.mark.parametrize(
    "lines",
    [
        ["x = np.load('mean.npy')", "np.save({}, x)"],
        ["np.save({}, x)", "print('mean.npy')", "x = show('mean.npy', np.load('b'))"],
    ],
)
def test_what_is_not_read_back(lines: list[str]) -> None:
    show = "def show(name, other):\n    return other[name]\n"
    lines = [show, *lines]
    before, after = (
        [line.format(text) for line in lines]
        for text in ("'mean.npy'", "npu_rank_file('mean.npy')")
    )
    ported = check_port(program(*before), program(*after, runtime="npu_rank_file"), CODE)
    assert ported.findings == []


@pytest.mark.parametrize(
    "lines",
    [
        ["path = 'a'", "np.save({}, x)", "path = 'b'", "x = np.load(path)"],
        ["if x is None:", "    np.save({}, x)", "else:", "    x = np.load(path)"],
        ["if args.train:", "    np.save({}, x)", "if args.test:", "    x = np.load(path)"],
        ["if x is None:", "    np.save({}, x)", "    raise SystemExit", "x = np.load(path)"],
    ],
)
def test_what_is_read_elsewhere_or_instead(lines: list[str]) -> None:
    before, after = (
        [line.format(text) for line in lines] for text in ("path", "npu_rank_file(path)")
    )
    check_port(program(*before), program(*after, runtime="npu_rank_file"), CODE)


def test_what_another_function_reads_back_is_told() -> None:
    methods = "class A:\n    def put(self):\n        np.save(self.name, 1)\n"
    methods += "    def get(self):\n        return np.load(self.name)\na = A()\na.put()\na.get()"
    (finding,) = port_files({"train.py": program(methods)}, CODE).findings
    assert "rank 0 alone writes self.name, and every rank reads it (line 13)" in finding.message


def test_what_a_caller_reads_back_is_told() -> None:
    tools = """
        import numpy as np


        def save(name, x):
            write(x, name)


        def write(x, name):
            np.save(name, x)


        def load(name):
            return np.load(name)
    """
    train = "from tools import load, save\n" + program(
        "save('mean.npy', 1)", "x = load('mean.npy')"
    )
    ported = port_files({"tools.py": tools, "train.py": train}, CODE)
    (finding,) = ported.findings
    assert "np.save(npu_rank_file(name), x)" in ported.text("tools.py")
    assert (
        "rank 0 alone writes name, and every rank reads it (train.py, line 11)" in finding.message
    )
    once = train.replace("x = load('mean.npy')", "x = load('other.npy')")
    assert port_files({"tools.py": tools, "train.py": once}, CODE).findings == []


def test_a_place_of_tempfile_that_a_writer_is_given() -> None:
    tools = "import numpy as np\n\ndef save(name, x):\n    np.save(name, x)\n"
    given = "with tempfile.TemporaryDirectory() as d:\n    save(os.path.join(d, 'a'), 1)"
    train = "from tools import save\n" + program(given)
    assert check_noop(tools, CODE, path="tools.py", others={"train.py": train}).findings == []
    both = port_files({"tools.py": tools, "train.py": train + "save('b', 1)\n"}, CODE)
    (finding,) = both.findings
    assert "np.save(npu_rank_file(name), x)" in both.text("tools.py")
    assert "also where it is a place of tempfile (train.py, line 11)" in finding.message


def test_a_parameter_of_each_function_is_its_own() -> None:
    source = program(
        "def keep(path):\n    np.save(path, 1)\n",
        "def get(path):\n    return np.load(path)\n",
        "keep('a'), get('b')",
    )
    assert port_files({"train.py": source}, CODE).findings == []


def test_with_places_that_move() -> None:
    check_port(
        "import os\nimport numpy as np\nimport tensorflow as tf\n"
        "tf.train.AdamOptimizer(0.1).minimize(loss)\n"
        "os.makedirs('samples')\nnp.save('samples/a.npy', 1)\n",
        "import os\nimport numpy as np\nimport tensorflow as tf\n"
        "from npu_runtime import npu_make_folder, npu_rank_file\n"
        "from npu_runtime.places import output_path\n"
        "tf.train.AdamOptimizer(0.1).minimize(loss)\n"
        "npu_make_folder(os.makedirs)(output_path('samples'))\n"
        "np.save(npu_rank_file(output_path('samples/a.npy')), 1)\n",
        CODE,
        "NPU501",
    )


def test_on_top_of_places_that_moved() -> None:
    moved = (
        "import numpy as np\nimport tensorflow as tf\nfrom npu_runtime.places import output_path\n"
        "tf.train.AdamOptimizer(0.1).minimize(loss)\nnp.save(output_path('a.npy'), 1)\n"
    )
    text = port_files({"train.py": moved}, CODE, "NPU501").text()
    assert "np.save(npu_rank_file(output_path('a.npy')), 1)" in text


def test_a_name_of_the_projects_own() -> None:
    check_port(
        "import numpy as np\nimport tensorflow as tf\n"
        "tf.train.AdamOptimizer(0.1).minimize(loss)\nnpu_rank_file = 1\nnp.save('a', 1)\n",
        "import numpy as np\nimport tensorflow as tf\n"
        "from npu_runtime import npu_rank_file as runtime_npu_rank_file\n"
        "tf.train.AdamOptimizer(0.1).minimize(loss)\nnpu_rank_file = 1\n"
        "np.save(runtime_npu_rank_file('a'), 1)\n",
        CODE,
    )


def test_comments_and_lines_stay() -> None:
    check_port(
        program(
            "np.save(  # here", "    os.path.join(a,  # there", "                 b),", "    x)"
        ),
        program(
            "np.save(  # here",
            "    npu_rank_file(os.path.join(a,  # there",
            "                 b)),",
            "    x)",
            runtime="npu_rank_file",
        ),
        CODE,
    )
