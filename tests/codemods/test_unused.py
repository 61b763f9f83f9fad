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
