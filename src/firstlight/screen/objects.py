"""Objects in an S3 store, read as files. The store is the one the operator configured; nothing is written to it."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from firstlight.errors import FirstlightError, InputError, MissingExtraError, NotFoundError, UpstreamError
from firstlight.ranged import Ranged
from firstlight.screen.shards import File

S3: Final = "s3://"
BLOCK_BYTES: Final = 8 * 2**20
"""Read at a time: large enough that round trips do not count, small enough for a worker's memory."""
ATTEMPTS: Final = 8
"""Tries of one request; boto3 waits longer after each, about a minute and a half in all."""
_GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_REFUSED: Final = frozenset({"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class S3Settings:
    """How an S3 store is reached. Credentials come the way boto3 finds them; nothing of them is kept here."""

    endpoint: str = ""
    region: str = ""


class ObjectStore:
    """An S3 store. See the module."""

    def __init__(self, settings: S3Settings, *, attempts: int = ATTEMPTS) -> None:
        """Raises MissingExtraError where boto3 is not installed."""
        try:
            boto3 = importlib.import_module("boto3")
            config = importlib.import_module("botocore.config")
        except ImportError as e:
            raise MissingExtraError(
                "S3 addresses need the library boto3.", hint="Install it with: pip install 'firstlight[s3]'."
            ) from e
        with _words("the store"):
            self._client: Any = boto3.client(
                "s3",
                endpoint_url=settings.endpoint or None,
                region_name=settings.region or None,
                config=config.Config(retries={"mode": "standard", "max_attempts": attempts}, read_timeout=60),
            )

    def open(self, place: str, mark: str) -> BinaryIO:
        """An object as a seekable file, as it was when it had this ETag; any state of it where none is given."""
        bucket, key = _parts(place)
        with _words(place):
            head = self._client.head_object(Bucket=bucket, Key=key)
        if mark and head["ETag"] != mark:
            raise UpstreamError(
                f"{place} is not the object that was planned: it was changed since.", hint="Run the command again."
            )
        found = _Object(self._client, place, bucket, key, head["ETag"])
        raw = Ranged(found.range, int(head["ContentLength"]))
        return cast("BinaryIO", io.BufferedReader(raw, BLOCK_BYTES))

    def exists(self, place: str) -> bool:
        """Whether there is such an object."""
        return self.named(place) is not None

    def named(self, place: str) -> File | None:
        """The object that has exactly this address, by the last part of its name."""
        bucket, key = _parts(place)
        if not key or key.endswith("/"):
            return None
        try:
            with _words(place):
                head = self._client.head_object(Bucket=bucket, Key=key)
        except NotFoundError:
            return None
        return File(key.rpartition("/")[2], int(head["ContentLength"]), head["ETag"])

    def walk(self, place: str) -> Iterator[File]:
        """The objects under an address, by their names below it. Empty ones that stand for folders are none."""
        bucket, prefix = _parts(place)
        below = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        seen = False
        with _words(place):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below):
                for one in page.get("Contents", ()):
                    name = one["Key"][len(below) :]
                    if name and (one["Size"] or not name.endswith("/")):
                        seen = True
                        yield File(name, int(one["Size"]), one["ETag"])
        if not seen:
            raise NotFoundError(f"There is nothing under {place}.", hint="Check the bucket and the prefix.")


class _Object:
    """Ranges of one object; each is asked for with the ETag, so that a changed object is no mixture."""

    def __init__(self, client: Any, place: str, bucket: str, key: str, etag: str) -> None:  # noqa: ANN401
        self._client = client
        self._place = place
        self._asked = {"Bucket": bucket, "Key": key, "IfMatch": etag}

    def range(self, start: int, end: int) -> bytes:
        """These bytes, however often the connection breaks within reason."""
        for left in range(ATTEMPTS, 0, -1):
            with _words(self._place):
                answer = self._client.get_object(**self._asked, Range=f"bytes={start}-{end - 1}")
            try:
                with _words(self._place):
                    data: bytes = answer["Body"].read()
            except UpstreamError:
                if left == 1:
                    raise
                continue  # the connection broke in the middle of the body, which boto3 does not try again
            if len(data) == end - start:
                return data
        raise UpstreamError(f"{self._place} breaks off while it is read.", hint="Run the command again to go on.")


def _parts(place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix(S3).partition("/")
    if not bucket:
        raise InputError(f"{place!r} names no bucket.", hint="An address looks like s3://bucket/prefix.")
    return bucket, key


@contextmanager
def _words(place: str) -> Iterator[None]:
    """What boto3 raises, in the words of the house."""
    errors = importlib.import_module("botocore.exceptions")
    try:
        yield
    except FirstlightError:
        raise
    except errors.ClientError as e:
        code = str(e.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise NotFoundError(f"There is no {place}.", hint="Check the bucket and the name.") from e
        if code in _REFUSED:
            raise UpstreamError(
                f"The store refuses {place} ({code}).", hint="Check the credentials that boto3 finds, and their rights."
            ) from e
        raise UpstreamError(f"The store answers {code} to {place}.", hint="Run the command again to go on.") from e
    except (errors.BotoCoreError, errors.HTTPClientError, OSError, ValueError) as e:
        raise UpstreamError(
            f"The store of {place} does not answer: {type(e).__name__}.",
            hint="Check the endpoint and the network; run the command again to go on.",
        ) from e
