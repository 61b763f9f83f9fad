"""What the kit says in English elsewhere, in Chinese: rules, variables; and its files in both."""

from __future__ import annotations

# What a rule does, by its code; one that is not here is told in English.
RULES = {
    "NPU101": "为每个会话加上 NPU 配置，或明确地留在主机上；否则会话会在主机 CPU 上静默运行",
    "NPU102": "为每个 Estimator 设置在 NPU 上打开会话的 RunConfig；否则训练会在主机 CPU 上静默运行",
    "NPU103": "让 Keras 在 NPU 会话中训练和运行模型；否则 Keras 会自行打开默认会话",
    "NPU201": "包装用于训练的优化器，使梯度为 fp16 时缩放损失；"
    "Ascend 910 上 fp16 溢出会饱和而不产生 inf",
    "NPU301": "固定训练批次的大小，其余批次不变；大小未知的最后一批会使设备重新编译计算图",
    "NPU302": "报告设备会话的计算图中留在主机上的算子，并打开混合计算；设备没有这些算子",
    "NPU303": "报告设备上不固定的形状，并固定配方中指定的形状；每个新形状都会重新编译计算图",
    "NPU401": "去掉设备字符串中的 GPU 名称；没有该 GPU 时无法放置算子",
    "NPU402": "去掉会话配置中的 GPU 选项；它们对 NPU 没有意义",
    "NPU403": "在主机而不是 GPU 上预取批次",
    "NPU404": "处理统计或查询 GPU 的代码，使其得到零个 GPU",
    "NPU405": "去掉 CUDA、cuDNN 和 NCCL 的环境变量设置；NPU 机器上没有程序读取它们",
    "NPU406": "关闭 XLA；否则它会先于 NPU 适配器从图中取走算子",
    "NPU407": "报告只有 NVIDIA GPU 才有的 TensorFlow 和 Keras 接口",
    "NPU408": "指出项目在多个设备上训练的位置；移植后的代码在一个设备上训练",
    "NPU501": "使数据和输出可以放在当前目录以外，例如 OBS 或作业的本地磁盘",
    "NPU704": "由运行时提供 Horovod 的接口，基于 HCCL；Horovod 不支持 NPU",
    "NPU801": "把 Python 2 文件改为 Python 3.7",
    "NPU802": "替换 Python 3 中已不存在的名称",
    "NPU803": "用 `[()]` 代替 `.value` 读取 h5py 数据集；h5py 3.0 已删除后者",
    "NPU804": "由移植代码自带的运行时提供 imread、imsave 和 imresize；SciPy 1.2 已删除它们",
    "NPU805": "用 tf.keras 代替独立的 Keras；CANN 只支持前者",
    "NPU806": "用 Python 自身的类型代替 NumPy 的别名；NumPy 1.24 已删除这些别名",
    "NPU807": "使 requirements.txt 能在 Python 3.7 上安装，且不替换平台自带的 TensorFlow",
    # Those of the recipes.
    "NPU850": "在读取数据集的计算图中构建 realmix 的数据集",
    "NPU851": "为 realmix 的会话提供足够的线程，因为它的摘要会在会话中再运行会话",
    "NPU852": "使 realmix 打印对检查点的评估结果",
}

