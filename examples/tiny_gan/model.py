"""A small DCGAN."""
import tensorflow as tf


class TinyGAN(object):

    def __init__(self, size=32, channels=32, z_dim=64):
        if size < 16 or size & (size - 1):
            raise ValueError('size must be a power of two and at least 16, not %d' % size)
        self.size = size
        self.channels = channels
        self.z_dim = z_dim

    def generator(self, z, training):
        with tf.variable_scope('generator', reuse=tf.AUTO_REUSE):
            width = self.channels * self.size // 8
            x = tf.layers.dense(z, 4 * 4 * width, name='project')
            x = tf.reshape(x, [-1, 4, 4, width])
            size = 4
            while size < self.size:
                size, width = size * 2, width // 2
                x = tf.nn.relu(tf.layers.batch_normalization(x, training=training, name='bn%d' % size))
                x = tf.layers.conv2d_transpose(x, width, 4, strides=2, padding='same', name='up%d' % size)
            return tf.tanh(tf.layers.conv2d(tf.nn.relu(x), 3, 3, padding='same', name='rgb'))

    def discriminator(self, images):
        with tf.variable_scope('discriminator', reuse=tf.AUTO_REUSE):
            x, size, width = images, self.size, self.channels
            while size > 4:
                size //= 2
                x = tf.layers.conv2d(x, width, 4, strides=2, padding='same', name='down%d' % size)
                x = tf.nn.leaky_relu(x)
                width *= 2
            return tf.layers.dense(tf.layers.flatten(x), 1, name='score')

    def noise(self, count):
        return tf.random_normal([count, self.z_dim])

    def build_training(self, images, batch_size, d_lr, g_lr):
        """Losses and one training op for each player."""
        self.step = tf.train.get_or_create_global_step()
        real = self.discriminator(images)
        fake = self.discriminator(self.generator(self.noise(batch_size), training=True))

        self.d_loss = (tf.reduce_mean(tf.nn.relu(1 - real)) +
                       tf.reduce_mean(tf.nn.relu(1 + fake)))
        self.g_loss = -tf.reduce_mean(fake)
        tf.summary.scalar('d_loss', self.d_loss)
        tf.summary.scalar('g_loss', self.g_loss)

        d_vars = tf.trainable_variables('discriminator')
        g_vars = tf.trainable_variables('generator')
        self.d_train = tf.train.AdamOptimizer(d_lr, beta1=0.0, beta2=0.9).minimize(
            self.d_loss, var_list=d_vars)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            self.g_train = tf.train.AdamOptimizer(g_lr, beta1=0.0, beta2=0.9).minimize(
                self.g_loss, global_step=self.step, var_list=g_vars)

    def build_samples(self, count):
        self.samples = self.generator(self.noise(count), training=False)
