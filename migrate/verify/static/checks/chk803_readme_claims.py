"""The README claims what the code does not do.

What it finds: a feature table (特性列表, or in English) that answers "yes" to distributed training
or data parallelism where no code reduces gradients, or to mixed precision where no code sets a
precision mode.

Why: the table is what a reader chooses a model by, and what a reviewer signs.

Example:
    | 特性列表   | 是否支持 |
    | 分布式训练 | 是       |

Not handled: claims in prose.

Authority: Ascend ModelZoo's README template (支持特性).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.distribution import reducing_calls, uses_tensorflow
from migrate.verify.static.precision import precisions

CHK803 = Check("CHK803", "readme-claims")
_YES = r"\s*\**\s*\|\s*\**\s*(?:是|支持|yes\b|supported\b|√|✓|✔)"
_START = r"(?im)^[ \t]*\|?[ \t]*\**\s*"
_DISTRIBUTED = re.compile(
    _START + r"(?:分布式训练|数据并行|并行数据|distributed(?: training)?|data parallel\w*)" + _YES
)
_MIXED = re.compile(_START + r"(?:混合精度(?:训练)?|(?:automatic )?mixed[- ]precision\w*)" + _YES)


@CHK803.on_port
def find_claims(context: Context) -> Iterator[Finding]:
    if not uses_tensorflow(context):
        return
    for path, text in context.texts(".md"):
        if not path.rpartition("/")[2].lower().startswith("readme"):
            continue
        if (line := _line(_DISTRIBUTED, text)) and next(reducing_calls(context), None) is None:
            message = "claims distributed training, but no code reduces gradients"
            advice = "Say no, or wrap the optimizer in NPUDistributedOptimizer."
            yield context.finding(path, line, "warning", message, advice)
        if (line := _line(_MIXED, text)) and next(precisions(context), None) is None:
            message = "claims mixed precision, but no code sets a precision mode"
            advice = "Say no, or set precision_mode to allow_mix_precision."
            yield context.finding(path, line, "warning", message, advice)


def _line(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return text.count("\n", 0, found.end()) + 1 if found else 0
