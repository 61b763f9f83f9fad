"""Where files can come from and go to: OBS (by moxing, or by the OBS SDK), or a local folder.

`open_store(url)` chooses: obs:// and s3:// need moxing, which ModelArts has, or the package
esdk-obs-python; file:// and plain paths need nothing. A store knows nothing of retries, which are
transfer.py's, but says of each error whether trying again can help.

The variables OBS_* and NPU_OBS_* in settings.py are for the OBS SDK; moxing has its own.
"""

import base64
import collections
import contextlib
import errno
import functools
import hashlib
import os
import shutil
import ssl

from . import settings

# What a place holds. `name` is relative to the store's root, with forward slashes; `size` in
# bytes; `tag` changes when the content does, and is the content's MD5 where it has 32 hex digits.
Entry = collections.namedtuple("Entry", "name size tag")

_BLOCK = 1 << 20  # bytes
_MULTIPART = 100 << 20  # bytes; a larger file is uploaded in parts, which can be resumed
_PART = 20 << 20  # bytes
_TIMEOUT = 60  # seconds without a byte
_FULL = (errno.ENOSPC, errno.EDQUOT)
_RETRY = frozenset({408, 409, 429})  # and every 5xx
_HOW_TO_GET_AN_SDK = (
    "Neither moxing nor the OBS SDK can be imported. On ModelArts moxing is there; elsewhere: "
    "pip install esdk-obs-python"
)


class StorageError(Exception):
    """A place that cannot be read or written; the message says which, why, and what to do.

    Args:
        message: the whole message.
        again: whether trying again can help.
    """

    def __init__(self, message, again=False):
        super().__init__(message)
        self.again = again


def is_remote(url):
    """Whether a URL or path names OBS rather than a folder of this machine."""
    return url.startswith(("obs://", "s3://"))


def open_store(url):
    """The store for a folder.

    Args:
        url: obs://bucket/folder, s3://bucket/folder, file:///folder or a local path.

    Raises:
        StorageError: neither moxing nor the OBS SDK is there, or OBS_ENDPOINT is missing.
    """
    if not is_remote(url):
        return LocalStore(url[len("file://") :] if url.startswith("file://") else url)
    try:
        import moxing

        return MoxStore(url, moxing.file)
    except ImportError:
        pass
    bucket, _, prefix = url.partition("://")[2].partition("/")
    return ObsStore(bucket, prefix, _client())


