"""A folder of JPEG files: 000000.jpg, ... or, with classes, 00000_<class>.jpg, ..."""

import argparse
import os

from _pictures import encoded, pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--to", required=True)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--size", type=int, default=64, help="side in pixels")
    parser.add_argument("--classes", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.to, exist_ok=True)
    for index, picture in enumerate(pictures(args.count, args.size, args.size, 3, args.seed)):
        name = "%06d.jpg" % index
        if args.classes:
            name = "%05d_%d.jpg" % (index, index % args.classes)
        with open(os.path.join(args.to, name), "wb") as file:
            file.write(encoded(picture, "JPEG"))


if __name__ == "__main__":
    main()
