import pytest

from tests.codemods.support import check_noop

CODE = "NPU407"


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\ntf.keras.layers.CuDNNLSTM(4)",
        "from keras.layers import CuDNNGRU as GRU\nGRU(4)",
        "import tensorflow as tf\ntf.contrib.cudnn_rnn.CudnnLSTM(1, 4)",
        "from tensorflow.contrib import nccl\nnccl.all_sum(x)",
        "from tensorflow.python.ops import nccl_ops\nnccl_ops.all_sum(x)",
        "from keras.utils import multi_gpu_model\nmulti_gpu_model(m, gpus=2)",
        "import tensorflow as tf\ntf.keras.utils.multi_gpu_model(m, gpus=2)",
    ],
)
def test_gpu_only(source: str) -> None:
    assert check_noop(source + "\n", CODE).codes() == [CODE]


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\ntf.keras.layers.LSTM(4)  # not CuDNNLSTM",
        "import mine\nmine.CuDNNLSTM(4)",
        "def multi_gpu_model(m): return m\nmulti_gpu_model(1)",
        "from torch.cuda import nccl\nnccl.all_sum(x)",
    ],
)
def test_others(source: str) -> None:
    assert not check_noop(source + "\n", CODE).findings
