"""One check per file; its docstring is its page for ``migrate explain``."""
