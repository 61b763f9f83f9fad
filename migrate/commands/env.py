"""``migrate env``: the TensorFlow 1.15.0 environment."""

from __future__ import annotations

import argparse
import json

from migrate.console import hint, progress
from migrate.environment import create_environment, remove_environment, tf115_environment


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "remove":
        removed = remove_environment()
        if arguments.json:
            print(json.dumps({"removed": [str(root) for root in removed]}))
        else:
            print("\n".join(f"removed {root}" for root in removed) or "there is none")
        return 0
    if arguments.action == "create":
        with progress("env") as say:
            create_environment(say)
    environment = tf115_environment()
    if arguments.json:
        root = str(environment.root) if environment else None
        python = str(environment.python) if environment else None
        print(json.dumps({"root": root, "python": python}))
    elif environment is None:
        print(hint("there is none; `migrate env create` makes it"))
    else:
        print(f"{environment.python} (Python 3.7, TensorFlow 1.15.0)")
    return 0
