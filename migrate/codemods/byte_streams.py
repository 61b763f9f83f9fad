"""Whether what was Python 2's StringIO holds bytes, for which Python 3 has BytesIO."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import keyword, spelled

# What reads or writes files of images and arrays, which are bytes.
_TAKING = frozenset(
    "PIL.Image.open imageio.imread imageio.imwrite matplotlib.image.imread "
    "matplotlib.pyplot.imread matplotlib.pyplot.imsave matplotlib.pyplot.savefig numpy.load "
    "numpy.save numpy.savez numpy.savez_compressed scipy.misc.imread scipy.misc.imsave "
    "skimage.io.imread skimage.io.imsave soundfile.read soundfile.write".split()
)
_BYTES = re.compile(r"(?:.*_)?bytes?(?:_.*)?")


def holds_bytes(module: Module, made: ast.Call) -> bool | None:
    """Whether a call of StringIO makes what is to hold bytes; None where that cannot be told."""
    if any(_takes_bytes(module, use) for use in _uses(module, made)):
        return True
    if not made.args:
        return False
    given = made.args[0]
    if isinstance(given, ast.Constant):
        return isinstance(given.value, bytes)
    return True if _BYTES.fullmatch(spelled(given)) else None


def _uses(module: Module, made: ast.Call) -> Iterator[ast.expr]:
    """The call itself, and the reads of the variable that it is assigned to."""
    yield made
    statement = module.parents[made]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    for target in targets:
        if isinstance(target, ast.Name) and (found := module.lookup(target.id, target)):
            yield from module.reads(found[0].node, target.id)


def _takes_bytes(module: Module, use: ast.expr) -> bool:
    parent = module.parents[use]
    if isinstance(parent, ast.Call) and use in parent.args[:1]:
        method = parent.func.attr if isinstance(parent.func, ast.Attribute) else ""
        # Of an image, in a format, or of a figure.
        saves = method == "save" and (len(parent.args) > 1 or keyword(parent, "format"))
        return bool(saves) or method == "savefig" or module.qualified(parent.func) in _TAKING
    # tf.Summary.Image(encoded_image_string=stream.getvalue())
    while isinstance(parent, ast.Attribute | ast.Call):
        parent = module.parents[parent]
    return isinstance(parent, ast.keyword) and parent.arg == "encoded_image_string"
