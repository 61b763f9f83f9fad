"""``migrate list``: the pinned upstreams and the state of their ports."""

from __future__ import annotations

import argparse
import json

import migrate
from migrate.commands.port import upstream_of
from migrate.errors import MigrateError
from migrate.manifest import Manifest
from migrate.porting import rules_digest
from migrate.publish import PortKind, edited_patches, inspect, patches_current
from migrate.recipe import read_recipe
from migrate.upstream.lock import read_lock
from migrate.upstream.pin import Pin
from migrate.workspace import Workspace


def run(arguments: argparse.Namespace, workspace: Workspace) -> int:
    pins = read_lock(workspace.lock)
    rows = [(pin, *_state(workspace, pin)) for pin in pins.values()]
    if arguments.json:
        print(
            json.dumps(
                [
                    {
                        "name": pin.name,
                        "url": pin.url,
                        "commit": pin.commit,
                        "path": pin.path,
                        "licence": pin.licence,
                        "state": state,
                        "why": why,
                    }
                    for pin, state, why in rows
                ],
                indent=2,
            )
        )
        return 0
    width = max((len(pin.name) for pin, _, _ in rows), default=0)
    for pin, state, why in rows:
        detail = f" ({why})" if why else ""
        print(f"{pin.name:{width}}  {pin.commit[:10]}  {pin.licence:10}  {state}{detail}")
    return 0


def _state(workspace: Workspace, pin: Pin) -> tuple[str, str]:
    """The port's state in words, and why it is so."""
    try:
        state = inspect(workspace.port(pin.name))
    except MigrateError as error:
        return "damaged", _told(error)
    if state.kind is PortKind.ABSENT:
        return "never ported", ""
    if state.kind is PortKind.FOREIGN or state.manifest is None:
        return "not ours", f"ported/{pin.name} has no manifest"
    edits = [*state.edited, *state.deleted]
    try:
        edits += [
            f"patches/{pin.name}/{name}" for name in edited_patches(workspace.patches(pin.name))
        ]
    except OSError as error:
        why = f"{error.filename}: {error.strerror}. See that it is a file that you may read"
        return "damaged", why
    if edits:
        return "hand-edited", ", ".join(edits)
    manifest = state.manifest
    old = []
    known = pin if pin.tree else pin._replace(tree=manifest.upstream.tree or "")
    if manifest.upstream != upstream_of(known):
        old.append("the pin moved" if manifest.upstream.commit != pin.commit else "the pin changed")
    if manifest.kit_version != migrate.__version__ or manifest.rules_digest != rules_digest(
        workspace.templates
    ):
        old.append("the rules changed")
    try:
        if manifest.recipe_digest != read_recipe(workspace.patches(pin.name)).digest:
            old.append("the recipe changed")
    except MigrateError as error:
        old.append(_told(error))
    if not patches_current(workspace.patches(pin.name), manifest):
        old.append("its patches are missing")
    return (
        ("out of date", ", ".join(old))
        if old
        else ("current", f"CANN {manifest.cann}{_errors(manifest)}")
    )


def _told(error: MigrateError) -> str:
    text = f"{error.where}: {error.message}" if error.where else error.message
    return f"{text}. {error.advice.rstrip('.')}" if error.advice else text


def _errors(manifest: Manifest) -> str:
    count = sum(finding.get("severity") == "error" for finding in manifest.findings)
    return f", with {count} errors" if count else ""
