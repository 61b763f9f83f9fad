"""What to install for an import, in versions that go together on Python 3.7 with TensorFlow 1.15.0.

To add a distribution, add an entry to ``DISTRIBUTIONS``: a version that Python 3.7 can install, for
x86_64 and aarch64 as far as there are builds. The pins are checked by resolving all of them
together with tensorflow-cpu==1.15.0 for Python 3.7.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

Release = tuple[int, ...]  # without zeros at its end, but for one behind a release: just above it


class Distribution(NamedTuple):
    """One distribution on PyPI.

    Args:
        name: as PyPI spells it.
        pin: the version that the kit asks for.
        imports: the modules that it provides at the top level; its own name where empty.
        first: the oldest version that can be installed on Python 3.7 or works with TensorFlow
            1.15.0; empty when it does not matter.
        limit: the first version that cannot; empty when there is none.
        breaks: what happens from ``limit`` on, when pip would install it all the same.
        instead: other distributions that provide the same modules.
    """

    name: str
    pin: str
    imports: tuple[str, ...] = ()
    first: str = ""
    limit: str = ""
    breaks: str = ""
    instead: tuple[str, ...] = ()

    def suits(self, specifiers: str) -> bool:
        """Whether what ``==1.2`` or ``>=1.0,<2`` lets pip choose is a version that works."""
        first, limit = _release(self.first), _release(self.limit or "9999")
        lowest, end = first, _release("9999")
        for part in specifiers.split(","):
            found = _SPECIFIER.fullmatch(part.strip())
            if found is None:
                return False
            start, stop = _bounds(*found.groups())
            lowest, end = max(lowest, start), min(end, stop)
        return lowest < min(end, limit) and (not self.breaks or end <= limit)

    def objection(self, specifiers: str) -> str:
        """Why ``suits`` says no."""
        if self._replace(first="").suits(specifiers):
            return "it is too old for Python 3.7 or for TensorFlow 1.15.0"
        return self.breaks or "it cannot be installed on Python 3.7"


_SPECIFIER = re.compile(
    r"(===|==|~=|>=|<=|!=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?(?:\.?(?:post|rc|a|b)\d+)?"
)


def _bounds(operator: str, version: str, star: str | None) -> tuple[Release, Release]:
    """The first release that a specifier allows, and the first behind those that it allows."""
    release, behind = _release(version), (*_release(version), 0)
    start: Release = ()
    stop = _release("9999")
    if operator in ("==", "===", "~=", ">="):
        start = release
    elif operator == ">":
        start = behind
    if operator == "~=" or (operator == "==" and star):
        numbers = [int(number) for number in version.split(".")]
        kept = numbers if star else numbers[:-1] or numbers
        stop = (*kept[:-1], kept[-1] + 1)
    elif operator in ("==", "===", "<="):
        stop = behind
    elif operator == "<":
        stop = release
    return start, stop


def _release(version: str) -> Release:
    numbers = [int(number) for number in version.split(".") if number]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def normalized(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


D = Distribution
_TF2 = "it needs TensorFlow 2"
_OPENCV = (
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python-headless",
)
DISTRIBUTIONS = (
    D("absl-py", "1.4.0", ("absl",)),
    D("colorlog", "6.8.2"),
    D("contextlib2", "21.6.0"),
    D("Cython", "3.0.11", ("Cython", "pyximport")),
    D("easydict", "1.10"),
    D("future", "0.18.3", ("future", "past")),
    D("h5py", "2.10.0", (), "2.8", "3", "TensorFlow 1.15.0 cannot load Keras models with it"),
    D("image-classifiers", "0.2.2", ("classification_models",)),
    D("imageio", "2.27.0", (), "", "2.28", "its writers no longer take fps"),
    D("imgaug", "0.4.0"),
    D("keras", "2.3.1", (), "2.2", "2.4", _TF2),
    D("Keras-Applications", "1.0.8", ("keras_applications",)),
    D("Keras-Preprocessing", "1.1.2", ("keras_preprocessing",)),
    D("matplotlib", "3.5.3", ("matplotlib", "mpl_toolkits", "pylab"), "2.2.3", "3.6"),
    D("nltk", "3.8.1", (), "", "3.9"),
    D("numpy", "1.19.5", (), "1.16", "1.20", "tf.zeros of a size known at run time fails"),
    D("opencv-python", "4.8.1.78", ("cv2",), "3.4.3.18", instead=_OPENCV),
    D("pandas", "1.3.5", (), "0.23.2", "1.4"),
    D("Pillow", "9.5.0", ("PIL",), "5.2", "10", instead=("pillow-simd",)),
    D("prettytable", "3.7.0", (), "", "3.8"),
    D("progressbar2", "4.2.0", ("progressbar",), "", "4.3", instead=("progressbar",)),
    D("protobuf", "3.20.3", (), "3.6.1", "3.21", "TensorFlow 1.15.0 cannot be imported with it"),
    D("python-dateutil", "2.8.2", ("dateutil",)),
    D("PyYAML", "6.0.1", ("yaml",), "", "6.0.2"),
    D("regex", "2023.12.25"),
    D("requests", "2.31.0"),
    D("scikit-image", "0.19.3", ("skimage",), "0.14.1", "0.20"),
    D("scikit-learn", "0.24.2", ("sklearn",), "0.20", "1.1", instead=("sklearn",)),
    D("scipy", "1.7.3", (), "1.1", "1.8"),
    D("seaborn", "0.12.2", (), "", "0.13"),
    D("six", "1.16.0"),
    D("tabulate", "0.9.0"),
    D("tensorflow-datasets", "3.2.1", ("tensorflow_datasets",), "", "4", _TF2),
    D("tensorflow-hub", "0.12.0", ("tensorflow_hub",), "", "0.13", _TF2),
    D("tensorflow-probability", "0.8.0", ("tensorflow_probability",), "", "0.9", _TF2),
    D("tf-slim", "1.1.0", ("tf_slim",)),
    D("tqdm", "4.66.4"),
)  # fmt: skip

# The platform brings them; pip must not.
PLATFORM = frozenset(
    "intel-tensorflow tb-nightly tensorboard tensorflow tensorflow-cpu tensorflow-estimator "
    "tensorflow-gpu tensorflow-gpu-estimator tensorflow-rocm tf-estimator-nightly tf-nightly "
    "tf-nightly-gpu".split()
)
# Modules of Python 3.7 for Python 2: pip fails with them, and with enum34 Python does.
BACKPORTS = frozenset({"enum34", "functools32", "futures", "subprocess32"})
# Imports that no requirement stands for: the platform's, the port's, Python 3.7's own, Python 2's.
NOT_INSTALLED = frozenset(
    "tensorboard tensorflow tensorflow_core tensorflow_estimator "
    "acl hccl horovod moxing npu_bridge npu_device npu_runtime te topi "
    "__future__ _thread abc aifc argparse array ast asynchat asyncio asyncore atexit audioop "
    "base64 bdb binascii binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd "
    "code codecs codeop collections colorsys compileall concurrent configparser contextlib "
    "contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib "
    "dis distutils doctest dummy_threading email encodings ensurepip enum errno faulthandler "
    "fcntl filecmp fileinput fnmatch formatter fractions ftplib functools gc genericpath getopt "
    "getpass gettext glob grp gzip hashlib heapq hmac html http imaplib imghdr imp importlib "
    "inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma macpath "
    "mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc "
    "nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev parser "
    "pathlib pdb pickle pickletools pip pipes pkg_resources pkgutil platform plistlib poplib posix "
    "posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue "
    "quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors "
    "setuptools shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd "
    "sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct "
    "subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile "
    "termios test textwrap threading time timeit tkinter token tokenize trace traceback "
    "tracemalloc tty turtle types typing unicodedata unittest urllib uu uuid venv warnings wave "
    "weakref webbrowser wheel winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport "
    "zlib "
    "BaseHTTPServer ConfigParser Cookie HTMLParser Queue SimpleHTTPServer SocketServer StringIO "
    "Tkinter UserDict __builtin__ anydbm cPickle cStringIO commands cookielib copy_reg "
    "dummy_thread exceptions htmlentitydefs httplib md5 new robotparser sets sha thread "
    "tkFileDialog tkMessageBox urllib2 urlparse xmlrpclib".split()
)


@cache
def by_import() -> dict[str, Distribution]:
    """The distribution that provides each module."""
    return {module: entry for entry in DISTRIBUTIONS for module in entry.imports or (entry.name,)}


@cache
def by_name() -> dict[str, Distribution]:
    """The distributions by their normalized names."""
    return {normalized(entry.name): entry for entry in DISTRIBUTIONS}