# What a variable of the runtime does, by its name.
VARIABLES = {
    "NPU_DEVICE": "npu：在 NPU 上训练，没有适配器时停止；"
    "host：有意在 CPU 或 GPU 上训练，使用上游原有的配置",
    "NPU_MIX_COMPILE": "1：NPU 不能运行的算子留在主机上；不设置：由移植代码决定",
    "NPU_PRECISION_MODE": "CANN 版本支持的 precision_mode（或 precision_mode_v2），"
    "none：不指定，由该版本的默认值决定；不设置：移植时确定的值",
    "NPU_LOSS_SCALE": "auto：当精度模式以 fp16 计算梯度时动态缩放损失；dynamic：始终动态缩放；"
    "数字：固定缩放倍数；off：不缩放",
    "NPU_MODIFY_MIXLIST": "调整混合精度算子名单的 JSON 文件",
    "NPU_OP_PRECISION_MODE": "指定单个算子精度的 ini 文件",
    "NPU_OP_SELECT_IMPLMODE": "选择算子的高精度或高性能实现",
    "NPU_FUSION_SWITCH_FILE": "关闭融合规则的 JSON 文件",
    "NPU_CUSTOMIZE_DTYPES": "指定单个算子数据类型的文件",
    "NPU_PROFILING": "1：采集性能数据",
    "NPU_PROFILING_OUTPUT": "性能数据的目录，不存在时自动创建；"
    "设置了 NPU_OUTPUT_DIR 时相对路径位于其下",
    "NPU_PROFILING_AIC_METRICS": "AI Core 的采集指标",
    "NPU_PROFILING_AICPU": "1：采集 AI CPU 算子",
    "NPU_PROFILING_HCCL": "1：采集集合通信算子",
    "NPU_PROFILING_FP_POINT": "前向计算的第一个算子",
    "NPU_PROFILING_BP_POINT": "反向计算的最后一个算子",
    "NPU_DUMP": "转储每个算子的这些张量；不能与 NPU_OVERFLOW_DUMP 同时使用",
    "NPU_OVERFLOW_DUMP": "转储数值溢出的算子",
    "NPU_DUMP_PATH": "转储数据的目录，规则同 NPU_PROFILING_OUTPUT",
    "NPU_DUMP_STEP": "要转储的步，例如 0|5|10-20；不设置：全部",
    "NPU_STEP_LOG": "以 JSON 行记录训练步耗时的文件；"
    "设置了 NPU_OUTPUT_DIR 时相对路径位于其下；不设置：不计时",
    "NPU_STEP_LOG_EVERY": "每两行记录之间的步数",
    "NPU_STEP_WARM_UP": "开头不计时的步数",
    "NPU_BATCH_SIZE": "每步的样本数，用于计算每秒样本数；不设置：由馈入或出队的数据得出",
    "NPU_DATA_DIR": "相对数据路径所在的目录",
    "NPU_OUTPUT_DIR": "相对输出路径所在的目录",
    "OBS_ENDPOINT": "OBS SDK 访问 OBS 的地址，例如 https://obs.cn-north-4.myhuaweicloud.com；"
    "moxing 不需要",
    "OBS_ACCESS_KEY_ID": "OBS SDK 使用的访问密钥 AK；不设时由 SDK 向本机的凭证提供者获取",
    "OBS_SECRET_ACCESS_KEY": "该 AK 对应的 SK；不会打印，也不会写入任何文件",
    "OBS_SECURITY_TOKEN": "临时访问密钥的 token；不会打印，也不会写入任何文件",
    "NPU_OBS_CA_FILE": "访问 OBS 时信任的证书文件",
    "NPU_OBS_PATH_STYLE": "1：桶名写在 URL 的路径中，用于不是 OBS 的 S3 服务",
    "RANK_SIZE": "一起训练的进程数，每个设备一个进程",
    "RANK_ID": "本进程的编号，从 0 开始；rank table 中有 pod 时也可以是 pod 的名称",
    "RANK_TABLE_FILE": "rank table 文件，说明每个 rank 使用哪个设备，"
    "或 ModelArts 中含有 jobstart_hccl.json 的目录；RANK_SIZE 大于 1 时必需",
    "NPU_SERVER": "本服务器在多服务器 rank table 中的 server_id；"
    "不设置：根据本机地址和 ModelArts 的信息确定",
    "JOB_ID": "作业的名称，所有 rank 相同；RANK_SIZE 大于 1 时必需",
    "CM_CHIEF_IP": "不用 rank table 时：第一台服务器的地址",
    "CM_CHIEF_PORT": "不用 rank table 时：该服务器上的空闲端口",
    "CM_CHIEF_DEVICE": "不用 rank table 时：rank 0 所用设备的编号",
    "CM_WORKER_SIZE": "不用 rank table 时：含义同 RANK_SIZE",
    "ASCEND_DEVICE_ID": "训练所用设备的编号；有 rank table 时与其中一致",
    "DEVICE_ID": "同上，仅在没有设置 ASCEND_DEVICE_ID 时有效",
}

