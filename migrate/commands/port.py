"""``migrate port``: writes a port and its patch series, or shows what it would write."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from migrate.console import hint, progress, styled
from migrate.errors import MigrateError, UsageError
from migrate.failures import guarded
from migrate.manifest import Upstream, read_manifest
from migrate.porting import Port, make_port
from migrate.publish import PortLock, Published, is_settled, plan, publish
from migrate.recipe import read_recipe
from migrate.report import port_json, port_lines, symbol_lines
from migrate.runtime import cann_release
from migrate.series import unified_diff
from migrate.upstream.load import load
from migrate.upstream.lock import check_writable, read_lock, told_by_pin, update_pin
from migrate.upstream.pin import Pin
from migrate.upstream.places import check_mirror
from migrate.workspace import DEFAULT_CANN, Workspace, cache_folder


def run(arguments: argparse.Namespace, workspace: Workspace) -> int:
    pins = read_lock(workspace.lock)
    if arguments.cann:
        cann_release(arguments.cann)
    if arguments.all:
        if arguments.name or arguments.commit:
            raise UsageError("--all ports every pin; leave out the name and --commit")
        check_mirror(arguments.mirror)
        return _run_all(arguments, list(pins))
    if not arguments.name:
        raise UsageError(
            "say which upstream to port, or --all", advice=f"Known: {_names(pins)}" if pins else ""
        )
    if arguments.name not in pins:
        known = f"Known: {_names(pins)}. " if pins else ""
        raise UsageError(
            f"no upstream is called {arguments.name!r}",
            where=str(workspace.lock),
            advice=f"{known}To port another repository, add it to this file.",
        )
    pin = pins[arguments.name]
    with progress(f"port {pin.name}") as say:
        say("reading upstream")
        recipe = read_recipe(workspace.patches(pin.name))
        with told_by_pin(workspace.lock, pin.name):
            loaded = load(
                pin,
                cache=cache_folder(),
                mirror=arguments.mirror,
                commit=arguments.commit,
                leave_out=recipe.leave_out,
            )
        pin = loaded.pin
        port = make_port(
            upstream_of(pin),
            loaded.source,
            recipe,
            cann=arguments.cann or _former_cann(workspace, pin.name),
            templates=workspace.templates,
            say=say,
        )
    for note in loaded.notes:
        print(note, file=sys.stderr)
    return finish(arguments, workspace, port, pin)


def _former_cann(workspace: Workspace, name: str) -> str:
    """The release that the port was made for; for a first port, the default."""
    manifest = read_manifest(workspace.port(name))
    return manifest.cann if manifest else DEFAULT_CANN


def upstream_of(pin: Pin) -> Upstream:
    return Upstream(pin.name, pin.url, pin.commit, pin.tree or None, pin.path, pin.licence)


def finish(arguments: argparse.Namespace, workspace: Workspace, port: Port, pin: Pin | None) -> int:
    """Writes, checks or shows a port, and says what was done.

    Args:
        pin: what the lock is to say when the port succeeded; None for the bundled example.
    """
    name = port.upstream.name
    if arguments.diff:
        return _diff(arguments, port)
    to_lock = pin is not None and not port.failed and read_lock(workspace.lock).get(name) != pin
    if arguments.check:
        return _check(arguments, workspace, port, to_lock)
    if to_lock:
        check_writable(workspace.lock)
    published = _published(arguments, workspace, port)
    if pin is not None and to_lock:
        with _one_at_a_time(workspace):
            update_pin(workspace.lock, pin)
    written = published.port or published.patches
    if arguments.json:
        print(json.dumps(port_json(port, written=written, lock_updated=to_lock), indent=2))
        return int(port.failed)
    for line in [*port_lines(port), *symbol_lines(port.symbols)]:
        print(line)
    for kept in published.kept:
        print(f"  kept      {kept}")
    print(f"  {_outcome(port, written, to_lock)}")
    return int(port.failed)


def _published(arguments: argparse.Namespace, workspace: Workspace, port: Port) -> Published:
    name = port.upstream.name
    made = (port.after, port.manifest, port.series, workspace.patches(name))
    # A port that is current needs no lock, which would touch the folder or could not be had.
    looks = is_settled(workspace.ported, name, workspace.patches(name))
    looks = looks or not os.access(workspace.ported, os.W_OK)
    if looks and not any(plan(workspace.port(name), *made, force=arguments.force)):
        return Published(False, False, ())
    with PortLock(workspace.ported, name) as lock:
        return publish(lock, *made, force=arguments.force)


@contextmanager
def _one_at_a_time(workspace: Workspace) -> Iterator[None]:
    """Two ports that pin at once must not undo each other; the system frees a dead one's lock."""
    folder = os.open(workspace.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _outcome(port: Port, written: bool, locked: bool) -> str:
    name = port.upstream.name
    if not written:
        return styled(f"ported/{name} is up to date; nothing was written", "good")
    text = f"wrote ported/{name} and patches/{name}"
    if locked:
        text += f"; upstream.lock now pins {(port.upstream.commit or '')[:10]}"
    if port.failed:
        return styled(f"{text}, but there are errors: see above", "error")
    return styled(hint(f"{text}; read it with `migrate diff {name}`"), "good")


def _diff(arguments: argparse.Namespace, port: Port) -> int:
    diff = unified_diff(port.before, port.after)
    if arguments.json:
        # What is not UTF-8 becomes lone surrogates, so that no byte is lost.
        print(json.dumps(port_json(port, diff=diff.decode("utf-8", "surrogateescape")), indent=2))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(diff)
        _say_findings(port)
    return int(port.failed)


def _check(arguments: argparse.Namespace, workspace: Workspace, port: Port, to_lock: bool) -> int:
    """Says what `port` would do.

    Args:
        to_lock: whether it would write the lock.
    """
    name = port.upstream.name
    would_write, refused = False, ""
    try:
        would_write = any(
            plan(
                workspace.port(name),
                port.after,
                port.manifest,
                port.series,
                workspace.patches(name),
                force=arguments.force,
            )
        )
    except MigrateError as error:
        refused = str(error)
    current = not (would_write or refused or to_lock)
    if arguments.json:
        report = port_json(port, current=current, refused=refused or None)
        print(json.dumps(report, indent=2))
    else:
        print(f"{name}: {_verdict(current, refused)}")
        _say_findings(port)
    return int(port.failed or not current)


def _verdict(current: bool, refused: str) -> str:
    if refused:
        return f"a port would be refused: {hint(refused)}"
    return "up to date" if current else "a port would change something"


def _say_findings(port: Port) -> None:
    """Errors and warnings, on standard error: standard output is for the diff."""
    from migrate.report import finding_lines

    for line in finding_lines(f for f in port.findings if f.severity != "note"):
        print(line, file=sys.stderr)


def _names(pins: dict[str, Pin]) -> str:
    return ", ".join(pins)


def _run_all(arguments: argparse.Namespace, names: list[str]) -> int:
    """Every pin in a process of its own: a bad upstream stops no other."""
    results: list[tuple[str, int, bytes]] = []
    for name, code, output in _ported(arguments, names):
        results.append((name, code, output))
        if not arguments.json:
            sys.stdout.flush()
            sys.stdout.buffer.write(output)
    if arguments.json:
        print(json.dumps({name: _json_of(output) for name, _, output in results}, indent=2))
    else:
        failed = [name for name, code, _ in results if code]
        good = f"{len(results) - len(failed)} of {len(results)} ports"
        said = good if not failed else f"{good}; not: {', '.join(failed)}"
        print(said, file=sys.stderr if arguments.diff else sys.stdout)  # the latter is the diff's
    codes = {code for _, code, _ in results}
    return max(codes) if max(codes, default=0) > 2 else int(any(codes))


def _ported(arguments: argparse.Namespace, names: list[str]) -> Iterator[tuple[str, int, bytes]]:
    """Each name with its exit code and report, in order.

    A process that is killed takes its pool down; what that had not ended is done again, one by one.
    """
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    futures: dict[str, Future[tuple[int, bytes]]] = {}
    with ProcessPoolExecutor(max_workers=max(1, min(len(names), os.cpu_count() or 1))) as pool:
        with suppress(BrokenProcessPool):
            for name in names:
                futures[name] = pool.submit(_port_one, arguments, name)
        for name in names:
            try:
                if name in futures:
                    yield name, *futures[name].result()
                    continue
            except BrokenProcessPool:
                pool.shutdown()  # until then, a dying process may hold a port's lock
            with ProcessPoolExecutor(max_workers=1) as own:
                try:
                    yield name, *own.submit(_port_one, arguments, name).result()
                except BrokenProcessPool:
                    yield name, *_captured(partial(_killed, name), as_json=arguments.json)


def _killed(name: str) -> int:
    raise MigrateError(
        f"{name}: its process was killed, also when nothing else ran",
        advice=f"Is memory short? Else see what patches/{name} runs: a rule there may end Python.",
    )


def _port_one(arguments: argparse.Namespace, name: str) -> tuple[int, bytes]:
    one = argparse.Namespace(**{**vars(arguments), "name": name, "all": False})
    return _captured(lambda: run(one, Workspace(one.root)), as_json=one.json)


def _captured(command: Callable[[], int], *, as_json: bool) -> tuple[int, bytes]:
    """A command's exit code and what it prints."""
    import io
    from contextlib import redirect_stdout

    data = io.BytesIO()
    output = io.TextIOWrapper(data, encoding="utf-8", write_through=True)
    with redirect_stdout(output):
        code = guarded(command, as_json=as_json)
    return code, data.getvalue()


def _json_of(output: bytes) -> Any:
    try:
        return json.loads(output)
    except ValueError:  # a rule of the recipe's has printed something
        return {"error": {"message": "no report that can be read"}}
