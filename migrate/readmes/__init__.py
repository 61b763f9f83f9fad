"""The READMEs of a port, in Chinese and English, from the same facts."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.upstream.tree import SourceFile

READMES = {"README.md": "zh", "README_EN.md": "en"}
_MARK = b"<!-- Made by migrate for CANN "  # at the end of each


def patch_folder(name: str) -> str:
    """Where the READMEs of a port say its patches are, as seen from the port in its workspace.

    Args:
        name: that of the upstream.
    """
    return f"../../patches/{name}/"


def is_readme(files: Mapping[str, SourceFile], path: str) -> bool:
    """Whether a port's file is a README that was made here."""
    return path in files and _MARK in files[path].data
