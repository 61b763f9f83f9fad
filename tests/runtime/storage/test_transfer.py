"""Copies from and to a store: what arrives is what was there, whatever happens on the way."""

from __future__ import annotations

import errno
import io
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.runtime.storage.s3_server import S3Server

NAMES = ("a b#?%.txt", "deep/er/file", "empty", "文件.bin", "+&=;,'x")


def fill(folder: Path) -> dict[str, bytes]:
    content = {name: f"{name} ".encode() * 1000 for name in NAMES} | {"empty": b""}
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return content


def read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def quiet(line: str) -> None:
    del line


def times(count: int, what: int | str, method: str = "GET", skip_lists: bool = True):
    """A fault that happens so many times."""
    left = [count]

    def fault(asked: str, key: str) -> int | str | None:
        if asked != method or (skip_lists and not key) or not left[0]:
            return None
        left[0] -= 1
        return what

    return fault


def test_a_folder_goes_there_and_comes_back(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    content = fill(tmp_path / "out")
    upload = transfer.Upload(str(tmp_path / "out"), "obs://bkt/run", say=quiet)
    assert upload.send().copied == len(NAMES)
    assert upload.send().copied == 0
    assert read(server.folder / "run") == content
    found = transfer.download("obs://bkt/run/", str(tmp_path / "in"), say=quiet)
    assert (found.files, found.copied) == (len(NAMES), len(NAMES))
    assert read(tmp_path / "in") == content
    again = transfer.download("s3://bkt/run", str(tmp_path / "in"), say=quiet)
    assert (again.files, again.copied) == (len(NAMES), 0)


def test_against_a_server_that_others_wrote(
    transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys).create_bucket(Bucket="bkt")
    monkeypatch.setenv("OBS_ENDPOINT", f"http://{host}:{port}")
    monkeypatch.setenv("OBS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("OBS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("NPU_OBS_PATH_STYLE", "1")
    monkeypatch.setattr(transfer.stores, "_MULTIPART", 5 << 20)
    monkeypatch.setattr(transfer.stores, "_PART", 5 << 20)
    content = fill(tmp_path / "out") | {"large": bytes(range(256)) * 50_000}
    (tmp_path / "out" / "large").write_bytes(content["large"])
    transfer.Upload(str(tmp_path / "out"), "obs://bkt/run", say=quiet).send()
    transfer.download("obs://bkt/run", str(tmp_path / "in"), say=quiet)
    server.stop()
    assert read(tmp_path / "in") == content


@pytest.mark.parametrize("what", [500, 503, 429, "cut", "etag"])
def test_what_passes_is_tried_again(
    server: S3Server, transfer: ModuleType, tmp_path: Path, what: int | str
) -> None:
    content = fill(server.folder / "data")
    server.faults.append(times(3, what))
    transfer.download("obs://bkt/data", str(tmp_path / "in"), say=quiet)
    assert read(tmp_path / "in") == content


@pytest.mark.parametrize("what", [500, 503, 429, "cut"])
def test_what_passes_is_tried_again_on_the_way_out(
    server: S3Server, transfer: ModuleType, tmp_path: Path, what: int | str
) -> None:
    content = fill(tmp_path / "out")
    server.faults.append(times(3, what, method="PUT"))
    transfer.Upload(str(tmp_path / "out"), "obs://bkt/run", say=quiet).send()
    assert read(server.folder / "run") == content


def test_a_slow_link_is_waited_for(server: S3Server, transfer: ModuleType, tmp_path: Path) -> None:
    (server.folder / "one").write_bytes(b"x" * 100_000)
    server.faults.append(times(1, "slow"))
    transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert (tmp_path / "in/one").read_bytes() == b"x" * 100_000
    assert len([r for r in server.requests if r[1] == "one"]) == 1


def test_a_link_that_stalls_is_given_up(
    server: S3Server, transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer.stores, "_TIMEOUT", 1)
    (server.folder / "one").write_bytes(b"x" * 100_000)
    server.faults.append(times(1, "stall"))
    transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert (tmp_path / "in/one").read_bytes() == b"x" * 100_000
    ranges = [asked for _, key, asked in server.requests if key == "one"]
    assert ranges == ["", "bytes=50000-99999"]


@pytest.mark.parametrize("what", [500, "etag"])
def test_what_does_not_pass_is_an_error_and_leaves_no_file(
    server: S3Server, transfer: ModuleType, tmp_path: Path, what: int | str
) -> None:
    (server.folder / "one").write_bytes(b"x" * 100)
    server.faults.append(times(1000, what))
    with pytest.raises(transfer.stores.StorageError, match="one"):
        transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert not (tmp_path / "in" / "one").exists()


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_cannot_pass_is_told_at_once(
    server: S3Server, transfer: ModuleType, tmp_path: Path, status: int
) -> None:
    (server.folder / "data").mkdir()
    (server.folder / "data" / "one").write_bytes(b"x")
    server.faults.append(times(1000, status))
    with pytest.raises(transfer.stores.StorageError) as caught:
        transfer.download("obs://bkt/data", str(tmp_path / "in"), say=quiet)
    for part in ("obs://bkt/data/one", f"Code{status}", f"HTTP {status}", "R-1"):
        assert part in str(caught.value)
    assert "the-secret-key" not in str(caught.value)
    assert len([r for r in server.requests if r[1] == "data/one"]) == 1


def test_a_cut_object_goes_on_where_it_was(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    (server.folder / "one").write_bytes(bytes(range(250)) * 4000)
    server.faults.append(times(2, "cut"))
    transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert (tmp_path / "in" / "one").read_bytes() == bytes(range(250)) * 4000
    ranges = [asked for method, key, asked in server.requests if key == "one"]
    assert ranges == ["", "bytes=500000-999999", "bytes=750000-999999"]


def test_a_killed_download_goes_on(server: S3Server, transfer: ModuleType, tmp_path: Path) -> None:
    content = fill(server.folder / "data")
    server.faults.append(lambda method, key: "cut" if key == "data/deep/er/file" else None)
    with pytest.raises(transfer.stores.StorageError):
        transfer.download("obs://bkt/data", str(tmp_path / "in"), workers=1, say=quiet)
    server.faults.clear()
    server.requests.clear()
    transfer.download("obs://bkt/data", str(tmp_path / "in"), say=quiet)
    assert read(tmp_path / "in") == content
    asked = [range_ for _, key, range_ in server.requests if key == "data/deep/er/file"]
    assert asked[0].startswith("bytes=")  # what had arrived was not fetched again


def test_a_killed_run_loses_one_line_of_its_notes(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    fill(server.folder / "data")

    def download() -> int:
        return transfer.download("obs://bkt/data", str(tmp_path / "in"), say=quiet).copied

    assert download() > 1
    notes = Path(str(tmp_path / "in") + transfer._INDEX)
    notes.write_bytes(notes.read_bytes()[:-3])
    assert [download(), download()] == [1, 0]


def test_half_an_object_is_not_among_the_data(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    (server.folder / "one").write_bytes(b"x" * 1000)
    server.faults.append(times(1000, "cut"))
    with pytest.raises(transfer.stores.StorageError):
        transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert list((tmp_path / "in").iterdir()) == []
    server.faults.clear()
    transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert not (tmp_path / "in.npu_parts").exists()


def test_an_archive_that_was_not_unpacked_yet_is_not_fetched_again(
    server: S3Server, transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server.folder / "all.zip").write_bytes(archive("zip", {"1.jpg": b"1"}))
    with monkeypatch.context() as patched:
        patched.setattr(transfer.zipfile, "ZipFile", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            transfer.download("obs://bkt", str(tmp_path / "in"), unpack=True, say=quiet)
    transfer.download("obs://bkt", str(tmp_path / "in"), unpack=True, say=quiet)
    assert read(tmp_path / "in") == {"1.jpg": b"1"}
    assert len([r for r in server.requests if r[1] == "all.zip"]) == 1


def test_what_is_here_can_stay(server: S3Server, transfer: ModuleType, tmp_path: Path) -> None:
    fill(server.folder)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/empty").write_bytes(b"newer")
    transfer.download("obs://bkt", str(tmp_path / "in"), keep=True, say=quiet)
    assert read(tmp_path / "in") == fill(tmp_path / "other") | {"empty": b"newer"}


def test_an_object_that_changed_is_fetched_again(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    (server.folder / "one").write_bytes(b"before")
    transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    (server.folder / "one").write_bytes(b"after!")
    assert transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet).copied == 1
    assert (tmp_path / "in" / "one").read_bytes() == b"after!"


def test_a_file_that_was_lost_here_is_fetched_again(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    (server.folder / "one").write_bytes(b"x")
    transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    (tmp_path / "in" / "one").unlink()
    assert transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet).copied == 1


def test_many_small_objects(server: S3Server, transfer: ModuleType, tmp_path: Path) -> None:
    for number in range(1100):  # two pages
        (server.folder / f"{number:05}").write_bytes(b"%d" % number)
    found = transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert found.copied == 1100
    assert (tmp_path / "in" / "01099").read_bytes() == b"1099"


def test_a_full_disk_is_told_at_once(
    server: S3Server, transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server.folder / "one").write_bytes(b"x" * 100)

    def full(source: object, target: object, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer.stores, "_copy", full)
    with pytest.raises(transfer.stores.StorageError, match=r"obs://bkt/one: .*No space left"):
        transfer.download("obs://bkt", str(tmp_path / "in"), say=quiet)
    assert len([r for r in server.requests if r[1] == "one"]) == 1
    assert not (tmp_path / "in" / "one").exists()


def archive(kind: str, members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(data, "w") as zipped:
            for name, content in members.items():
                zipped.writestr(name, content)
    else:
        mode = "w:gz" if kind != "tar" else "w"
        with tarfile.open(fileobj=data, mode=mode) as tarred:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tarred.addfile(info, io.BytesIO(content))
    return data.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tgz"])
def test_an_archive_is_unpacked_where_it_lies(
    server: S3Server, transfer: ModuleType, tmp_path: Path, kind: str
) -> None:
    folder = server.folder / "faces"
    folder.mkdir()
    (folder / f"all.{kind}").write_bytes(archive(kind, {"1.jpg": b"1", "more/2.jpg": b"2"}))
    for copied in (1, 0):
        found = transfer.download("obs://bkt", str(tmp_path / "in"), unpack=True, say=quiet)
        assert found.copied == copied
        assert read(tmp_path / "in") == {"faces/1.jpg": b"1", "faces/more/2.jpg": b"2"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_an_archive_that_leads_out_is_refused(
    server: S3Server, transfer: ModuleType, tmp_path: Path, kind: str, name: str
) -> None:
    (server.folder / f"all.{kind}").write_bytes(archive(kind, {name: b"x"}))
    with pytest.raises(transfer.stores.StorageError, match=r"all\.(zip|tar)"):
        transfer.download("obs://bkt", str(tmp_path / "in"), unpack=True, say=quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_damaged_archive_is_an_error(
    server: S3Server, transfer: ModuleType, tmp_path: Path, kind: str
) -> None:
    (server.folder / f"all.{kind}").write_bytes(archive(kind, {"x": b"x" * 9999})[:-30])
    with pytest.raises(transfer.stores.StorageError, match="not a whole archive"):
        transfer.download("obs://bkt", str(tmp_path / "in"), unpack=True, say=quiet)


def test_what_is_being_written_stays_here_and_the_index_goes_last(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("checkpoint", "m.data.tempstate12", "m.index", "z.part", "zz"):
        (out / name).write_bytes(b"x")
    transfer.Upload(str(out), "obs://bkt/run", workers=1, say=quiet).send()
    put = [key for method, key, _ in server.requests if method == "PUT"]
    assert put == ["run/m.index", "run/zz", "run/checkpoint"]


def test_a_growing_file_is_sent_as_it_is_and_again(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    upload = transfer.Upload(str(out), "obs://bkt/run", say=quiet)
    (out / "log").write_bytes(b"1\n")
    upload.send()
    with (out / "log").open("ab") as log:
        log.write(b"2\n")
    assert upload.send().copied == 1
    assert (server.folder / "run/log").read_bytes() == b"1\n2\n"


def test_a_failed_upload_is_tried_by_the_next_call(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    fill(tmp_path / "out")
    upload = transfer.Upload(str(tmp_path / "out"), "obs://bkt/run", workers=1, say=quiet)
    server.faults.append(times(1, 403, method="PUT"))
    with pytest.raises(transfer.stores.StorageError, match="credentials"):
        upload.send()
    upload.send()
    assert read(server.folder / "run") == read(tmp_path / "out")


def test_a_file_that_is_gone_meanwhile_is_no_failure(
    server: S3Server, transfer: ModuleType, tmp_path: Path
) -> None:
    fill(tmp_path / "out")
    upload = transfer.Upload(str(tmp_path / "out"), "obs://bkt/run", workers=1, say=quiet)

    def remove(method: str, key: str) -> None:
        (tmp_path / "out/empty").unlink(missing_ok=True)

    server.faults.append(remove)
    upload.send()
    assert "run/empty" not in server.stored()
    assert len(server.stored()) == len(NAMES) - 1


def test_local_folders_need_no_sdk(transfer: ModuleType, tmp_path: Path) -> None:
    content = fill(tmp_path / "data")
    transfer.download(f"file://{tmp_path}/data", str(tmp_path / "in"), say=quiet)
    transfer.Upload(str(tmp_path / "in"), str(tmp_path / "back"), say=quiet).send()
    assert read(tmp_path / "in") == read(tmp_path / "back") == content


def test_without_an_endpoint_it_says_what_is_missing(
    transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OBS_ENDPOINT", raising=False)
    with pytest.raises(transfer.stores.StorageError, match="OBS_ENDPOINT is not set"):
        transfer.download("obs://bkt/data", str(tmp_path / "in"), say=quiet)


def test_certificates_and_host_names_are_verified(
    stores: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    monkeypatch.setenv("OBS_ENDPOINT", "https://obs.example.invalid")
    monkeypatch.setenv("OBS_ACCESS_KEY_ID", "k")
    context = stores.open_store("obs://bkt/x")._client.context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
