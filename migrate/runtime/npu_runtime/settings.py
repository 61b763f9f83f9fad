"""The environment variables that steer a port, each read here and nowhere else.

A variable that is empty counts as unset, as in a shell's ${NAME:-default}. A value that is not
legal raises ValueError, which names the variable and the legal values.
"""

import os


def on_host():
    """Whether to train on CPU or GPU on purpose: NPU_DEVICE=host. The default is npu."""
    return _choice("NPU_DEVICE", ("npu", "host"), default="npu") == "host"


def mix_compile(requested):
    """Whether a session compiles in mixed mode: NPU_MIX_COMPILE, else what the port requests."""
    return _choice("NPU_MIX_COMPILE", ("0", "1"), default="1" if requested else "0") == "1"


def obs_path_style():
    """Whether a bucket's name stands in the URL's path: NPU_OBS_PATH_STYLE."""
    return _choice("NPU_OBS_PATH_STYLE", ("0", "1"), default="0") == "1"


def _choice(name, legal, default):
    value = os.environ.get(name) or default
    if value not in legal:
        raise ValueError(
            "%s=%s is not legal; leave it unset or use one of: %s" % (name, value, ", ".join(legal))
        )
    return value
