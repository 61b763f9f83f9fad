"""Horovod is left.

What it finds: files that call parts of Horovod.

Why: Horovod reduces over CUDA or MPI devices and is not part of the Ascend platform, where the
import fails. HCCL reduces between NPUs.

Example:
    import horovod.tensorflow as hvd
    optimizer = hvd.DistributedOptimizer(optimizer)

becomes:
    optimizer = NPUDistributedOptimizer(optimizer)

Not handled: an import inside of `try`, which a project uses to do without.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", Horovod script migration.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.imported import imported_packages
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK705 = Check("CHK705", "horovod")


@CHK705.on_port
def find_horovod(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"horovod"):
        for node in module.nodes:
            if "horovod" not in imported_packages(node):
                continue
            if not any(isinstance(parent, ast.Try) for parent in module.ancestors(node)):
                message = "imports Horovod, which does not reduce between NPUs"
                advice = "Use NPUDistributedOptimizer and get_rank_id, get_rank_size of HCCL."
                yield context.finding(module, node, "error", message, advice)
                break
