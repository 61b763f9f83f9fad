"""Fixed when this port was made (`migrate port --cann RELEASE`); porting again rewrites it."""

CANN_RELEASE = "7.0"
ADAPTER_RELEASE = "r1.15.0"
PRECISION_MODE = "none"
MIX_COMPILE_MODE = False
