"""Restore a checkpoint, draw samples and score every real image once."""
import argparse
import os

import numpy as np
import tensorflow as tf

from data import every_image
from images import save_grid
from model import TinyGAN


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', default='images', help='folder of JPEG files')
    parser.add_argument('--out', default='run', help='folder that train.py wrote')
    parser.add_argument('--size', type=int, default=32)
    parser.add_argument('--channels', type=int, default=32)
    parser.add_argument('--batch_size', type=int, default=16)
    args = parser.parse_args()

    checkpoint = tf.train.latest_checkpoint(args.out)
    if checkpoint is None:
        raise SystemExit('no checkpoint in %s: train first' % args.out)

    images = every_image(args.data, args.size, args.batch_size)
    gan = TinyGAN(args.size, args.channels)
    with tf.device('/gpu:0'):
        scores = gan.discriminator(images)
        gan.build_samples(64)

    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as sess:
        tf.train.Saver().restore(sess, checkpoint)
        save_grid(os.path.join(args.out, 'evaluation.png'), sess.run(gan.samples))

        collected = []
        while True:
            try:
                collected.append(sess.run(scores))
            except tf.errors.OutOfRangeError:
                break
    collected = np.concatenate(collected)
    print('%s: %d images, mean score %.6f' % (checkpoint, len(collected), collected.mean()))


if __name__ == '__main__':
    main()
