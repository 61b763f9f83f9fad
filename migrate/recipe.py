"""``patches/<name>/recipe.toml``: what is particular to one upstream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from migrate.codemods.registry import kit_rules, recipe_rules
from migrate.codemods.rule import Rule
from migrate.errors import RecipeError, UsageError
from migrate.harness import Harness, read_harness
from migrate.readmes.table import Readme, read_readme
from migrate.runtime import precision_modes
from migrate.tables import Reader, read_toml
from migrate.upstream.leave_out import matcher
from migrate.upstream.tree import SourceTree
from migrate.verify.smoke import Smoke, read_smoke

RECIPE_NAME = "recipe.toml"
# What [settings] fixes: the type of each, and what that is called.
_SETTINGS = {"mix_compile_mode": (bool, "true or false"), "precision_mode": (str, "a text")}
_KEYS = ("entries", "harness", "leave_out", "readme", "rules", "settings", "smoke")


class Recipe(NamedTuple):
    """One upstream's particulars; without a file, none.

    Args:
        entries: the scripts that a person starts, relative to the project's root.
        leave_out: patterns, as in .gitignore, of files that the port does not take.
        options: what is said to single rules, by code.
        rules: the kit's rules and those that stand beside the recipe.
        harness: how ModelZoo's scripts start the training.
        readme: what the READMEs say that no code tells.
        settings: what is fixed in the port's runtime: ``precision_mode``, ``mix_compile_mode``.
        smoke: how verify tries the port.
        digest: of what a port depends on, the recipe without smoke and its rules; None without
            either.
        where: the file, for errors.
    """

    entries: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    rules: tuple[Rule, ...] = ()
    harness: Harness = Harness()
    readme: Readme = Readme()
    settings: Mapping[str, str | bool] = MappingProxyType({})
    smoke: Smoke = Smoke()
    digest: str | None = None
    where: str = RECIPE_NAME

    def check(self, source: SourceTree) -> None:
        """What the recipe says about files must be true of the project.

        Raises:
            RecipeError: an entry is not there, or a pattern of leave_out leaves nothing out.
        """
        for entry in self.entries:
            if entry not in source.files:
                raise RecipeError("entries", f"the project has no file {entry!r}")
            if target := source.files[entry].target:
                raise RecipeError("entries", f"{entry!r} is a link: name {target!r}")
        for pattern in self.leave_out:
            if not any(map(matcher([pattern]), source.left_out)):
                raise RecipeError(
                    "leave_out",
                    f"{pattern!r} leaves nothing out",
                    advice="Take it out, or write it as in .gitignore, such as figure/**.",
                )

    def precision_mode(self, cann: str) -> str:
        """The precision mode that the port has unless NPU_PRECISION_MODE says otherwise.

        Args:
            cann: the CANN release to port for; one that is known.

        Raises:
            RecipeError: the release does not have that mode.
        """
        mode = str(self.settings.get("precision_mode", "none"))
        legal = precision_modes(cann)
        if mode not in legal:
            raise RecipeError(
                "settings.precision_mode",
                f"CANN {cann} has no precision mode {mode!r}",
                advice=f"Use one of {', '.join(legal)}.",
            )
        return mode

    @property
    def mix_compile_mode(self) -> bool:
        """Whether all sessions keep on the host what the device cannot run."""
        return bool(self.settings.get("mix_compile_mode"))


def read_recipe(folder: Path) -> Recipe:
    """The recipe in ``patches/<name>/``.

    Raises:
        UsageError: it cannot be read, is not TOML, or says something that is not known; with file
            and key.
        MigrateError: one of its rules does not load.
    """
    try:
        return _read(folder)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}",
            where=str(error.filename or folder),
            advice="It says how the port is made: see that it is a file that you may read.",
        ) from None


def _read(folder: Path) -> Recipe:
    own = recipe_rules(folder / "rules")
    rules = (*kit_rules(), *own)
    path = folder / RECIPE_NAME
    data = path.read_bytes() if path.exists() else None
    if data is None:
        return Recipe(rules=rules, digest=_digest(folder, None), where=str(path))
    table = _parse(path, data)
    smoke = table.pop("smoke", {})
    reader = Reader(str(path))
    reader.known(table, "", _KEYS)
    return Recipe(
        reader.texts(table.get("entries", []), "entries"),
        reader.texts(table.get("leave_out", []), "leave_out"),
        _options(reader, table.get("rules", {}), {rule.code: rule for rule in rules}),
        rules,
        read_harness(table.get("harness", {}), str(path)),
        read_readme(table.get("readme", {}), folder, str(path)),
        _settings(reader, table.get("settings", {})),
        read_smoke(smoke, str(path)),
        _digest(folder, table),
        str(path),
    )


def _digest(folder: Path, table: Mapping[str, Any] | None) -> str | None:
    rules = sorted((folder / "rules").glob("*.py"))
    if table is None and not rules:
        return None
    digest = hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode())
    for part in (*rules, *sorted((folder / "runs").glob("*.json"))):
        digest.update(part.name.encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"not TOML: {error}", where=str(path)) from None
    return read_toml(text, str(path))


def _settings(reader: Reader, table: Any) -> dict[str, str | bool]:
    reader.table(table, "settings", 'a table, such as [settings] precision_mode = "none"')
    for key, value in table.items():
        if key not in _SETTINGS:
            raise reader.wrong(f"settings.{key}", " or ".join(_SETTINGS))
        kind, named = _SETTINGS[key]
        if not isinstance(value, kind):
            raise reader.wrong(f"settings.{key}", f"{named}; found {value!r}")
    return dict(table)


def _options(reader: Reader, table: Any, rules: Mapping[str, Rule]) -> dict[str, Mapping[str, Any]]:
    for code, options in reader.table(table, "rules", "tables, such as [rules.NPU101]").items():
        if code not in rules:
            raise reader.wrong(f"rules.{code}", "a rule's code; `migrate explain` lists them")
        reader.table(options, f"rules.{code}", "a table of options")
        known = rules[code].options or ("none: this rule has no options",)
        reader.known(options, f"rules.{code}", known)
        for key, value in options.items():
            option = rules[code].options[key]
            if not option.fits(value):
                raise reader.wrong(f"rules.{code}.{key}", f"{option.expected}; found {value!r}")
    return dict(table)
