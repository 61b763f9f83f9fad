"""What the boot file of a port has to know of its scripts' flags."""

from __future__ import annotations

from migrate.analysis.project import Project
from migrate.boot_plan import BootFlag, boot_flags, boot_note
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import kit_rules
from migrate.upstream.tree import SourceFile
from tests.codemods.support import dedent


def plan(source: str, **chosen: str) -> list[BootFlag]:
    data = dedent(source).encode()
    project = Project({"train.py": SourceFile("train.py", data)})
    rewrite(project, [rule for rule in kit_rules() if rule.code == "NPU501"], {})
    return boot_flags(project, "train.py", chosen)


def flags(*definitions: str, uses: str = "") -> str:
    lines = [f"tf.app.flags.DEFINE_string({text}, 'where')" for text in definitions]
    return "\n".join(["import tensorflow as tf", *lines, "FLAGS = tf.app.flags.FLAGS", uses])


MAKE = "tf.gfile.MakeDirs(FLAGS.{})\n"
READ = "tf.gfile.Glob(FLAGS.{})\n"


def test_a_flag_without_a_place_of_its_own_gets_the_folder() -> None:
    source = flags(
        "'dataset_dir', None",
        "'train_dir', '/tmp/model/'",
        uses=READ.format("dataset_dir") + MAKE.format("train_dir"),
    )
    found = plan(source)
    assert found == [BootFlag("dataset_dir", "data", ""), BootFlag("train_dir", "output", "")]
    note = boot_note("train.py", found)
    assert note is not None
    assert "--dataset_dir=<data>, --train_dir=<output>" in note.message


def test_outputs_that_upstream_keeps_apart_stay_apart() -> None:
    source = flags(
        "'train_dir', '/tmp/model/'",
        "'log_dir', '/tmp/logs'",
        uses=MAKE.format("train_dir") + MAKE.format("log_dir"),
    )
    assert [flag.given for flag in plan(source)] == ["logs", "model"]


def test_a_default_that_a_rule_wraps_is_not_passed_but_moved() -> None:
    source = flags("'train_dir', './runs'", uses=MAKE.format("train_dir"))
    assert plan(source) == [BootFlag("train_dir", "output", None)]
    assert boot_note("train.py", plan(source)) is None


def test_a_checkpoint_that_may_be_given_is_only_moved() -> None:
    source = flags(
        "'checkpoint_path', None", uses="tf.train.latest_checkpoint(FLAGS.checkpoint_path)"
    )
    assert plan(source) == [BootFlag("checkpoint_path", "output", None)]


def test_a_flag_of_argparse_places_itself() -> None:
    source = """
    import argparse
    import os

    parser = argparse.ArgumentParser()
    parser.add_argument('--log_dir', default='logs')
    parser.add_argument('--steps', type=int, default=3)
    os.makedirs(parser.parse_args().log_dir)
    """
    assert plan(source) == []


def test_data_that_goes_to_a_library_is_known_by_its_name() -> None:
    source = flags("'data_dir', None", "'label_file', None", "'name', 'x'", uses="go(FLAGS)")
    assert plan(source) == [BootFlag("data_dir", "data", "")]


OPENS = """
def load(config_path):
    with tf.gfile.GFile({}) as file:
        return file.read()
load({})
"""


def test_a_flag_that_is_opened_gets_no_folder() -> None:
    source = flags("'config_path', None")
    for passed in ("FLAGS.config_path", "FLAGS.config_path or ''"):
        opened = source + OPENS.format("config_path, 'rb'", passed)
        assert plan(opened) == [BootFlag("config_path", "data", None)]


def test_a_folder_in_which_files_are_opened_is_one() -> None:
    source = flags("'data_path', None")
    for uses in (
        OPENS.format("os.path.join(config_path, 'a')", "FLAGS.data_path"),
        OPENS.format("config_path", "FLAGS.data_path + '/a'"),
        OPENS.format("config_path", "os.path.join(FLAGS.data_path, 'a')"),
        "for path in tf.gfile.Glob(FLAGS.data_path):\n    open(path)\n",
        "for path in FLAGS.data_path:\n    open(path)\n",
    ):
        assert plan("import os\n" + source + uses) == [BootFlag("data_path", "data", "")]


def test_a_file_of_upstreams_author_is_one_of_the_same_name() -> None:
    source = flags(
        "'train_file', '/home/me/train.txt'",
        "'vocab_path', '/home/me/vocab.txt'",
        "'log_file', '/tmp/logs/train.log'",
        "'dev_file', None",
        "'profile_dir', '/tmp/profile'",
        uses="open(FLAGS.vocab_path)\nopen(FLAGS.log_file, 'w')\nread(FLAGS.train_file)\n"
        "open(FLAGS.train_file)\nopen(FLAGS.dev_file)\n" + MAKE.format("profile_dir"),
    )
    assert {flag.name: flag.given for flag in plan(source)} == {
        "train_file": "train.txt",
        "vocab_path": "vocab.txt",
        "log_file": "train.log",
        "dev_file": None,
        "profile_dir": "profile",
    }


def test_a_script_that_knows_modelarts_gets_the_folders() -> None:
    source = flags("'data_url', './data'", "'train_url', None")
    assert plan(source) == [BootFlag("data_url", "data", ""), BootFlag("train_url", "output", "")]


def test_the_recipe_has_the_last_word() -> None:
    source = flags(
        "'store_dir', None", "'data_dir', None", uses=MAKE.format("store_dir") + "go(FLAGS)"
    )
    assert plan(source, store_dir="data", data_dir="keep") == [BootFlag("store_dir", "data", "")]


def test_a_flag_that_may_hold_contents_is_no_place() -> None:
    source = flags("'hparams', None", uses="import json\njson.load(open(FLAGS.hparams))\n")
    assert plan(source) == [BootFlag("hparams", "data", None)]
    assert plan(source + "json.loads(FLAGS.hparams)\n") == []
