"""SPDX licence identifiers that a pin may carry.

The list is short on purpose: a port copies the licence into a notice that people rely on, so a
spelling mistake must not pass. Anything rarer is written as SPDX itself asks for it,
``LicenseRef-<name>``.
"""

from __future__ import annotations

import re

KNOWN = (
    "0BSD",
    "AFL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSD-4-Clause",
    "BSL-1.0",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "ECL-2.0",
    "EPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ISC",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "WTFPL",
    "Zlib",
)

_LICENCE_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def is_licence(text: str) -> bool:
    """Whether ``text`` is an identifier that a pin may carry."""
    return text in KNOWN or _LICENCE_REF.fullmatch(text) is not None


def suggest(text: str) -> str:
    """The known identifiers that ``text`` may have meant, for an error message, or empty."""
    # Imported here: it takes longer than reading a lock that has no mistake.
    from difflib import get_close_matches

    folded = {known.casefold(): known for known in KNOWN}
    # SPDX split GPL-3.0 and its like into -only and -or-later: name both.
    meant = [key for key in folded if key.startswith(f"{text.casefold()}-")]
    meant = meant or get_close_matches(text.casefold(), folded, n=2)
    return " or ".join(folded[key] for key in meant)
