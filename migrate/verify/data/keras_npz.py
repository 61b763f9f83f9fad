"""An .npz file of pictures as Keras caches one, such as ~/.keras/datasets/mnist.npz.

It holds x_train, y_train, x_test and y_test. Keras's own mnist.load_data compares mnist.npz with
the digest of the real one, and downloads that where it differs; a project that reads the file
itself takes it as it is.
"""

import argparse
import os

import numpy as np
from _pictures import pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--to", required=True)
    parser.add_argument("--name", default="mnist")
    parser.add_argument("--train", type=int, default=64)
    parser.add_argument("--test", type=int, default=16)
    parser.add_argument("--size", type=int, default=28, help="side in pixels")
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.to, exist_ok=True)
    count = args.train + args.test
    x = np.stack(list(pictures(count, args.size, args.size, args.channels, args.seed)))
    x = x[..., 0] if args.channels == 1 else x
    y = (np.arange(count) % args.classes).astype(np.uint8)
    np.savez(
        os.path.join(args.to, args.name + ".npz"),
        x_train=x[: args.train],
        y_train=y[: args.train],
        x_test=x[args.train :],
        y_test=y[args.train :],
    )


if __name__ == "__main__":
    main()
