"""A stand-in for moxing, which exists on ModelArts only: `mox.file` on a folder of this machine.

URLs of obs:// and s3:// lie under the folder that NPU_SIMULATOR_OBS names, a bucket being a
folder in it. Any other path is a file of this machine, as with the real one.
"""

from moxing import file

__all__ = ["file"]
