"""What a port's boot file passes to a script: flags that name a folder of data or of outputs.

The rules move what a script reads and writes below NPU_DATA_DIR and NPU_OUTPUT_DIR where they can.
A flag of absl whose default is an absolute place, or nothing, they cannot: the boot file knows
these flags, moves a relative value, and passes a folder where nobody gives the flag and the script
needs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migrate.analysis.flags import Flag, flags_of
from migrate.analysis.imported import imported_by
from migrate.analysis.path_ways import Origin
from migrate.analysis.paths import paths_of
from migrate.analysis.project import Project
from migrate.codemods.relocating import Places, Target, is_relative, names_data, names_place
from migrate.findings import Finding

BOOT_FLAGS = "NPU918"
_FOLDER = re.compile(r"(dir|dirs|directory|folder|path|root)$")
_FILE = re.compile(r"(?:^|_)(?:files?|filenames?)(?:_?paths?)?$")
# What the boot file takes itself; a script that knows them gets the folders instead.
_OF_MODELARTS: dict[str, Target] = {"data_url": "data", "train_url": "output"}


class BootFlag(NamedTuple):
    """A flag whose value is a place that only the boot file can move.

    Args:
        name: without dashes.
        target: whether its place is below the data's folder or below the outputs'.
        given: what is passed where nobody gives the flag, relative to that folder; "" is the
            folder itself, None that nothing is passed.
    """

    name: str
    target: Target
    given: str | None

    @property
    def as_text(self) -> str:
        """As a report says it."""
        folder = f"<{self.target}>/{self.given}".rstrip("/")
        return f"--{self.name}={folder}"


def boot_flags(project: Project, script: str, chosen: Mapping[str, str]) -> list[BootFlag]:
    """The flags of a script that the boot file has to know, by name.

    Args:
        project: the port's files, rewritten.
        script: one of them.
        chosen: what the recipe says of single places, as it says it to NPU501.
    """
    places = project.cached(Places)
    program = set(imported_by(project, script))
    origins = {
        origin.text: origin
        for origin in project.cached(paths_of).origins
        if origin.kind == "flag" and origin.path in program
    }
    found: list[tuple[Flag, Target]] = []
    for flag in flags_of(project, script):
        if flag.kind != "str" or flag.choices or flag.positional:
            continue  # a flag that a rule converts is none of "str"
        target = _target(places, flag, origins.get(flag.name), chosen.get(flag.name))
        if target is not None:
            found.append((flag, target))
    passed = [pair for pair in found if _is_needed(places, *pair, origins.get(pair[0].name))]
    several = len({str(flag.value) for flag, target in passed if target == "output"}) > 1
    flags = []
    for flag, target in found:
        given = None
        if (flag, target) in passed:
            given = _given(flag, target, _is_file(flag, origins.get(flag.name)), several)
        flags.append(BootFlag(flag.name, target, given))
    return sorted(flags, key=lambda flag: flag.name)


def boot_note(script: str, flags: Iterable[BootFlag]) -> Finding | None:
    """What a report says of a script that the boot file passes folders to."""
    passed = ", ".join(flag.as_text for flag in flags if flag.given is not None)
    if not passed:
        return None
    message = f"unless they are given, npu_boot.py passes {passed}"
    advice = "Where a flag is none of these: [rules.NPU501.places] in the recipe."
    return Finding(script, 0, BOOT_FLAGS, "note", message, advice)


def _target(places: Places, flag: Flag, origin: Origin | None, chosen: str | None) -> Target | None:
    if chosen in ("data", "output"):
        return "data" if chosen == "data" else "output"
    if chosen == "keep":
        return None
    if flag.name in _OF_MODELARTS:
        return _OF_MODELARTS[flag.name]
    if not names_place(flag.name) and (
        origin is None or origin.is_stem or places.is_compared(origin)
    ):
        return None
    if origin is not None:
        return places.target_of(origin)
    # Handed to a library whose functions nobody listed: the name alone has to say it.
    return "data" if names_data(flag.name) and _FOLDER.search(flag.name) else None


def _is_needed(places: Places, flag: Flag, target: Target, origin: Origin | None) -> bool:
    """Whether a script that gets no value would look, or write, somewhere else."""
    if flag.name in _OF_MODELARTS:
        return True
    if isinstance(flag.value, str) and flag.value:
        return not is_relative(flag.value)  # an absolute place of upstream's author
    if flag.default:
        return False  # wrapped by a rule, or made up by the script
    if not _FOLDER.search(flag.name) or _is_file(flag, origin):
        return False
    if flag.required or target == "data":
        return True
    return origin is not None and places.is_written(origin)


def _given(flag: Flag, target: Target, is_file: bool, several: bool) -> str:
    """Outputs that upstream keeps apart stay apart, and files keep their names."""
    last = str(flag.value or "").rstrip("/").rpartition("/")[2]
    if is_file:
        return last
    if target == "data" or not several or flag.name in _OF_MODELARTS:
        return ""
    return last or flag.name


def _is_file(flag: Flag, origin: Origin | None) -> bool:
    """Whether what the flag names is a file, and no folder."""
    if flag.name in _OF_MODELARTS:
        return False
    return _FILE.search(flag.name) is not None or (origin is not None and origin.is_file)
