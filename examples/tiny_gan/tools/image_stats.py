"""Print mean and standard deviation per channel, over every pixel of every image."""
import argparse

import numpy as np
import tensorflow as tf

from data import every_image


def image_stats(folder, size, batch_size):
    batches = every_image(folder, size, batch_size)
    count, total, squares = 0, np.zeros(3), np.zeros(3)
    with tf.Session() as sess:
        while True:
            try:
                batch = sess.run(batches).astype(np.float64)
            except tf.errors.OutOfRangeError:
                break
            count += len(batch)
            total += batch.mean(axis=(1, 2)).sum(axis=0)
            squares += (batch ** 2).mean(axis=(1, 2)).sum(axis=0)
    mean = total / count
    return count, mean, np.sqrt(squares / count - mean ** 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', default='images', help='folder of JPEG files')
    parser.add_argument('--size', type=int, default=32)
    parser.add_argument('--batch_size', type=int, default=64)
    args = parser.parse_args()
    count, mean, std = image_stats(args.data, args.size, args.batch_size)
    print('%d images' % count)
    print('mean %.4f %.4f %.4f' % tuple(mean))
    print('std  %.4f %.4f %.4f' % tuple(std))


if __name__ == '__main__':
    main()
