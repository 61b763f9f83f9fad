"""Where a port's data lies and its outputs go, so that both can be elsewhere than upstream's.

Variables, both unset by default, which means upstream's own places:
    NPU_DATA_DIR      folder that stands for the project's own where it reads data: with
                      NPU_DATA_DIR=/cache/data, ./dataset is /cache/data/dataset.
    NPU_OUTPUT_DIR    the same for what it writes: checkpoints, logs, samples.
"""

import os

from . import settings


def data_path(path):
    """The place from which to read `path`.

    Args:
        path: a path as upstream has it. An absolute one, a URL such as gs://..., an empty one and
            None stay as they are: somebody chose that place.
    """
    return below(settings.value("NPU_DATA_DIR"), path)


def output_path(path):
    """The place to which `path` is written; see data_path."""
    return below(settings.value("NPU_OUTPUT_DIR"), path)


def data_variable(name, *default):
    """The folder of data that an environment variable names; see data_path.

    Args:
        name: a variable that upstream reads, such as ML_DATA. Where it is unset, NPU_DATA_DIR
            itself is the folder.
        default: what upstream takes where the variable is unset; so where both are.

    Raises:
        KeyError: both are unset, and there is no default.
    """
    if name in os.environ:
        return data_path(os.environ[name])
    folder = settings.value("NPU_DATA_DIR")
    if folder or not default:
        return folder or os.environ[name]
    return default[0]


def below(folder, path):
    """`path` below a folder; as it is where the folder is empty, or somebody chose the place.

    What leads out of the current folder, as from a folder of scripts, stays below: "../data" is
    the project's, as "data" is.
    """
    if not folder or not path or "://" in path or os.path.isabs(path):
        return path
    # A trailing slash is kept: upstream may add a file's name to it.
    end = os.sep if path.endswith("/") else ""
    parts = os.path.normpath(path).split(os.sep)
    while parts[:1] == [os.pardir]:
        del parts[0]
    return os.path.normpath(os.path.join(folder, *parts)) + end


class _Flags:
    """Takes new flags in the place of absl's FLAGS, and moves what each is given.

    Args:
        place: data_path or output_path, for the default as well as for a value that somebody gives.
    """

    def __init__(self, place):
        self._place = place

    def __eq__(self, other):
        # Absl takes flags together only where they are of one FlagValues; these are FLAGS's.
        return other is self._flags or isinstance(other, _Flags)

    def __hash__(self):
        return hash(self._flags)

    def __setitem__(self, name, flag):
        from absl import flags

        flags.disclaim_key_flags()  # what defines the flag is the module that called absl
        flag.parser = _parser(self._place)
        flag.default = flag.value = self._place(flag.default)
        self._flags[name] = flag

    def __getitem__(self, name):
        return self._flags[name]

    def __getattr__(self, name):
        return getattr(self._flags, name)

    @property
    def _flags(self):
        from absl import flags  # TensorFlow brings it; what parses with argparse needs neither

        return flags.FLAGS


def _parser(place):
    from absl import flags

    class Parser(flags.ArgumentParser):
        def parse(self, argument):
            return place(super().parse(argument))

    return Parser()


# For DEFINE_string of absl and of TensorFlow: DEFINE_string(..., flag_values=data_flags).
data_flags = _Flags(data_path)
output_flags = _Flags(output_path)
