"""Draw a small folder of JPEG images: one coloured disc on a plain ground each."""
import argparse
import os

import numpy as np
from PIL import Image


def draw(rng, size):
    rows, columns = np.mgrid[:size, :size] / float(size)
    centre, radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.3)
    disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius ** 2
    ground, colour = rng.randint(0, 256, (2, 3))
    return np.where(disc[..., None], colour, ground).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='images')
    parser.add_argument('--count', type=int, default=200)
    parser.add_argument('--size', type=int, default=48)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    if not os.path.isdir(args.out):
        os.makedirs(args.out)
    rng = np.random.RandomState(args.seed)
    for index in range(args.count):
        name = os.path.join(args.out, '%05d.jpg' % index)
        Image.fromarray(draw(rng, args.size)).save(name, quality=90)


if __name__ == '__main__':
    main()
