"""CANN releases, and the releases of the TensorFlow 1.15 adapter that belong to them."""

from typing import NamedTuple


class CannRelease(NamedTuple):
    """A CANN release and the release of the TensorFlow 1.15 adapter that belongs to it."""

    name: str
    adapter: str


# Branches of the adapter's repository, which are its releases. From 6.3.RC1 the repository's tags
# name the CANN release; the earlier ones are mapped by their dates.
CANN_RELEASES = (
    CannRelease("20.2", "r1.1.1"),
    CannRelease("5.0.1", "r1.3.0"),
    CannRelease("5.0.2", "r1.5.0"),
    CannRelease("5.0.3", "r1.6.0"),
    CannRelease("5.0.4", "r1.7.0"),
    CannRelease("5.1.RC1", "r1.8.0"),
    CannRelease("5.1.RC2", "r1.9.0"),
    CannRelease("6.0.RC1", "r1.10.0"),
    CannRelease("6.0.1", "r1.11.0"),
    CannRelease("6.3.RC1", "r1.12.0"),
    CannRelease("6.3.RC2", "r1.13.0"),
    CannRelease("7.0.RC1", "r1.14.1"),
    CannRelease("7.0", "r1.15.0"),
)


def adapter_of(cann: str) -> str:
    """Returns the adapter release of a CANN release.

    Raises:
        ValueError: there is no CANN release of that name.
    """
    for release in CANN_RELEASES:
        if release.name == cann:
            return release.adapter
    known = ", ".join(release.name for release in CANN_RELEASES)
    raise ValueError("unknown CANN release %r; known: %s" % (cann, known))
