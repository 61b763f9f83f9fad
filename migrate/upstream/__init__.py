"""From a pinned commit to the files of a project.

- :func:`migrate.upstream.lock.read_lock` and :func:`~migrate.upstream.lock.update_pin`: the pins.
- :func:`migrate.upstream.load.load`: the files of one pin, or of another commit of it.
- :func:`migrate.upstream.load.resolve`: which commit a person means, without its files.

Nothing is imported here, so that a command pays only for what it uses.
"""