class LocalStore:
    """A folder of this machine."""

    def __init__(self, folder):
        self._folder = folder

    def entries(self):
        """The files below the folder; none where there is no folder."""
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = os.path.join(folder, name)
                relative = os.path.relpath(path, self._folder).replace(os.sep, "/")
                status = os.stat(path)
                yield Entry(relative, status.st_size, str(status.st_mtime_ns))

    def fetch(self, entry, part):
        """Copies a file to the local path `part`."""
        shutil.copyfile(os.path.join(self._folder, entry.name), part)

    def put(self, name, path, size):
        """Copies the first `size` bytes of the local file `path` into the folder."""
        target = os.path.join(self._folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        part = target + ".part"
        with open(path, "rb") as source, open(part, "wb") as copy:
            _copy(source, copy, size)
        os.replace(part, target)


class MoxStore:
    """A folder in OBS, by moxing."""

    def __init__(self, url, mox):
        self._url = url.rstrip("/")
        self._mox = mox

    def entries(self):
        """The objects below the folder; none where there is no folder."""
        with _as_storage_error(self._url):
            there = self._mox.exists(self._url)
            names = self._mox.list_directory(self._url, recursive=True) if there else []
        for name in names:
            place = "%s/%s" % (self._url, name)
            with _as_storage_error(place):
                status = None if self._mox.is_directory(place) else self._mox.stat(place)
            if status is not None:
                yield Entry(name, status.length, str(status.mtime_nsec))

    def fetch(self, entry, part):
        """Copies an object to the local path `part`."""
        place = "%s/%s" % (self._url, entry.name)
        with _as_storage_error(place):
            self._mox.copy(place, part)

    def put(self, name, path, size):
        """Copies a local file into the folder, whole: moxing has no way to copy a part of it."""
        place = "%s/%s" % (self._url, name)
        with _as_storage_error(place):
            self._mox.copy(path, place)
            stored = self._mox.get_size(place)
        if stored < size:
            raise StorageError("%s: %d bytes arrived of %d" % (place, stored, size), again=True)


class ObsStore:
    """A folder in OBS, by the OBS SDK."""

    def __init__(self, bucket, prefix, client):
        self._bucket = bucket
        self._prefix = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
        self._client = client

    def entries(self):
        """The objects below the folder, a page of 1000 at a time."""
        marker = None
        while True:
            with _as_storage_error(self._place("")):
                answer = self._client.listObjects(
                    self._bucket, prefix=self._prefix, marker=marker, max_keys=1000
                )
            self._check(answer, "")
            for item in answer.body.contents:
                name = item.key[len(self._prefix) :]
                if name and not name.endswith("/"):  # a folder's own marker
                    yield Entry(name, item.size, (item.etag or "").strip('"'))
            if not answer.body.is_truncated:
                return
            marker = answer.body.next_marker or answer.body.contents[-1].key

    def fetch(self, entry, part):
        """Appends to the local path `part` what it lacks of an object."""
        from obs import GetObjectHeader

        start = os.path.getsize(part) if os.path.exists(part) else 0
        if start > entry.size:
            os.remove(part)
            start = 0
        if start == entry.size and os.path.exists(part):
            return
        header = GetObjectHeader()
        if start:
            header.range = "%d-%d" % (start, entry.size - 1)
        with _as_storage_error(self._place(entry.name)):
            answer = self._client.getObject(
                self._bucket, self._prefix + entry.name, headers=header, loadStreamInMemory=False
            )
            self._check(answer, entry.name)
            stream = answer.body.response
            try:
                # Not If-Match: the SDK sends its quotes as %22, which S3 servers do not take.
                if (answer.body.etag or "").strip('"') != entry.tag:
                    raise StorageError(
                        "%s: it was replaced while it was being read; start again"
                        % self._place(entry.name)
                    )
                # A server that ignores the range sends all of it.
                with open(part, "ab" if start and answer.status == 206 else "wb") as copy:
                    _copy(stream, copy, entry.size)
            finally:
                stream.close()

    def put(self, name, path, size):
        """Uploads the first `size` bytes of the local file `path`; a large file whole."""
        from obs import PutObjectHeader

        key = self._prefix + name
        with _as_storage_error(self._place(name)):
            if size > _MULTIPART:
                self._put_in_parts(name, key, path)
            else:
                # OBS refuses what does not agree with its MD5.
                digest = base64.b64encode(md5(path, size)).decode("ascii")
                with open(path, "rb") as content:
                    header = PutObjectHeader(contentLength=size, md5=digest)
                    answer = self._client.putContent(
                        self._bucket, key, content=content, headers=header
                    )
                self._check(answer, name)
            answer = self._client.getObjectMetadata(self._bucket, key)
        self._check(answer, name)
        if answer.body.contentLength < size:
            raise StorageError(
                "%s: %d bytes arrived of %d" % (self._place(name), answer.body.contentLength, size),
                again=True,
            )

    def _put_in_parts(self, name, key, path):
        """The SDK keeps a record of what arrived beside the file; a killed upload goes on there.

        Where the disk is too full for that, it does without: this file may be what fills it.
        """
        upload = functools.partial(
            self._client.uploadFile,
            self._bucket,
            key,
            path,
            partSize=_PART,
            taskNum=4,
            checkSum=True,
        )
        try:
            answer = upload(enableCheckpoint=True, checkpointFile=path + ".upload_record")
        except OSError as error:
            if error.errno not in _FULL:
                raise
            answer = upload()
        self._check(answer, name)

    def _place(self, name):
        return "obs://%s/%s%s" % (self._bucket, self._prefix, name)

    def _check(self, answer, name):
        """The SDK returns errors instead of raising them."""
        if answer.status < 300:
            return
        advice = {
            403: " The credentials may not do this; see OBS_ACCESS_KEY_ID and its kind.",
            404: " Is the bucket's name right, and its region that of OBS_ENDPOINT?",
        }.get(answer.status, "")
        raise StorageError(
            "%s: %s %s (HTTP %s, request %s).%s"
            % (
                self._place(name),
                answer.errorCode or answer.reason or "refused",
                answer.errorMessage or "",
                answer.status,
                answer.requestId or "unknown",
                advice,
            ),
            # A file that changed while it was sent does not have its MD5 any more.
            again=answer.status >= 500
            or answer.status in _RETRY
            or answer.errorCode == "BadDigest",
        )


def md5(path, size):
    """The MD5 of a local file's first `size` bytes, as 16 raw bytes."""
    digest = hashlib.md5()
    with open(path, "rb") as file:
        for block in _blocks(file, size):
            digest.update(block)
    return digest.digest()


def _client():
    try:
        from obs import ObsClient
    except ImportError as error:
        raise StorageError("%s (%s)" % (_HOW_TO_GET_AN_SDK, error)) from error
    endpoint = settings.value("OBS_ENDPOINT")
    if not endpoint:
        raise StorageError(
            "OBS_ENDPOINT is not set: the OBS SDK needs it, "
            "such as https://obs.cn-north-4.myhuaweicloud.com"
        )
    given = settings.value("OBS_ACCESS_KEY_ID")
    client = ObsClient(
        access_key_id=given,
        secret_access_key=settings.value("OBS_SECRET_ACCESS_KEY"),
        security_token=settings.value("OBS_SECURITY_TOKEN") or None,
        security_provider_policy=None if given else "OBS_DEFAULT",
        server=endpoint,
        path_style=settings.value("NPU_OBS_PATH_STYLE") == "1",
        max_retry_count=0,  # transfer.py tries again, with a growing pause
        timeout=_TIMEOUT,
        long_conn_mode=True,  # one handshake for many objects
    )
    if client.is_secure:
        # The SDK does not verify certificates unless told to, and never the host's name
        # (esdk-obs-python 3.26, client.py, _init_ssl_context).
        try:
            client.context = ssl.create_default_context(
                cafile=settings.value("NPU_OBS_CA_FILE") or None
            )
        except (OSError, ssl.SSLError) as error:
            raise StorageError("NPU_OBS_CA_FILE cannot be read: %s" % error) from error
    return client


@contextlib.contextmanager
def _as_storage_error(place):
    """Turns what the SDKs raise into StorageError, which names the place.

    A connection that breaks is worth another try; a local disk that is full is not.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        local = isinstance(error, OSError) and (error.filename is not None or error.errno in _FULL)
        raise StorageError("%s: %s" % (place, error), again=not local) from error


def _copy(source, target, size):
    for block in _blocks(source, size):
        target.write(block)


def _blocks(file, size):
    """At most `size` bytes of an open file, a piece at a time."""
    while size:
        block = file.read(min(_BLOCK, size))
        if not block:
            return
        size -= len(block)
        yield block
