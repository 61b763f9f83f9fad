"""Records of a TF-Slim dataset, flowers or imagenet: 5 shards for each split, and labels.txt."""

import argparse
import os

from _pictures import encoded, pictures
from _records import example, write

_SHARDS = 5
_FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")


def _flower(picture, index):
    return example(
        image__encoded=encoded(picture, "JPEG"),
        image__format=b"jpg",
        image__class__label=index % len(_FLOWERS),
        image__height=picture.shape[0],
        image__width=picture.shape[1],
    )


def _imagenet(picture, index):
    label = 1 + index % 1000
    return example(
        image__encoded=encoded(picture, "JPEG"),
        image__format=b"JPEG",
        image__colorspace=b"RGB",
        image__channels=3,
        image__height=picture.shape[0],
        image__width=picture.shape[1],
        image__filename=b"%d.JPEG" % index,
        image__class__label=label,
        image__class__synset=b"n%08d" % label,
        image__class__text=b"class %d" % label,
        image__object__bbox__xmin=[0.2],
        image__object__bbox__xmax=[0.8],
        image__object__bbox__ymin=[0.2],
        image__object__bbox__ymax=[0.8],
        image__object__bbox__label=label,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--to", required=True)
    parser.add_argument("--dataset", default="flowers", choices=("flowers", "imagenet"))
    parser.add_argument("--count", type=int, default=40, help="pictures in each split")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.makedirs(args.to, exist_ok=True)
    flowers = args.dataset == "flowers"
    make, shard_name = (
        (_flower, "flowers_%s_%05d-of-%05d.tfrecord") if flowers else (_imagenet, "%s-%05d-of-%05d")
    )
    labels = _FLOWERS if flowers else ["class %d" % label for label in range(1001)]
    made = list(pictures(2 * args.count, args.size, args.size, 3, args.seed))
    for number, split in enumerate(("train", "validation")):
        part = made[number * args.count : (number + 1) * args.count]
        examples = [make(picture, index) for index, picture in enumerate(part)]
        for shard in range(_SHARDS):
            name = shard_name % (split, shard, _SHARDS)
            write(os.path.join(args.to, name), examples[shard::_SHARDS])
    with open(os.path.join(args.to, "labels.txt"), "w") as file:
        file.writelines("%d:%s\n" % line for line in enumerate(labels))


if __name__ == "__main__":
    main()
