"""``migrate demo``: ports the bundled example, with no network."""

from __future__ import annotations

import argparse
from pathlib import Path

import migrate
from migrate.commands.port import finish
from migrate.console import progress, this_command
from migrate.errors import MigrateError
from migrate.manifest import Upstream
from migrate.porting import make_port
from migrate.recipe import read_recipe
from migrate.upstream.tree import SourceTree, read_folder
from migrate.workspace import DEFAULT_CANN, EXAMPLE, Workspace


def run(arguments: argparse.Namespace, workspace: Workspace) -> int:
    with progress(f"port {EXAMPLE}") as say:
        port = make_port(
            Upstream(EXAMPLE, "", None, None, "", "MIT"),
            example_tree(workspace),
            read_recipe(workspace.patches(EXAMPLE)),
            cann=DEFAULT_CANN,
            templates=workspace.templates,
            say=say,
        )
    options = argparse.Namespace(
        diff=False, check=False, force=arguments.force, json=arguments.json
    )
    code = finish(options, workspace, port, None)
    if not arguments.json:
        hints = {
            f"{this_command()} diff {EXAMPLE}": "the changes, one patch per concern",
            f"ported/{EXAMPLE}/": "the project, ready for Ascend",
            f"{this_command()} explain NPU101": "why a rule did what it did",
            f"{this_command()} port biggan": "a real upstream (needs the network, or --mirror)",
        }
        width = max(map(len, hints))
        print("\nWhere to look next:")
        for place, what in hints.items():
            print(f"  {place:{width}}  {what}")
    return code


def example_tree(workspace: Workspace) -> SourceTree:
    """The bundled example's files.

    Raises:
        MigrateError: it is not in this checkout.
    """
    root = workspace.examples / EXAMPLE
    files = read_folder(root)
    if not files:
        kit = Path(migrate.__file__).parents[1]
        raise MigrateError(
            "the bundled example is missing",
            where=str(root),
            advice=f"It stands in the kit's own folder: run this there, or with --workspace {kit}"
            " before the command. Else the workspace is the nearest folder with an upstream.lock"
            " at or above the current one, or the one in MIGRATE_WORKSPACE.",
        )
    return SourceTree(files)
