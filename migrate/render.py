"""Fills the templates in ``templates/``."""

from __future__ import annotations

import os
import re
import shlex
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import migrate
from migrate.errors import MigrateError
from migrate.manifest import Upstream
from migrate.readmes.markdown import code, escaped
from migrate.upstream.tree import SourceFile
from migrate.workspace import cache_folder

if TYPE_CHECKING:
    import jinja2
    from jinja2.bccache import Bucket

# Those of the checkout that the kit runs from.
BUNDLED = Path(migrate.__file__).parents[1] / "templates"
_NOTICE = "NOTICE"
_COMMAND_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
_COMMAND_WIDTH = 90
_OWN = re.compile(rb"^This is a port of .* to Huawei Ascend 910, made by migrate ", re.MULTILINE)


def notice(
    templates: Path,
    upstream: Upstream,
    before: Mapping[str, SourceFile],
    after: Mapping[str, SourceFile],
    left_out: Sequence[str] = (),
    moved: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The port's NOTICE: upstream's own first, then where the files come from.

    That of a port which needs no change stays as it is.

    Args:
        templates: the folder of the templates.
        before: upstream's files.
        after: the port's files, NOTICE apart.
        left_out: upstream's files that the port does not have; a whole folder ends with a slash.
        moved: upstream's files that have another path in the port, and that path.

    Raises:
        MigrateError: the template is missing or wrong; with its name and line.
    """
    changed = sorted(
        path
        for path in before.keys() & after.keys() - moved.keys() - {_NOTICE}
        if after[path] != before[path]
    )
    added = sorted(
        ({p for p in after if p not in before} - set(moved.values()))
        | ({_NOTICE} - before.keys())
        | (moved.keys() & after.keys())
    )
    kept = before[_NOTICE].data if _NOTICE in before else b""
    if _OWN.search(kept) and not changed and added in ([], [_NOTICE]):
        return kept
    own = render(
        templates,
        "NOTICE.j2",
        {
            "upstream": upstream,
            "kit_version": migrate.__version__,
            "changed": changed,
            "added": added,
            "left_out": left_out,
            "moved": moved,
        },
    )
    if not kept.strip():
        return own
    newline = b"\r\n" if b"\r\n" in kept else b"\n"
    return kept.rstrip() + newline * 2 + own.replace(b"\n", newline)


def render(templates: Path, name: str, values: Mapping[str, object]) -> bytes:
    """One template, filled.

    Filters besides jinja2's own: ``sh`` quotes a word for a shell, ``dq`` a part of a text in
    double quotes there, ``py`` writes a Python literal,
    ``md`` shows a text in Markdown as it is, ``code`` as code; ``command`` breaks a long one into
    lines.

    Args:
        templates: the folder of the workspace's templates, which count before the kit's own.

    Raises:
        MigrateError: the template is missing, malformed, or asks for a value that there is not;
            with its name and line.
    """
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    class Loader(jinja2.FileSystemLoader):
        """Calls a template by its name alone, so that what is compiled serves any workspace."""

        def get_source(
            self, environment: jinja2.Environment, template: str
        ) -> tuple[str, str, Callable[[], bool]]:
            source, _, is_current = super().get_source(environment, template)
            return source, template, is_current

    environment = SandboxedEnvironment(
        loader=Loader([templates, BUNDLED]),
        bytecode_cache=_bytecode_cache(),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters.update(sh=_sh, dq=_dq, py=repr, md=escaped, code=code, command=_command)
    try:
        return environment.get_template(name).render(values).encode("utf-8")
    except jinja2.TemplateNotFound as error:
        where = str(templates / (error.name or name))
        advice = "Templates stand beside upstream.lock; copy them from the kit's checkout."
        raise MigrateError("there is no such template", where=where, advice=advice) from None
    except jinja2.TemplateSyntaxError as error:
        where = f"{_file(templates, error.name or name)}:{error.lineno}"
        raise MigrateError(error.message or "malformed template", where=where) from None
    except (
        jinja2.TemplateError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        where = _place(templates, error) or str(_file(templates, name))
        raise MigrateError(str(error), where=where) from None


def _bytecode_cache() -> jinja2.BytecodeCache | None:
    """Compiled templates in the user's cache: compiling them is a sixth of a small port's time.

    Without a cache that can be written, they are compiled each time.
    """
    import jinja2

    class Cache(jinja2.FileSystemBytecodeCache):
        def dump_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):  # full disk
                super().dump_bytecode(bucket)

    folder = cache_folder() / "templates"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return Cache(str(folder)) if os.access(folder, os.W_OK) else None


def template_files(templates: Path) -> dict[str, Path]:
    """Every template that counts, by its name in sorted order."""
    found = {
        path.relative_to(folder).as_posix(): path
        for folder in (BUNDLED, templates)
        for path in folder.rglob("*.j2")
    }
    return dict(sorted(found.items()))


def _file(templates: Path, name: str) -> Path:
    """Where a template lies."""
    own = templates / name
    return own if own.is_file() else BUNDLED / name


def _place(templates: Path, error: Exception) -> str:
    """The line of a template at which filling it failed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".j2")]
    return f"{_file(templates, frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def _command(value: object) -> str:
    """A command for bash, broken before a flag where a line gets too long to read."""
    lines = [""]
    for word in _COMMAND_WORD.findall(str(value)):
        if word.startswith("-") and len(lines[-1]) + len(word) > _COMMAND_WIDTH:
            lines[-1] += "\\"
            lines.append("    ")
        lines[-1] += f"{word} "
    return "\n".join(lines).rstrip()


def _sh(value: object) -> str:
    word = str(value)
    return word if shlex.quote(word) == word else f'"{_dq(word)}"'


def _dq(value: object) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", str(value))
