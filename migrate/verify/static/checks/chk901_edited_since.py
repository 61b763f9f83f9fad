"""A file is not as the port was written.

What it finds: by the digests in the port's manifest, files that were edited, added or removed since
the port was made. A file of the carried runtime that is missing is an error, any other that is
missing a warning; edits and additions are notes.

Why: edits by hand are welcome and survive the next port, but what the manifest says of sessions,
symbols and parity was said of the files as they were.

Example: `trainer.py` was edited after `migrate port`.

Not handled: ports that were not made by this kit have no manifest.

Authority: the port's manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from migrate.findings import Finding, Severity
from migrate.manifest import MANIFEST_NAME
from migrate.runtime import runtime_paths
from migrate.upstream.tree import EXECUTABLE, LINK
from migrate.verify.static.check import CannotCheck, Check, Context

CHK901 = Check("CHK901", "edited-since")


@CHK901.on_port
def find_edits(context: Context) -> Iterator[Finding]:
    if context.manifest is None:
        raise CannotCheck("a port without a manifest: there is nothing to compare with")
    records = {record.path: record for record in context.manifest.files}
    for path, record in records.items():
        file = context.files.get(path)
        if file is None:
            severity: Severity = "error" if path in runtime_paths() else "warning"
            advice = "Port again to have it back."
            yield context.finding(path, 0, severity, "missing since the port was made", advice)
        elif hashlib.sha256(file.data).hexdigest() != record.after or (file.mode == LINK) != (
            record.mode == LINK
        ):
            yield context.finding(path, 0, "note", "edited since the port was made")
        elif (file.mode == EXECUTABLE) != (record.mode == EXECUTABLE):
            yield context.finding(path, 0, "note", "its executable bit was changed since")
    for path in sorted(context.files.keys() - records.keys() - {MANIFEST_NAME}):
        yield context.finding(path, 0, "note", "added since the port was made")
