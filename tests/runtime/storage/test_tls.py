"""Certificates count: the SDK alone would take any."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.runtime.storage.s3_server import S3Server

Start = Callable[[str], S3Server]


@pytest.fixture
def https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a server whose self-signed certificate is for an address; it holds one object."""
    servers = []

    def start(address: str) -> S3Server:
        (tmp_path / "bucket").mkdir()
        (tmp_path / "bucket/one").write_bytes(b"1")
        certificate = tmp_path / "server.pem"
        certificate.write_bytes(self_signed(address))
        server = S3Server(tmp_path / "bucket", certificate)
        servers.append(server)
        monkeypatch.setenv("OBS_ENDPOINT", server.endpoint)
        monkeypatch.setenv("OBS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("OBS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setenv("NPU_OBS_PATH_STYLE", "1")
        return server

    yield start
    for server in servers:
        server.close()


def self_signed(address: str) -> bytes:
    """A key and its certificate, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "storage")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def download(transfer: ModuleType, folder: Path) -> None:
    transfer.download("obs://bkt", str(folder), say=lambda line: None)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    https: Start, transfer: ModuleType, tmp_path: Path
) -> None:
    server = https("127.0.0.1")
    with pytest.raises(transfer.stores.StorageError, match="certificate verify failed"):
        download(transfer, tmp_path / "in")
    assert server.requests == []


def test_a_certificate_that_the_user_trusts_is_taken(
    https: Start, transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    https("127.0.0.1")
    monkeypatch.setenv("NPU_OBS_CA_FILE", str(tmp_path / "server.pem"))
    download(transfer, tmp_path / "in")
    assert (tmp_path / "in/one").read_bytes() == b"1"


def test_a_certificate_of_another_host_is_refused(
    https: Start, transfer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    https("127.0.0.2")
    monkeypatch.setenv("NPU_OBS_CA_FILE", str(tmp_path / "server.pem"))
    with pytest.raises(transfer.stores.StorageError, match="certificate verify failed"):
        download(transfer, tmp_path / "in")
