"""What goes because an edit leaves it without a use."""

import ast
from collections.abc import Iterator

from migrate.codemods.removals import removal_of
from migrate.codemods.rule import Change, Context, Rule
from tests.codemods.support import Files, dedent, port_files

DROP = Rule("NPU498", "drop", group="devices")


@DROP.on_module
def drop(context: Context) -> Iterator[Change]:
    """Deletes every statement ``drop(...)``."""
    for node in context.module.nodes:
        if isinstance(node, ast.Expr) and context.module.text_of(node).startswith("drop("):
            yield removal_of(context.module, node)


def check(before: str, after: str, others: Files | None = None) -> None:
    ported = port_files({**(others or {}), "a.py": before}, "NPU498", rules=(DROP,))
    assert not ported.findings
    assert ported.text("a.py") == dedent(after)


def test_names_and_imports_go() -> None:
    check(
        """
        import os, sys
        import json
        from x import (
            one,
            two,
        )

        NAME = 'a'
        drop(NAME, os.sep, json.dumps, one)
        print(sys.argv, two)
        """,
        """
        import sys
        from x import (
            two,
        )

        print(sys.argv, two)
        """,
    )


def test_every_assignment_of_the_name_goes() -> None:
    check(
        """
        if a:
            b = 'one'
        else:
            b = 'two'
        drop(b)
        """,
        "",
    )


def test_an_import_in_two_places_goes() -> None:
    check(
        """
        import json
        import sys
        import json
        drop(json.dumps(sys.argv))
        print(sys)
        """,
        """
        import sys
        print(sys)
        """,
    )


def test_what_only_an_emptied_if_has_used_goes() -> None:
    check(
        """
        from flags import FLAGS
        limit = 3
        if FLAGS.count > limit:
            drop(1)
        """,
        "",
    )


def test_what_is_used_elsewhere_stays() -> None:
    source = """
        import os
        import re
        LIMIT = 3
        COUNT = read()
        a, b = 1, 2
        c = 1
        c += 1
        drop(LIMIT, os, re, COUNT, a, c)
        """
    check(
        source,
        """
        COUNT = read()
        a, b = 1, 2
        c = 1
        c += 1
        """,
    )
    check(
        source,
        """
        import os
        LIMIT = 3
        COUNT = read()
        a, b = 1, 2
        c = 1
        c += 1
        """,
        {"b.py": "from a import LIMIT\nimport a\nprint(a.os)\n"},
    )


def test_what_was_unused_before_stays() -> None:
    check("import os\nimport re\ndrop(re)\n", "import os\n")


def test_an_own_module_that_does_something_is_still_imported() -> None:
    source = "from a_lib import x\nimport b_lib as y\ndrop(x, y)\n"
    gone = {"a_lib.py": '"""D"""\nimport os\nx = 1\ndef f(): os.remove(x)\n', "b_lib.py": ""}
    check(source, "", gone)
    main = "if __name__ == '__main__':\n    run()\n"
    check(source, "", {**gone, "b_lib.py": main})
    check(source, "import b_lib as y\n", {**gone, "b_lib.py": "flags.define('x')\n"})
    check(source, "from a_lib import x\n", {**gone, "a_lib.py": "x = 1\nseed(x)\n"})
    check(source, "import b_lib as y\n", {**gone, "b_lib.py": "for i in x: print(i)\n"})


def test_names_that_are_read_as_text_stay() -> None:
    for use in ("locals()", "print('%(x)s' % vars())", "eval('x')"):
        before = f"import os\ndef f():\n    x = 1\n    drop(x, os)\n    return {use}\n"
        after = f"import os\ndef f():\n    x = 1\n    return {use}\n"
        check(before, after)


def test_a_name_that_another_scope_uses_stays() -> None:
    check("x = 1\ndrop(x)\ndef f():\n    return x\n", "x = 1\ndef f():\n    return x\n")
    check("x = 1\ndef f(x):\n    return x\ndrop(x)\n", "def f(x):\n    return x\n")
    check("def f():\n    global x\n    x = 1\ndrop(x)\n", "def f():\n    global x\n")


def test_members_of_a_class_stay() -> None:
    check("class A:\n    x = 1\n    drop(x)\n", "class A:\n    x = 1\n")


def test_what_an_import_may_fail_on_goes_with_its_try() -> None:
    check(
        """
        try:
            import json
        except ImportError:
            import simplejson as json
        drop(json)
        """,
        """
        try:
            pass
        except ImportError:
            pass
        """,
    )


def test_comments_stay_where_names_go() -> None:
    check(
        """
        import os  # paths
        from x import (
            one,  # first
            two,  # second
        )
        NAME = 1  # why
        drop(NAME, os, one)
        print(two)
        """,
        """
        # paths
        from x import (
            # first
            two,  # second
        )
        # why
        print(two)
        """,
    )


def test_line_endings_stay() -> None:
    before = "import os, sys\r\nx = 1\r\ndrop(x, os)\r\nprint(sys)"
    ported = port_files({"a.py": before.encode()}, "NPU498", rules=(DROP,))
    assert ported.files["a.py"] == b"import sys\r\nprint(sys)"
