"""From a pinned commit to the files of a project."""