# Files that the kit adds: Chinese, English.
FILES = {
    "README.md": ("本文档", "this document in Chinese"),
    "README_EN.md": ("本文档的英文版", "this document"),
    "README_UPSTREAM.md": ("上游的 README，内容未改", "upstream's README, as it was"),
    "README_EN_UPSTREAM.md": ("上游的英文 README，内容未改", "upstream's README_EN, as it was"),
    "NOTICE": ("文件来源、改动和许可证", "where the files come from, and their licences"),
    "migrate-manifest.json": (
        "移植清单：版本、规则和校验和",
        "what the port is: versions, digests",
    ),
    "Dockerfile": ("基于昇腾 TensorFlow 镜像的容器", "container on an Ascend TensorFlow image"),
    "Dockerfile.npu": ("基于昇腾 TensorFlow 镜像的容器", "container on an Ascend TensorFlow image"),
    "modelzoo_level.txt": ("ModelZoo 的状态等级", "ModelZoo's levels of readiness"),
    "npu_boot.py": ("ModelArts 启动文件", "boot file for ModelArts"),
    "npu_modelarts.py": ("ModelArts 启动文件", "boot file for ModelArts"),
    "run.sh": ("单卡训练", "trains on one device"),
    "run_npu.sh": ("单卡训练", "trains on one device"),
    "run_msprof.sh": ("导出性能数据", "exports profiling data"),
    "run_msprof_npu.sh": ("导出性能数据", "exports profiling data"),
    "npu_env.sh": ("设置 CANN 环境", "sets up CANN"),
    "test/env.sh": ("设置 CANN 环境", "sets up CANN"),
    "test/train_full_1p.sh": ("ModelZoo 完整训练", "a whole training, for ModelZoo"),
    "test/train_performance_1p.sh": ("ModelZoo 性能测试", "the speed of training, for ModelZoo"),
    "npu_runtime/__init__.py": ("移植代码的运行时", "what the port needs at run time"),
    "npu_runtime/boot.py": ("数据和输出在 OBS 时的训练", "training with data and outputs in OBS"),
    "npu_runtime/checkpoints.py": (
        "检查点在各精度模式之间通用",
        "checkpoints of one precision mode for another",
    ),
    "npu_runtime/collectives.py": ("各进程共同的计算", "what the ranks compute together"),
    "npu_runtime/defaults.py": ("移植时确定的默认值", "defaults fixed when the port was made"),
    "npu_runtime/horovod.py": ("基于 HCCL 的 Horovod 接口", "Horovod's functions on HCCL"),
    "npu_runtime/horovod_callbacks.py": ("Horovod 的 Keras 回调", "Horovod's callbacks for Keras"),
    "npu_runtime/horovod_keras.py": ("Horovod 的 Keras 接口", "Horovod's functions for Keras"),
    "npu_runtime/images.py": ("图像读写和缩放", "reads, writes and resizes pictures"),
    "npu_runtime/launch.py": ("每个设备启动一个进程", "starts a process for each device"),
    "npu_runtime/keras_optimizers.py": (
        "多进程训练的 Keras 优化器",
        "Keras optimizers for several ranks",
    ),
    "npu_runtime/optimizers.py": ("适配设备的优化器", "optimizers fitted to the device"),
    "npu_runtime/options.py": ("精度、性能采集和转储选项", "precision, profiling and dump options"),
    "npu_runtime/places.py": ("数据和输出的位置", "where data lies and outputs go"),
    "npu_runtime/results.py": (
        "写出 ModelZoo 读取的结果",
        "writes the results that ModelZoo reads",
    ),
    "npu_runtime/session.py": ("会话配置", "session configurations"),
    "npu_runtime/settings.py": ("环境变量", "environment variables"),
    "npu_runtime/jobs.py": ("环境变量所描述的多进程训练", "what the environment says of the ranks"),
    "npu_runtime/rank_files.py": (
        "只由 0 号进程写出的文件",
        "files that only rank 0 leaves behind",
    ),
    "npu_runtime/rank_tables.py": ("读取 rank table", "reads rank tables"),
    "npu_runtime/rank_values.py": (
        "随进程编号或数量变化的值",
        "seeds and rates that depend on ranks",
    ),
    "npu_runtime/ranks.py": ("本进程在多进程训练中的编号", "which rank this process is"),
    "npu_runtime/shards.py": ("各进程的训练数据", "each rank's part of the training data"),
    "npu_runtime/steps.py": ("训练步计时", "times the training steps"),
    "npu_runtime/stores.py": ("OBS 与本地目录", "OBS and local folders"),
    "npu_runtime/transfer.py": ("目录的复制", "copies folders"),
}
