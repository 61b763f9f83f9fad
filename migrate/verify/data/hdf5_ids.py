"""data.hdf5 and id.txt as SSGAN reads them: a group per picture, named by its id.

Each group holds ``image`` (uint8, height x width x channels) and ``label`` (bool, one of the
classes set); id.txt has one id a line.
"""

import argparse
import os

import h5py
import numpy as np
from _pictures import pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--to", required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--size", type=int, default=28, help="side in pixels")
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.to, exist_ok=True)
    made = pictures(args.count, args.size, args.size, args.channels, args.seed)
    with h5py.File(os.path.join(args.to, "data.hdf5"), "w") as store:
        for index, picture in enumerate(made):
            group = store.create_group(str(index))
            group["image"] = picture
            group["label"] = np.arange(args.classes) == index % args.classes
    with open(os.path.join(args.to, "id.txt"), "w") as ids:
        ids.writelines("%d\n" % index for index in range(args.count))


if __name__ == "__main__":
    main()
