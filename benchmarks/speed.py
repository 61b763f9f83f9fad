"""How fast the kit is, in CPU seconds: whole processes, several runs, the median.

    .venv/bin/python benchmarks/speed.py                      # start-up and the bundled example
    .venv/bin/python benchmarks/speed.py --mirror FOLDER      # and the pinned upstreams
    .venv/bin/python benchmarks/speed.py --corpus FOLDER      # and the engine on any tree

CPU seconds are user plus system time of the process and its children, as the system accounts
them; a machine that does other work at the same time still makes them longer. Each figure stands
beside its bar; the exit code is 1 when one misses it.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Bars in CPU seconds, but for files per CPU second and for memory in MB.
HELP, BIGGAN, REALMIX, VGG19 = 0.15, 1.0, 1.5, 3.0
VERIFY_STATIC = 1.0
FILES_PER_SECOND, MEMORY = 300.0, 300.0


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Args:
        value: the median of the runs.
        spread: the least and the most of them.
        bar: what it must not be above (or below, where more is better); None without one.
    """

    name: str
    value: float
    unit: str
    spread: tuple[float, float]
    bar: float | None = None
    more_is_better: bool = False

    @property
    def holds(self) -> bool:
        if self.bar is None:
            return True
        return self.value >= self.bar if self.more_is_better else self.value <= self.bar


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mirror", default=os.environ.get("MIGRATE_MIRROR"), metavar="BASE")
    parser.add_argument("--corpus", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    compileall.compile_dir(ROOT / "migrate", quiet=1)  # as setting up does
    figures = []
    for figure in _figures(arguments):
        figures.append(figure)
        bar = "" if figure.bar is None else f"  bar {figure.bar:g}"
        low, high = figure.spread
        verdict = "" if figure.holds else "  MISSED"
        print(
            f"{figure.name:36} {figure.value:8.2f} {figure.unit:12} "
            f"({low:.2f} to {high:.2f}){bar}{verdict}",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(f) for f in figures], indent=2) + "\n")
    return int(not all(figure.holds for figure in figures))


def _figures(arguments: argparse.Namespace) -> Iterator[Figure]:
    runs = arguments.runs
    yield _process("migrate --help", ["--help"], runs, HELP)
    yield _process("migrate demo", ["demo"], runs)
    if arguments.mirror:
        for name, bar in (
            ("biggan", BIGGAN),
            ("ssgan", None),
            ("realmix", REALMIX),
            ("vgg19", VGG19),
        ):
            command = ["port", name, "--mirror", arguments.mirror]
            yield _process(f"migrate port {name}", command, runs, bar)
            yield _verify(name, arguments.mirror, runs)
    for corpus in arguments.corpus:
        yield from _engine(corpus, runs)


def _process(name: str, arguments: list[str], runs: int, bar: float | None = None) -> Figure:
    """A whole command in a fresh copy of the workspace, so that it has everything to write."""
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            workspace = _workspace(Path(folder))
            command = [sys.executable, "-m", "migrate", "--workspace", str(workspace), *arguments]
            before = _children()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            seconds.append(_children() - before)
    return Figure(name, statistics.median(seconds), "CPU s", (min(seconds), max(seconds)), bar)


def _verify(name: str, mirror: str, runs: int) -> Figure:
    """The static checks of a port, as a whole process."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = _workspace(Path(folder))
        command = [sys.executable, "-m", "migrate", "--workspace", str(workspace)]
        port = [*command, "port", name, "--mirror", mirror]
        subprocess.run(port, cwd=ROOT, check=True, capture_output=True)
        verify = [*command, "verify", str(workspace / "ported" / name), "--static"]
        for _ in range(runs):
            before = _children()
            subprocess.run(verify, cwd=ROOT, check=True, capture_output=True)
            seconds.append(_children() - before)
    spread = (min(seconds), max(seconds))
    label = f"migrate verify {name} --static"
    return Figure(label, statistics.median(seconds), "CPU s", spread, VERIFY_STATIC)


def _workspace(root: Path) -> Path:
    shutil.copy(ROOT / "upstream.lock", root)
    for name in ("examples", "templates"):
        shutil.copytree(ROOT / name, root / name)
    ignored = shutil.ignore_patterns("*.patch", "series", "manifest.json")
    shutil.copytree(ROOT / "patches", root / "patches", ignore=ignored)
    return root


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


_ENGINE = """
import json, resource, sys, time
from pathlib import Path
from migrate.analysis.project import Project
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import kit_rules
from migrate.upstream.tree import SourceFile

root = Path(sys.argv[1])
files = {}
for path in sorted(root.rglob("*.py")):
    name = path.relative_to(root).as_posix()
    files[name] = SourceFile(name, path.read_bytes())
rules = kit_rules()
start = time.process_time()
results = rewrite(Project(files), rules, {})
seconds = time.process_time() - start
print(json.dumps({
    "files": len(files),
    "seconds": seconds,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "changed": len({path for result in results for path in result.changed}),
}))
"""


def _engine(corpus: Path, runs: int) -> Iterator[Figure]:
    """All rules over one tree: throughput, memory, and whether twice the files cost twice."""
    results = [_run_engine(corpus) for _ in range(runs)]
    files = results[0]["files"]
    rates = [files / result["seconds"] for result in results]
    memory = [result["memory"] for result in results]
    label = f"engine, {files:.0f} files"
    yield Figure(
        f"{label}, {results[0]['changed']:.0f} changed",
        statistics.median(rates),
        "files/CPU s",
        (min(rates), max(rates)),
        FILES_PER_SECOND,
        more_is_better=True,
    )
    yield Figure(label, statistics.median(memory), "MB", (min(memory), max(memory)), MEMORY)
    with tempfile.TemporaryDirectory() as folder:
        for half in ("first", "second"):
            shutil.copytree(corpus, Path(folder) / half)
        doubled = [_run_engine(Path(folder)) for _ in range(runs)]
    ratios = [
        twice["seconds"] / once["seconds"] / 2 for twice, once in zip(doubled, results, strict=True)
    ]
    yield Figure(
        f"{label}: twice the files, cost a file",
        statistics.median(ratios),
        "times",
        (min(ratios), max(ratios)),
        1.25,
    )


def _run_engine(corpus: Path) -> Mapping[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _ENGINE, str(corpus)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    result: Mapping[str, float] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    raise SystemExit(main())
