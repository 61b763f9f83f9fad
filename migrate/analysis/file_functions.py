"""The functions that take the name of a file or folder, and what they do with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, keyword, spelled
from migrate.analysis.runtime_names import MAKE_FOLDER, RANK_0, runtime_name

# What a function does at a place: reads it; writes it; prepares it, that is makes a folder, or
# fetches, unpacks or converts data; reads back what a training wrote; or only asks about it.
Access = Literal["read", "write", "prepare", "state", "ask"]
WRITING: frozenset[Access] = frozenset({"write", "prepare"})

# "name position keyword": the argument that is a path.
_READ = """
numpy.load 0 file|numpy.loadtxt 0 fname|numpy.genfromtxt 0 fname|numpy.fromfile 0 file
scipy.io.loadmat 0 file_name|scipy.io.wavfile.read 0 filename|pandas.read_csv 0 filepath_or_buffer
pandas.read_pickle 0 path|pandas.read_hdf 0 path_or_buf|pandas.read_table 0 filepath_or_buffer
scipy.misc.imread 0 name|scipy.ndimage.imread 0 fname|imageio.imread 0 uri|cv2.imread 0 filename
skimage.io.imread 0 fname|matplotlib.pyplot.imread 0 fname|matplotlib.image.imread 0 fname
librosa.load 0 path|librosa.core.load 0 path|soundfile.read 0 file
PIL.Image.open 0 fp|npu_runtime.images.imread 0 name|shutil.copy 0 src|shutil.copyfile 0 src
tensorflow.gfile.Copy 0 oldpath|tensorflow.read_file 0 filename|tensorflow.io.read_file 0 filename
tensorflow.data.TFRecordDataset 0 filenames|tensorflow.data.TextLineDataset 0 filenames
tensorflow.data.FixedLengthRecordDataset 0 filenames
tensorflow.data.experimental.CsvDataset 0 filenames|tensorflow.train.match_filenames_once 0 pattern
tensorflow.io.match_filenames_once 0 pattern|tensorflow.python_io.tf_record_iterator 0 path
tensorflow.io.tf_record_iterator 0 path
"""
# The same, of a folder or of several files.
_SEARCH = """
glob.glob 0 pathname|glob.iglob 0 pathname|os.listdir 0 path|os.walk 0 top|os.scandir 0 path
shutil.copytree 0 src|tensorflow.gfile.Glob 0 filename|tensorflow.io.gfile.glob 0 pattern
tensorflow.gfile.ListDirectory 0 dirname|tensorflow.io.gfile.listdir 0 path
tensorflow.gfile.Walk 0 top|tensorflow.io.gfile.walk 0 top
tensorflow.data.Dataset.list_files 0 file_pattern
tensorflow.data.experimental.make_csv_dataset 0 file_pattern
tensorflow.train.string_input_producer 0 string_tensor|tensorflow.matching_files 0 pattern
tensorflow.io.matching_files 0 pattern
tensorflow.examples.tutorials.mnist.input_data.read_data_sets 0 train_dir
tensorflow.contrib.learn.datasets.mnist.read_data_sets 0 train_dir
"""
_WRITE = """
numpy.save 0 file|numpy.savez 0 file
numpy.savez_compressed 0 file|numpy.savetxt 0 fname|scipy.io.savemat 0 file_name
scipy.misc.imsave 0 name|imageio.imwrite 0 uri|imageio.imsave 0 uri|imageio.mimsave 0 uri
cv2.imwrite 0 filename|skimage.io.imsave 0 fname|matplotlib.pyplot.imsave 0 fname
matplotlib.pyplot.savefig 0 fname|matplotlib.image.imsave 0 fname
npu_runtime.images.imsave 0 name|shutil.copy 1 dst|shutil.copyfile 1 dst|shutil.copytree 1 dst
shutil.move 1 dst|logging.FileHandler 0 filename
tensorflow.gfile.Copy 1 newpath|tensorflow.summary.FileWriter 0 logdir
tensorflow.train.SummaryWriter 0 logdir|tensorflow.train.write_graph 1 logdir
tensorflow.io.write_graph 1 logdir
tensorflow.saved_model.builder.SavedModelBuilder 0 export_dir
tensorflow.saved_model.Builder 0 export_dir|tensorflow.saved_model.simple_save 1 export_dir
tensorflow.train.Saver.save 1 save_path|tensorflow.train.Supervisor 7 logdir
tensorflow.train.MonitoredTrainingSession 2 checkpoint_dir
tensorflow.train.MonitoredTrainingSession 12 summary_dir
tensorflow.train.CheckpointSaverHook 0 checkpoint_dir
tensorflow.train.SummarySaverHook 2 output_dir
tensorflow.contrib.summary.create_file_writer 0 logdir
tensorflow.summary.FileWriterCache.get 0 logdir|tensorflow.train.export_meta_graph 0 filename
tensorflow.train.CheckpointManager 1 directory|tensorflow.train.Checkpoint.save 0 file_prefix
tensorflow.contrib.slim.learning.train 1 logdir|tensorflow.contrib.training.train 1 logdir
tensorflow.contrib.slim.evaluation.evaluate_once 2 logdir
tensorflow.contrib.slim.evaluation.evaluation_loop 2 logdir
tensorflow.estimator.RunConfig 0 model_dir|tensorflow.estimator.Estimator 1 model_dir
tensorflow.keras.callbacks.ModelCheckpoint 0 filepath|keras.callbacks.ModelCheckpoint 0 filepath
tensorflow.keras.callbacks.TensorBoard 0 log_dir|keras.callbacks.TensorBoard 0 log_dir
tensorflow.keras.callbacks.CSVLogger 0 filename|keras.callbacks.CSVLogger 0 filename
tensorflow.keras.Model.save 0 filepath|keras.Model.save 0 filepath
tensorflow.keras.Sequential.save 0 filepath|keras.Sequential.save 0 filepath
tensorflow.keras.Model.save_weights 0 filepath|keras.Model.save_weights 0 filepath
tensorflow.keras.Sequential.save_weights 0 filepath|keras.Sequential.save_weights 0 filepath
librosa.output.write_wav 0 path|soundfile.write 0 file
scipy.io.wavfile.write 0 filename|imageio.mimwrite 0 uri|imageio.get_writer 0 uri
cv2.VideoWriter 0 filename|joblib.dump 1 filename|logging.basicConfig 9 filename
"""
_PREPARE = """
os.makedirs 0 name|os.mkdir 0 path|urllib.request.urlretrieve 1 filename
urllib.urlretrieve 1 filename|six.moves.urllib.request.urlretrieve 1 filename
tensorflow.gfile.MakeDirs 0 dirname|tensorflow.gfile.MkDir 0 dirname
tensorflow.io.gfile.makedirs 0 path|tensorflow.io.gfile.mkdir 0 path
tensorflow.python_io.TFRecordWriter 0 path|tensorflow.io.TFRecordWriter 0 path
"""
_STATE = """
tensorflow.train.latest_checkpoint 0 checkpoint_dir
tensorflow.train.get_checkpoint_state 0 checkpoint_dir
tensorflow.train.checkpoint_exists 0 checkpoint_prefix|tensorflow.train.Saver.restore 1 save_path
tensorflow.train.NewCheckpointReader 0 filepattern|tensorflow.train.Checkpoint.restore 0 save_path
tensorflow.train.list_variables 0 ckpt_dir_or_file|tensorflow.train.load_variable 0 ckpt_dir_or_file
tensorflow.train.import_meta_graph 0 meta_graph_or_file
tensorflow.train.summary_iterator 0 path|tensorflow.saved_model.loader.load 2 export_dir
tensorflow.contrib.slim.evaluation.evaluate_once 1 checkpoint_path
tensorflow.contrib.slim.evaluation.evaluation_loop 1 checkpoint_dir
tensorflow.keras.Model.load_weights 0 filepath|keras.Model.load_weights 0 filepath
"""
_ASK = """
os.path.exists 0 path|os.path.isfile 0 path|os.path.isdir 0 s|os.path.getsize 0 filename
os.remove 0 path|os.unlink 0 path|os.rename 0 src|os.rename 1 dst|shutil.rmtree 0 path
os.replace 0 src|os.replace 1 dst|os.rmdir 0 path|os.symlink 1 dst
os.chdir 0 path|tensorflow.gfile.Exists 0 filename|tensorflow.io.gfile.exists 0 path
tensorflow.gfile.IsDirectory 0 dirname|tensorflow.io.gfile.isdir 0 path
tensorflow.gfile.Remove 0 filename|tensorflow.gfile.DeleteRecursively 0 dirname
tensorflow.io.gfile.rmtree 0 path|tensorflow.gfile.Stat 0 filename
tensorflow.io.gfile.remove 0 path|tensorflow.gfile.Rename 0 oldname
tensorflow.gfile.Rename 1 newname|tensorflow.io.gfile.rename 0 src|tensorflow.io.gfile.rename 1 dst
"""
# Functions whose mode tells: name, position of the path, its keyword, position of the mode.
_BY_MODE = {
    "open": (0, "file", 1),
    "io.open": (0, "file", 1),
    "codecs.open": (0, "filename", 1),
    "gzip.open": (0, "filename", 1),
    "bz2.open": (0, "filename", 1),
    "tarfile.open": (0, "name", 1),
    "zipfile.ZipFile": (0, "file", 1),
    "h5py.File": (0, "name", 1),
    "numpy.memmap": (0, "filename", 2),
    "tensorflow.gfile.GFile": (0, "name", 1),
    "tensorflow.gfile.Open": (0, "name", 1),
    "tensorflow.gfile.FastGFile": (0, "name", 1),
    "tensorflow.io.gfile.GFile": (0, "name", 1),
}
# Where those take the mode.
OPENING = {name: mode for name, (_, _, mode) in _BY_MODE.items()}
# What the runtime puts around a function that works on files.
_AROUND = frozenset({MAKE_FOLDER, RANK_0})
# Methods of objects whose class may be unknown, by what else they are given.
_METHODS: dict[str, tuple[int, str, Access]] = {
    "extractall": (0, "path", "prepare"),
    "savefig": (0, "fname", "write"),
    "to_csv": (0, "path_or_buf", "write"),
    "to_pickle": (0, "path", "write"),
    "save_weights": (0, "filepath", "write"),
    "load_weights": (0, "filepath", "state"),
    "flow_from_directory": (0, "directory", "read"),
}
# Where images of PIL come from.
_MAKING_IMAGES = ("PIL.Image.", "scipy.misc.toimage", "scipy.misc.pilutil.toimage")
_OF_SAVER: dict[str, Access] = {"save": "write", "restore": "state"}
_ON_PATHS: dict[str, Access] = {
    "mkdir": "prepare",
    "write_text": "write",
    "write_bytes": "write",
    "touch": "write",
    "read_text": "read",
    "read_bytes": "read",
    "glob": "read",
    "rglob": "read",
    "iterdir": "read",
    "exists": "ask",
    "is_file": "ask",
    "is_dir": "ask",
    "unlink": "ask",
    "rename": "ask",
    "replace": "ask",
    "rmdir": "ask",
}


def _table() -> dict[str, list[tuple[int, str, Access]]]:
    found: dict[str, list[tuple[int, str, Access]]] = {}
    kinds: tuple[tuple[Access, str], ...] = (
        ("read", _READ),
        ("read", _SEARCH),
        ("write", _WRITE),
        ("prepare", _PREPARE),
        ("state", _STATE),
        ("ask", _ASK),
    )
    for access, text in kinds:
        for line in text.replace("|", "\n").split("\n"):
            if line:
                name, position, word = line.split()
                found.setdefault(name, []).append((int(position), word, access))
    return found


_FUNCTIONS = _table()
_OF_A_FILE = frozenset(_BY_MODE).union(
    line.split()[0] for line in re.split(r"\||\n", _READ) if line
)


class FileUse(NamedTuple):
    """A function that takes a path.

    Args:
        node: the path.
        access: what the function does there.
        call: the call of the function.
        name: its qualified name; ``.method`` of an object of unknown class.
    """

    node: ast.expr
    access: Access
    call: ast.Call
    name: str

    @property
    def is_file(self) -> bool:
        """Whether what is there surely is one file, which is opened."""
        return self.name in _OF_A_FILE


def file_uses(module: Module) -> Iterator[FileUse]:
    """Every path of a file that a function takes, in source order of the calls."""
    for call, name in module.calls:
        func: ast.expr = call.func
        if name is None and isinstance(func, ast.Call):
            if not func.args or runtime_name(module, func.func) not in _AROUND:
                continue
            func = func.args[0]
            name = module.name_of(func)
        if name is None and isinstance(func, ast.Name) and func.id == "open":
            name = "open" if module.is_free("open", func) else None
        if name in _BY_MODE:
            position, word, mode = _BY_MODE[name]
            access = _access(argument(call, "mode", mode))
            yield from _given(call, name, position, word, access)
        elif name in _FUNCTIONS:
            for position, word, access in _FUNCTIONS[name]:
                yield from _given(call, name, position, word, access)
        elif isinstance(func, ast.Attribute) and (name is None or ":" not in name):
            yield from _method(module, call, func, name)


def _method(
    module: Module, call: ast.Call, func: ast.Attribute, name: str | None
) -> Iterator[FileUse]:
    method = func.attr
    if name is not None and name.startswith("pathlib.Path."):
        if method == "open":
            yield FileUse(func.value, _access(argument(call, "mode", 0)), call, name)
        elif method in _ON_PATHS:
            yield FileUse(func.value, _ON_PATHS[method], call, name)
    elif name is None and method in _METHODS:
        yield from _given(call, f".{method}", *_METHODS[method])
    elif name is None and method in _OF_SAVER and _has_session(call):
        saver = f"tensorflow.train.Saver.{method}"
        yield from _given(call, saver, 1, "save_path", _OF_SAVER[method])
    elif name is None and method == "save" and _is_image(module, func.value):
        yield from _given(call, "PIL.Image.Image.save", 0, "fp", "write")


def _is_image(module: Module, node: ast.expr) -> bool:
    """Whether it is one of PIL's: made by a function for it, or by a method of such a one."""
    while isinstance(node, ast.Call):
        name = module.name_of(node.func)
        if name is not None or not isinstance(node.func, ast.Attribute):
            return (name or "").startswith(_MAKING_IMAGES)
        node = node.func.value
    found = module.lookup(node.id, node) if isinstance(node, ast.Name) else None
    made = [b.node.func for b in found[1] if isinstance(b.node, ast.Call)] if found else []
    return any((module.name_of(func) or "").startswith(_MAKING_IMAGES) for func in made)


def _has_session(call: ast.Call) -> bool:
    """Whether a save or restore is that of a Saver of unknown class: session, then path."""
    first = argument(call, "sess", 0)
    word = spelled(first)
    return "sess" in word.lower() or keyword(call, "global_step") is not None


def _given(
    call: ast.Call, name: str, position: int, word: str, access: Access
) -> Iterator[FileUse]:
    found = argument(call, word, position)
    if found is not None:
        yield FileUse(found, access, call, name)


def _access(mode: ast.expr | None) -> Access:
    if mode is None:
        return "read"
    if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
        plain = re.split("[:|]", mode.value)[0]  # of tarfile's "r:xz"
        return "write" if set(plain) & set("wax+") else "read"
    return "ask"
