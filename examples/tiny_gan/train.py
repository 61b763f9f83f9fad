"""Train the GAN on a folder of JPEG images."""
import argparse
import os
import time

import numpy as np
import tensorflow as tf

from data import training_batches
from images import save_grid
from model import TinyGAN


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', default='images', help='folder of JPEG files')
    parser.add_argument('--out', default='run', help='checkpoints, summaries and samples')
    parser.add_argument('--gpu', default='0', help='the card to use')
    parser.add_argument('--size', type=int, default=32, help='side of an image in pixels')
    parser.add_argument('--channels', type=int, default=32, help='width of the first layer')
    parser.add_argument('--batch_size', type=int, default=16)
    parser.add_argument('--steps', type=int, default=2000, help='stop at this step')
    parser.add_argument('--d_lr', type=float, default=2e-4)
    parser.add_argument('--g_lr', type=float, default=1e-4)
    parser.add_argument('--log_every', type=int, default=100)
    parser.add_argument('--save_every', type=int, default=500)
    parser.add_argument('--seed', type=int, default=1)
    return parser.parse_args()


def main():
    args = parse_args()
    os.environ['CUDA_VISIBLE_DEVICES'] = args.gpu
    np.random.seed(args.seed)
    tf.set_random_seed(args.seed)
    tf.gfile.MakeDirs(args.out)

    batches = training_batches(args.data, args.size, args.batch_size, seed=args.seed)
    gan = TinyGAN(args.size, args.channels)
    with tf.device('/gpu:0'):
        gan.build_training(batches, args.batch_size, args.d_lr, args.g_lr)
        gan.build_samples(16)
    summaries = tf.summary.merge_all()
    saver = tf.train.Saver(max_to_keep=3)

    with tf.Session(config=tf.ConfigProto(
            gpu_options=tf.GPUOptions(
                allow_growth=True,
                per_process_gpu_memory_fraction=0.9,  # leave some for the desktop
            ),
            allow_soft_placement=True,
    )) as sess:
        sess.run(tf.global_variables_initializer())
        checkpoint = tf.train.latest_checkpoint(args.out)
        if checkpoint:
            saver.restore(sess, checkpoint)
            print('continuing from %s' % checkpoint)
        writer = tf.summary.FileWriter(args.out, sess.graph)

        step = sess.run(gan.step)
        start = time.time()
        while step < args.steps:
            _, d_loss = sess.run([gan.d_train, gan.d_loss])
            _, g_loss = sess.run([gan.g_train, gan.g_loss])
            step += 1
            if step % args.log_every == 0 or step == args.steps:
                print('step %6d  d_loss %.6f  g_loss %.6f  %.1f s'
                      % (step, d_loss, g_loss, time.time() - start))
                writer.add_summary(sess.run(summaries), step)
            if step % args.save_every == 0 or step == args.steps:
                saver.save(sess, os.path.join(args.out, 'model.ckpt'), global_step=step)
                save_grid(os.path.join(args.out, 'samples_%06d.png' % step),
                          sess.run(gan.samples))
        writer.close()


if __name__ == '__main__':
    main()
