"""Records for semi-supervised training as realmix's create_datasets and create_split write them.

<name>-train.tfrecord, <name>-test.tfrecord and, below SSL/, the labelled and the unlabelled part
of the training records with the map that says which is which. A record has ``image`` (PNG, 32
pixels square by default) and ``label``.
"""

import argparse
import json
import os

import numpy as np
from _pictures import encoded, pictures
from _records import example, write


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--to", required=True)
    parser.add_argument("--name", default="tiny")
    parser.add_argument("--train", type=int, default=120)
    parser.add_argument("--test", type=int, default=16)
    parser.add_argument("--labelled", type=int, default=40)
    parser.add_argument("--size", type=int, default=32, help="side in pixels")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(os.path.join(args.to, "SSL"), exist_ok=True)
    made = pictures(args.train + args.test, args.size, args.size, 3, args.seed)
    records = [
        example(image=encoded(picture, "PNG"), label=index % args.classes)
        for index, picture in enumerate(made)
    ]
    train, test = records[: args.train], records[args.train :]
    stem = os.path.join(args.to, args.name)
    write(stem + "-train.tfrecord", train)
    write(stem + "-test.tfrecord", test)

    order = np.random.RandomState(args.seed).permutation(args.train).tolist()
    parts = {"label": order[: args.labelled], "unlabel": order[args.labelled :]}
    split = os.path.join(args.to, "SSL", "%s.%d@%d-" % (args.name, args.seed, args.labelled))
    for part, indices in parts.items():
        write(split + part + ".tfrecord", [train[index] for index in indices])
    with open(split + "map.json", "w") as file:
        json.dump(parts, file, indent=2)


if __name__ == "__main__":
    main()
