"""Templates, and the NOTICE of a port."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import migrate
from migrate.errors import MigrateError
from migrate.manifest import Upstream
from migrate.render import notice, render
from migrate.upstream.tree import SourceFile

TEMPLATES = Path(__file__).parents[1] / "templates"
UPSTREAM = Upstream("gan", "https://example.com/gan.git", "a" * 40, "b" * 40, "sub", "MIT")


def files(**data: bytes) -> dict[str, SourceFile]:
    return {name: SourceFile(name, content) for name, content in data.items()}


def test_a_notice_says_where_files_come_from_and_what_was_changed() -> None:
    before, after = files(a=b"1", b=b"2"), files(a=b"1", b=b"3", c=b"4")
    assert notice(TEMPLATES, UPSTREAM, before, after).decode() == (
        f"This is a port of gan to Huawei Ascend 910, made by migrate {migrate.__version__}.\n"
        "\n"
        "Upstream:  https://example.com/gan.git\n"
        f"Commit:    {'a' * 40}\n"
        "Folder:    sub\n"
        "Licence:   MIT\n"
        "\n"
        "The upstream files and their licence are their authors'. These of them were changed:\n"
        "\n"
        "- b\n"
        "\n"
        "These files were added by migrate, under the MIT licence, which the text below gives:\n"
        "\n"
        "- NOTICE\n"
        "- c\n"
        "\n" + (TEMPLATES.parent / "LICENSE").read_text().partition("\n\n")[2]
    )


def test_a_notice_lists_what_was_left_out() -> None:
    text = notice(TEMPLATES, UPSTREAM, {}, {}, ("assets/", "b.png")).decode()
    assert "- none\n\nThese of them were left out:\n\n- assets/\n- b.png\n\nThese files" in text


def test_what_is_not_known_is_left_out() -> None:
    text = notice(TEMPLATES, Upstream("gan", "", None, None, "", ""), {}, {}).decode()
    for word in ("Upstream:", "Commit:", "Folder:", "Licence:", "None"):
        assert word not in text
    assert "changed:\n\n- none\n" in text


@pytest.mark.parametrize(
    ("kept", "start"),
    [
        (b"Of gan.\n", b"Of gan.\n\nThis is"),
        (b"Of gan.", b"Of gan.\n\nThis is"),
        (b"  Of gan.\n\n\n", b"  Of gan.\n\nThis is"),
        (b"Of gan.\r\n", b"Of gan.\r\n\r\nThis is"),
        (b"Caf\xe9\n", b"Caf\xe9\n\nThis is"),
        (b"{{ upstream }} {% raw %}\n", b"{{ upstream }} {% raw %}\n\nThis is"),
        (b"\n \n", b"This is"),
        (b"", b"This is"),
    ],
)
def test_upstreams_own_notice_is_kept(kept: bytes, start: bytes) -> None:
    before = files(NOTICE=kept)
    result = notice(TEMPLATES, UPSTREAM, before, before)
    assert result.startswith(start)
    assert result.count(b"\r\n") in (0, result.count(b"\n"))
    assert b"- NOTICE" not in result.partition(b"added")[2]


def test_a_ports_notice_stays_until_something_changes() -> None:
    first = notice(TEMPLATES, UPSTREAM, files(a=b"1"), files(a=b"2"))
    before = files(NOTICE=first, a=b"2")
    assert notice(TEMPLATES, UPSTREAM, before, before) == first
    second = notice(TEMPLATES, UPSTREAM, before, files(NOTICE=first, a=b"3"))
    assert second.startswith(first.rstrip() + b"\n\nThis is a port of gan")
    assert notice(TEMPLATES, UPSTREAM, files(NOTICE=second), files(NOTICE=second)) == second


def test_names_of_upstream_are_data() -> None:
    odd = "{{ 7 * 7 }}{% for x in y %}"
    text = notice(TEMPLATES, UPSTREAM, {}, files(**{odd: b""})).decode()
    assert f"- {odd}\n" in text


def test_values_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("{{ name }} é {{ name.upper() }}\n", encoding="utf-8")
    assert render(tmp_path, "a.j2", {"name": "训x"}) == "训x é 训X\n".encode()


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("x\n{{ missing }}", "a.j2:2: 'missing' is undefined"),
        ("x\n{% if %}", "a.j2:2: "),
        ("x\n{{ name", "a.j2:2: "),
        (None, "a.j2: there is no such template"),
        ("{{ ''.__class__.__mro__ }}", "a.j2:1: "),
        ("{{ 1 / 0 }}", "a.j2:1: division by zero"),
        ("{% include 'b.j2' %}", "b.j2: there is no such template"),
        ("x\n{% include 'a.j2' %}", "a.j2:2: maximum recursion depth"),
        ("{% macro f() %}\n{{ f() }}{% endmacro %}{{ f() }}", "a.j2:2: maximum recursion depth"),
    ],
)
def test_a_template_that_is_wrong_is_an_error(
    template: str | None, message: str, tmp_path: Path
) -> None:
    if template is not None:
        (tmp_path / "a.j2").write_text(template)
    with pytest.raises(MigrateError) as raised:
        render(tmp_path, "a.j2", {"name": "x"})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "word", ["", "a", "a b", "it's", '"', "$(x)", "`x`", "\\", "!x", "\\$x\\", "é\n*"]
)
def test_words_are_quoted_for_a_shell(word: str, tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text('printf "%s|%s" {{ word | sh }} "a{{ word | dq }}"')
    script = render(tmp_path, "a.j2", {"word": word})
    assert subprocess.check_output(["bash", "-c", script]) == f"{word}|a{word}".encode()


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.j2").write_text("{{ 1 + 1 }}")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert render(tmp_path, "one.j2", {}) == b"2"


def test_a_changed_template_is_not_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for text in ("before", "after", "before"):
        (tmp_path / "one.j2").write_text(text)
        assert render(tmp_path, "one.j2", {}) == text.encode()
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_bytes(b"damaged")
    assert render(tmp_path, "one.j2", {}) == b"before"


def test_what_was_compiled_in_one_workspace_tells_places_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.j2").write_text("x\n{{ missing }}")
        with pytest.raises(MigrateError) as raised:
            render(tmp_path / name, "a.j2", {})
        assert f"{tmp_path / name / 'a.j2'}:2: " in str(raised.value)
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 1
