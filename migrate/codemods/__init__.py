"""Finding places and rewriting them: the engine, and one rule per file below ``rules``."""
