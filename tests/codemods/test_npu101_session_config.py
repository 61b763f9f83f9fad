from tests.codemods.support import check_port

TRAIN = """
    opt = tf.train.AdamOptimizer(0.1).minimize(loss)
"""


def test_keyword_config_is_wrapped() -> None:
    check_port(
        """
        import tensorflow as tf

        train_op = tf.train.AdamOptimizer(0.1).minimize(loss)
        with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
            sess.run(train_op)
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_session_config

        train_op = tf.train.AdamOptimizer(0.1).minimize(loss)
        with tf.Session(config=npu_session_config(tf.ConfigProto(allow_soft_placement=True))) as sess:
            sess.run(train_op)
        """,
        "NPU101",
    )
