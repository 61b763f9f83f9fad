"""Writing ``ported/<name>/`` and ``patches/<name>/``: whole or not at all, hand edits kept."""

from migrate.publish.lock import PortLock
from migrate.publish.patches import edited_patches, patches_current
from migrate.publish.port import Published, is_settled, plan, publish
from migrate.publish.state import PortKind, PortState, inspect

__all__ = [
    "PortKind",
    "PortLock",
    "PortState",
    "Published",
    "edited_patches",
    "inspect",
    "is_settled",
    "patches_current",
    "plan",
    "publish",
]
