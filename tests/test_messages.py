"""The commit messages of a series, as a reviewer reads them."""

from __future__ import annotations

import email
from email.policy import default

import migrate
from migrate.codemods.registry import kit_rules
from migrate.codemods.rule import GROUP_TITLES, Rule
from tests.test_porting import UPSTREAM, ported, tree

SESSIONS = """import tensorflow as tf

step = tf.train.AdamOptimizer().minimize(loss)
with tf.Session(config=tf.ConfigProto(
        allow_soft_placement=True)) as sess:
    sess.run(step)
"""


def bodies(files: dict[str, str | bytes]) -> dict[str, tuple[str, str]]:
    """Subject and body of each patch, by the name of its group."""
    found = {}
    for name, data in ported(tree(files)).series.patches:
        mail = email.message_from_bytes(data, policy=default)
        body = mail.get_content().partition("\n---\n")[0]
        found[name[5:].removesuffix(".patch")] = (mail["Subject"], body)
    return found


def test_a_patch_says_what_why_where_and_from_what() -> None:
    subject, body = bodies({"train.py": SESSIONS, "again.py": SESSIONS})["session"]
    assert subject == f"[PATCH] {GROUP_TITLES['session']}"
    rule = next(rule for rule in kit_rules() if rule.code == "NPU101")
    flat = " ".join(body.split())
    assert "NPU101: 2 changes in again.py, train.py" in body
    assert rule.summary in flat
    assert "Why: without NpuOptimizer in its configuration a session runs on the host CPU" in flat
    assert body.endswith(
        f"\n\nUpstream-Commit: {UPSTREAM.commit}\nMade-By: migrate {migrate.__version__} "
        "for CANN 7.0"
    )
    assert max(map(len, body.splitlines())) <= 72


def test_every_patch_names_its_origin() -> None:
    found = bodies({"train.py": SESSIONS, "requirements.txt": "tensorflow-gpu\n"})
    assert list(found) == ["compat", "session", "precision", "scripts", "readme", "provenance"]
    for _, body in found.values():
        assert f"Upstream-Commit: {UPSTREAM.commit}" in body


def test_every_rule_says_why_in_one_sentence() -> None:
    for rule in kit_rules():
        assert rule.why.endswith((".", ":")), rule.code
        assert rule.why.count(". ") == 0, rule.code


def test_a_page_without_a_reason_gives_none() -> None:
    rule = Rule("NPU199", "own", group="session")
    rule.page = "Does it."
    assert rule.why == ""
    rule.page = "Does it.\n\nWhy: version 1.2 of `x` broke\nit. `y` did not.\n\nMore."
    assert rule.why == "version 1.2 of `x` broke it."
