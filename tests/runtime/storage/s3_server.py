"""A small S3 server that holds nothing in memory, and that can misbehave on purpose.

Objects are files of a folder, or sizes whose content is made up while it is sent. What OBS and S3
have in common and the OBS SDK uses: GET (with a range), PUT, HEAD, listing by marker, multipart.
"""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import escape

BLOCK = bytes(range(256)) * 4096  # 1 MiB
DROP = 4096  # bytes
# A fault looks at (method, key) and says what to do: a status to answer with, or a word:
# "cut" breaks the connection in the middle, "etag" sends content that does not fit its ETag, "slow"
# sends it in drops, "stall" sends half of it and then nothing.
Fault = Callable[[str, str], "int | str | None"]


class S3Server:
    """Serves one bucket, ``bkt``, from a folder.

    Args:
        certificate: a PEM file with a key and its certificate, for HTTPS.
    """

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        self.folder = folder
        self.discards = False  # whether of what is uploaded only the size is kept
        self.made_up: dict[str, int] = {}  # key -> size in bytes
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, str]] = []  # method, key, range
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.received = 0  # bytes of parts
        server = self

        class Handler(_Handler):
            s3 = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        scheme = "https" if certificate is not None else "http"
        self.endpoint = f"{scheme}://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def stored(self) -> list[str]:
        files = [p for p in self.folder.rglob("*") if p.is_file()]
        return sorted([p.relative_to(self.folder).as_posix() for p in files] + [*self.made_up])

    def size(self, key: str) -> int:
        if key in self.made_up:
            return self.made_up[key]
        path = self.folder / key
        return path.stat().st_size if path.is_file() else -1

    def etag(self, key: str) -> str:
        if key in self.made_up:
            return f"{self.made_up[key]:032x}-2"  # as of an upload in parts: no MD5
        return hashlib.md5((self.folder / key).read_bytes()).hexdigest()

    def content(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from start up to end."""
        if key not in self.made_up:
            yield (self.folder / key).read_bytes()[start:end]
            return
        while start < end:
            offset = start % len(BLOCK)
            block = BLOCK[offset : offset + min(len(BLOCK) - offset, end - start)]
            start += len(block)
            yield block

    def fault(self, method: str, key: str) -> int | str | None:
        for fault in self.faults:
            if (what := fault(method, key)) is not None:
                return what
        return None


class _Handler(BaseHTTPRequestHandler):
    s3: S3Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        key, query, fault = self._begin()
        if isinstance(fault, int):
            return self._error(fault)
        if not key:
            return self._list(query)
        if self.s3.size(key) < 0:
            return self._error(404)
        size = self.s3.size(key)
        start, end, status = 0, size, 200
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end, status = int(first), int(last) + 1, 206
        self._head(status, end - start, self.s3.etag(key))
        left = (end - start) // 2 if fault in ("cut", "stall") else end - start
        for block in self.s3.content(key, start, start + left):
            if fault == "slow":
                for drop in range(0, len(block), DROP):
                    self.wfile.write(block[drop : drop + DROP])
                    time.sleep(0.02)
            else:
                self.wfile.write(block if fault != "etag" else bytes(len(block)))
        if fault == "stall":
            time.sleep(5)
        if fault in ("cut", "stall"):
            self.close_connection = True
            self.connection.close()

    def do_HEAD(self) -> None:
        key, _, fault = self._begin()
        if not key and fault is None:
            return self._head(200, 0)  # the bucket
        if isinstance(fault, int) or self.s3.size(key) < 0:
            return self._head(fault if isinstance(fault, int) else 404, 0)
        self._head(200, self.s3.size(key), self.s3.etag(key))

    def do_PUT(self) -> None:
        key, query, fault = self._begin()
        size = int(self.headers["Content-Length"])
        if fault == "cut":
            self.rfile.read(size // 2)
            self.close_connection = True
            return self.connection.close()
        data = self.rfile.read(size)
        if len(data) < size:  # the sender was killed: no server keeps such a part
            self.close_connection = True
            return
        if isinstance(fault, int):
            return self._error(fault)
        if "partNumber" in query:
            kept = b"" if self.s3.discards else data
            self.s3.uploads[query["uploadId"]][int(query["partNumber"])] = kept
            self.s3.received += size
        else:
            path = self.s3.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._head(200, 0, hashlib.md5(data).hexdigest())

    def do_POST(self) -> None:
        key, query, _ = self._begin()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "uploads" in query:
            name = f"upload{len(self.s3.uploads)}"
            self.s3.uploads[name] = {}
            inner = f"<Bucket>bkt</Bucket><Key>{escape(key)}</Key><UploadId>{name}</UploadId>"
            return self._xml("InitiateMultipartUploadResult", inner)
        parts = self.s3.uploads.pop(query["uploadId"])
        if self.s3.discards:
            self.s3.made_up[key] = self.s3.received
            return self._xml("CompleteMultipartUploadResult", f"<Key>{escape(key)}</Key>")
        (self.s3.folder / key).parent.mkdir(parents=True, exist_ok=True)
        (self.s3.folder / key).write_bytes(b"".join(parts[number] for number in sorted(parts)))
        self._xml("CompleteMultipartUploadResult", f"<Key>{escape(key)}</Key>")

    def _begin(self) -> tuple[str, dict[str, str], int | str | None]:
        url = urllib.parse.urlsplit(self.path)
        key = urllib.parse.unquote(url.path).removeprefix("/bkt").lstrip("/")
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.s3.requests.append((self.command, key, self.headers.get("Range", "")))
        return key, query, self.s3.fault(self.command, key)

    def _list(self, query: dict[str, str]) -> None:
        prefix, marker = query.get("prefix", ""), query.get("marker", "")
        keys = [key for key in self.s3.stored() if key.startswith(prefix) and key > marker]
        page = keys[: int(query.get("max-keys", 1000))]
        more = "true" if len(keys) > len(page) else "false"
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{self.s3.size(key)}</Size>"
            f'<ETag>"{self.s3.etag(key)}"</ETag></Contents>'
            for key in page
        )
        following = f"<NextMarker>{escape(page[-1])}</NextMarker>" if more == "true" else ""
        self._xml("ListBucketResult", f"<IsTruncated>{more}</IsTruncated>{following}{items}")

    def _head(self, status: int, length: int, etag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("x-amz-request-id", "R-1")
        if etag:
            self.send_header("ETag", f'"{etag}"')
        self.end_headers()

    def _xml(self, root: str, inner: str, status: int = 200) -> None:
        data = f"<?xml version='1.0' encoding='UTF-8'?><{root}>{inner}</{root}>".encode()
        self._head(status, len(data))
        self.wfile.write(data)

    def _error(self, status: int) -> None:
        inner = f"<Code>Code{status}</Code><Message>as told</Message><RequestId>R-1</RequestId>"
        self._xml("Error", inner, status)
