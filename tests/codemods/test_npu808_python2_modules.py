"""Modules of Python 2 in files that Python 3 can parse."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU808"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # by another name
        ("import cPickle as pickle\nf = pickle.dump\n", "import pickle\nf = pickle.dump\n"),
        ("import os, Queue, sys\nq = Queue.Queue()\n", "import os, queue as Queue, sys\nq = Queue.Queue()\n"),
        ("import Queue as queue  # jobs\n", "import queue  # jobs\n"),
        ("from Queue import Queue, Empty\n", "from queue import Queue, Empty\n"),
        ("def f():\n    import ConfigParser\n    return ConfigParser.ConfigParser()\n", "def f():\n    import configparser as ConfigParser\n    return ConfigParser.ConfigParser()\n"),
        ("from urllib2 import urlopen, HTTPError\nfrom urlparse import urljoin\n", "from urllib.request import urlopen, HTTPError\nfrom urllib.parse import urljoin\n"),
        ("import urllib2\nurllib2.urlopen(u)\n", "import urllib.request as urllib2\nurllib2.urlopen(u)\n"),
        ("import thread, httplib\n", "import _thread as thread, http.client as httplib\n"),
        # what urllib had
        ("import urllib\nurllib.urlretrieve(u, p)\n", "import urllib.request\nurllib.request.urlretrieve(u, p)\n"),
        ("import sys, urllib\nurllib.urlopen(urllib.quote(u))\n", "import sys, urllib.parse, urllib.request\nurllib.request.urlopen(urllib.parse.quote(u))\n"),
        ("import urllib\nimport urllib.request\nurllib.urlopen(urllib.urlencode(u))\n", "import urllib.parse\nimport urllib.request\nurllib.request.urlopen(urllib.parse.urlencode(u))\n"),
        ("from urllib import (urlretrieve as get,\n    urlopen)\n", "from urllib.request import (urlretrieve as get,\n    urlopen)\n"),
        ("def f():\n    from urllib import quote, urlopen\n    return urlopen(quote(u))\n", "def f():\n    from urllib.parse import quote\n    from urllib.request import urlopen\n    return urlopen(quote(u))\n"),
        ("import os; from urllib import quote, urlopen\n", "import os; from urllib.parse import quote; from urllib.request import urlopen\n"),
        ("import urllib\ntry:\n    x = urllib.urlopen(u)\nexcept Exception:\n    pass\n", "import urllib.request\ntry:\n    x = urllib.request.urlopen(u)\nexcept Exception:\n    pass\n"),
        # names in modules
        ("import itertools\nfor a, b in itertools.izip(x, itertools.count()): f(a)\n", "import itertools\nfor a, b in zip(x, itertools.count()): f(a)\n"),
        ("from itertools import izip, count\nfor a, b in izip(x, count()): f(izip)\n", "from itertools import count\nfor a, b in zip(x, count()): f(zip)\n"),
        ("from itertools import imap as m, ifilter\nimport os\nx = m(f, ifilter(g, y)), os\n", "import os\nx = map(f, filter(g, y)), os\n"),
        ("from itertools import izip\n", ""),
        ("def f(x):\n    from itertools import izip as zip\n    return zip(x, x)\n", "def f(x):\n    return zip(x, x)\n"),
        ("from itertools import izip_longest\nx = izip_longest(a, b)\n", "from itertools import zip_longest as izip_longest\nx = izip_longest(a, b)\n"),
        ("import itertools as it\nx = it.izip_longest(a, b), it.ifilterfalse(f, a)\n", "import itertools as it\nx = it.zip_longest(a, b), it.filterfalse(f, a)\n"),
        ("import sys, os\nbest = sys.maxint, os.getcwdu()\n", "import sys, os\nbest = sys.maxsize, os.getcwd()\n"),
        ("from sys import maxint, argv\nbest = maxint, argv\n", "from sys import maxsize as maxint, argv\nbest = maxint, argv\n"),
        ("import string\nx = string.letters + string.digits\n", "import string\nx = string.ascii_letters + string.digits\n"),
        ("import types\nif isinstance(x, (types.StringTypes, types.ListType, types.FunctionType)): f()\n", "import types\nif isinstance(x, (str, list, types.FunctionType)): f()\n"),
    ],
)  # fmt: skip
def test_rewrites(before: str, after: str) -> None:
    assert not check_port(before, after, CODE).codes()


@pytest.mark.parametrize(
    "source",
    [
        # for both
        "try:\n    import cPickle as pickle\nexcept ImportError:\n    import pickle\n",
        "try:\n    import cPickle\nexcept ImportError:\n    import pickle as cPickle\nx = cPickle.load(f)\n",
        "try:\n    import queue\nexcept ImportError:\n    import Queue as queue\n",
        "try:\n    import urllib2, Queue\nexcept:\n    import urllib.request as urllib2\n",
        "try:\n    from itertools import izip\nexcept ImportError:\n    izip = zip\nx = izip(a, b)\n",
        "try:\n    from urllib import urlopen\nexcept Exception:\n    from urllib.request import urlopen\n",
        "import sys\nif sys.version_info[0] < 3:\n    import ConfigParser\nelse:\n    import configparser as ConfigParser\n",
        "import sys\nIS_PY_3 = sys.version_info >= (3,)\nif IS_PY_3:\n    import queue\nelse:\n    import Queue as queue\n",
        "import sys, urllib\nif sys.version_info.major == 2:\n    get = urllib.urlretrieve\nelse:\n    get = urllib.request.urlretrieve\n",
        "import sys\ndef big():\n    if sys.version_info >= (3,):\n        return sys.maxsize\n    return sys.maxint\n",
        "import sys\nbig = sys.maxsize if sys.version_info[0] > 2 else sys.maxint\n",
        "import sys\ntry:\n    big = sys.maxint\nexcept AttributeError:\n    big = sys.maxsize\n",
        "import sys\nif hasattr(sys, 'setdefaultencoding'):\n    sys.setdefaultencoding('utf-8')\n",
        # six
        "from six.moves import cPickle, urllib, zip as izip, queue\nx = urllib.request.urlopen(u), cPickle.load(f), izip\n",
        "import six.moves.cPickle as pickle\nfrom six.moves.urllib.parse import quote\n",
        "from future.moves import urllib\nurllib.request\n",
        # Python 3
        "import urllib.request, urllib.parse\nx = urllib.request.urlopen(urllib.parse.quote(u))\n",
        "import urllib\nx = urllib.request.urlopen(u), urllib.parse, urllib.error\n",
        "from urllib.request import urlopen, urlretrieve\nfrom urllib import request, parse\n",
        "import string, types, os, sys, itertools\nx = string.ascii_letters, string.Template, types.FunctionType, os.getcwd(), sys.maxsize, itertools.count()\n",
        "import pickle, queue, io, threading, hashlib\nx = hashlib.md5(), pickle.load(f)\n",
        "import multiprocessing\nfrom multiprocessing import Queue\nq = multiprocessing.Queue()\n",
        # other things with these names
        "def f(string, types, os):\n    return string.letters, string.find('a'), types.ListType, os.errno, string.join(x)\n",
        "class sys: maxint = 3\nx = sys.maxint\n",
        "import pyarrow.types as types\nx = types.ListType\n",
        "x = 'import Queue', self.Queue, urllib2, self.string.join(x)  # import cPickle\n",
        "from .Queue import Queue\nfrom . import urllib2, commands\n",
        "def letters(): pass\nimap = izip = 1\nx = imap, izip\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(source, CODE).codes()


@pytest.mark.parametrize("path", ["Queue.py", "lib/Queue.py", "Queue/__init__.py"])
def test_own_modules_are_not_the_librarys(path: str) -> None:
    source = "import sys\nsys.path.insert(0, where())\nimport Queue\nfrom Queue import x\n"
    assert not check_noop(source, CODE, others={path: "x = 1\n"}).codes()


@pytest.mark.parametrize(
    "line",
    [
        "import md5",
        "from sets import Set",
        "import sys; reload(sys); sys.setdefaultencoding('utf-8')",
        "import string; x = string.join(words, ' ')",
        "import os; x = os.errno.EEXIST",
        "from string import maketrans",
        "import urllib as u; u.urlopen(x)",
        "from urllib import (quote,  # names\n  urlopen)",
        "from itertools import izip; zip = 3; x = izip(a, b)",
        "import types; str = 3; x = types.StringType",
    ],
)
def test_what_has_no_successor_is_a_warning(line: str) -> None:
    ported = check_noop(line + "\n", CODE)
    assert set(ported.codes()) == {CODE} == set(ported.codes("warning"))
    assert all(finding.line and finding.advice for finding in ported.findings)


def test_a_name_that_another_file_imports_stays_with_a_warning() -> None:
    source = "from itertools import izip\nx = izip(a, b)\n"
    ported = check_noop(source, CODE, others={"b.py": "from train import izip\n"})
    assert ported.codes("warning") == [CODE]


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        ("image = Image.open({}(data))", "BytesIO"),
        ("image = numpy.load({}(data))", "BytesIO"),
        ("def stream(image_bytes): return {}(image_bytes)", "BytesIO"),
        ("s = {}()\nimage.save(s, format='png')\nx = s.getvalue()", "BytesIO"),
        ("s = {}()\nwrite(s)\ntf.Summary.Image(encoded_image_string=s.getvalue())", "BytesIO"),
        ("s = {}()\ns.write('text')", "note"),
        ("s = {}('text')", "note"),
        ("s = {}(given)", "warning"),
    ],
)
@pytest.mark.parametrize("module", ["StringIO", "cStringIO"])
def test_a_stream_of_bytes(module: str, use: str, kind: str) -> None:
    others = "import numpy\nimport tensorflow as tf\nfrom PIL import Image\n"
    imported = f"from {module} import StringIO\n{others}{use.format('StringIO')}\n"
    dotted = f"import {module}\n{others}{use.format(module + '.StringIO')}\n"
    name = "BytesIO" if kind == "BytesIO" else "StringIO"
    bound = "BytesIO as StringIO" if kind == "BytesIO" else "StringIO"
    result = check_port(
        imported,
        imported.replace(f"from {module} import StringIO", f"from io import {bound}"),
        CODE,
    )
    again = check_port(
        dotted,
        dotted.replace(f"import {module}", f"import io as {module}").replace(
            f"{module}.StringIO", f"{module}.{name}"
        ),
        CODE,
    )
    for ported in (result, again):
        assert [f.severity for f in ported.findings] == ([] if kind == "BytesIO" else [kind])


@pytest.mark.parametrize(
    "use",
    [
        "rows = csv.reader(StringIO('\\n'.join(image_paths)))",
        "s = StringIO(raw_text.decode('utf-8'))",
        "s = StringIO()\nconfig.save(s)",
        "image = Image.open(StringIO(data))\ns = StringIO()\ns.write('text')",
    ],
)
def test_streams_that_may_hold_text_stay_text(use: str) -> None:
    source = f"from StringIO import StringIO\nfrom PIL import Image\nimport csv\n{use}\n"
    ported = check_port(source, source.replace("from StringIO", "from io"), CODE)
    assert len(ported.findings) == 1


def test_text_that_may_be_bytes_is_noted() -> None:
    before = "import cPickle\nfrom StringIO import StringIO\nx = cPickle.load(f), cPickle.load(g)\n"
    after = before.replace("import cPickle", "import pickle as cPickle").replace(
        "from StringIO", "from io"
    )
    assert check_port(before, after, CODE).codes("note") == [CODE, CODE]
