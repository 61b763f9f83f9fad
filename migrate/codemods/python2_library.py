"""What became of Python 2's library in Python 3."""

from __future__ import annotations

# Modules with another name and the same functions.
MODULES = {
    "BaseHTTPServer": "http.server",
    "CGIHTTPServer": "http.server",
    "ConfigParser": "configparser",
    "Cookie": "http.cookies",
    "HTMLParser": "html.parser",
    "Queue": "queue",
    "SimpleHTTPServer": "http.server",
    "SocketServer": "socketserver",
    "StringIO": "io",
    "Tkinter": "tkinter",
    "__builtin__": "builtins",
    "cPickle": "pickle",
    "cStringIO": "io",
    "commands": "subprocess",
    "cookielib": "http.cookiejar",
    "copy_reg": "copyreg",
    "htmlentitydefs": "html.entities",
    "httplib": "http.client",
    "robotparser": "urllib.robotparser",
    "thread": "_thread",
    "tkFileDialog": "tkinter.filedialog",
    "tkMessageBox": "tkinter.messagebox",
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}
# Modules without a successor, and what to do instead.
GONE = {
    "UserDict": "Use collections.UserDict.",
    "exceptions": "The exceptions are builtins.",
    "md5": "Use hashlib.md5.",
    "new": "Use the module types.",
    "popen2": "Use subprocess.",
    "sets": "Use set and frozenset.",
    "sha": "Use hashlib.sha1.",
}
# What urllib had, and in which of its parts it is now.
URLLIB = {
    **dict.fromkeys(
        "FancyURLopener URLopener getproxies pathname2url url2pathname urlcleanup urlopen "
        "urlretrieve".split(),
        "request",
    ),
    **dict.fromkeys("quote quote_plus unquote unquote_plus urlencode".split(), "parse"),
    "ContentTooShortError": "error",
}
# The last part of a dotted name.
ATTRIBUTES = {
    "itertools.ifilterfalse": "filterfalse",
    "itertools.izip_longest": "zip_longest",
    "os.getcwdu": "getcwd",
    "string.letters": "ascii_letters",
    "string.lowercase": "ascii_lowercase",
    "string.uppercase": "ascii_uppercase",
    "sys.maxint": "maxsize",
}
# What is a builtin.
BUILTINS = {
    "itertools.ifilter": "filter",
    "itertools.imap": "map",
    "itertools.izip": "zip",
    "types.BooleanType": "bool",
    "types.DictType": "dict",
    "types.DictionaryType": "dict",
    "types.FloatType": "float",
    "types.IntType": "int",
    "types.ListType": "list",
    "types.LongType": "int",
    "types.ObjectType": "object",
    "types.StringType": "str",
    "types.StringTypes": "str",
    "types.TupleType": "tuple",
    "types.TypeType": "type",
    "types.UnicodeType": "str",
}
# What has no successor of its kind, and what to do instead.
WITHOUT = {
    "os.errno": "Import errno.",
    "os.popen2": "Use subprocess.",
    "os.popen3": "Use subprocess.",
    "string.join": "Write separator.join(words).",
    "string.maketrans": "Use str.maketrans or bytes.maketrans.",
    "sys.setdefaultencoding": "Delete the call: Python 3 reads text as UTF-8.",
    "types.ClassType": "Use type.",
    "types.NoneType": "Write type(None).",
    **{
        f"string.{name}": f"Use the method {name} of str."
        for name in (
            "capitalize center count expandtabs find index ljust lower lstrip replace rfind rindex "
            "rjust rsplit rstrip split strip swapcase translate upper zfill"
        ).split()
    },
    "string.atof": "Use float.",
    "string.atoi": "Use int.",
}
