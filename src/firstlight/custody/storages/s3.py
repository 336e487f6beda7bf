"""Sealed originals in an S3 bucket with Object Lock, through boto3: locked versions that nobody can remove or shorten.

What stores really do differs from what their manuals say, so little is relied on. A name is used once, because not
every store refuses to write over one. Each object is read back and hashed, because not every store checks what it is
sent. What is read and removed is one version by its id, so that a deletion mark or a later version hides nothing.
Only the endpoint of the settings is ever spoken to: no other place is searched for settings or credentials.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from firstlight.clock import Clock, SystemClock, in_utc
from firstlight.custody.files import Disk, require_private
from firstlight.custody.storage import Place, Protection
from firstlight.custody.storages.folder import RESERVE, gone, incoming, opened, require_room, sweep
from firstlight.custody.storages.s3_client import Speaks, call, connect, denied, error_code
from firstlight.errors import StateError, StorageError
from firstlight.ranged import Ranged

PART = 64 * 1024 * 1024
"""Bytes of one part of a large object; a store takes up to 10,000 parts."""

READ_AHEAD = 4 * 1024 * 1024
"""Bytes that are asked for at once: a request costs as much time as some megabytes do."""

STALE_UPLOAD = timedelta(days=1)
"""An upload in parts that has not ended after so long never will."""


class LockMode(StrEnum):
    """How the store keeps an object: `compliance` nobody can end, `governance` a permission of the store can."""

    COMPLIANCE = "compliance"
    GOVERNANCE = "governance"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the objects lie, and how they are locked from the first moment on."""

    endpoint: str
    name: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    prefix: str = ""
    lock: LockMode = LockMode.COMPLIANCE
    lock_days: int = 35
    speaks: Speaks = field(default_factory=Speaks)


class S3Storage:
    """A bucket of sealed objects. What is sent lies as ciphertext in a private folder of this machine meanwhile."""

    def __init__(
        self,
        bucket: Bucket,
        folder: Path,
        *,
        clock: Clock | None = None,
        disk: Disk | None = None,
        reserve: int = RESERVE,
        part: int = PART,
    ) -> None:
        """Open the bucket; `folder` is where an object waits until the store has it.

        Raises:
            MissingExtraError: boto3 is not installed.
            StateError: the bucket is not there, or is to be locked and cannot be.
            StorageError: the store does not answer, or refuses; the folder cannot be used.
        """
        self._bucket = bucket
        self._clock = clock or SystemClock()
        self._disk = disk or Disk()
        self._reserve = reserve
        self._part = part
        self._waiting = folder / "incoming"
        for one in (folder, self._waiting):
            self._disk.make_folder(one)
            require_private(one)
        self.swept = sweep(self._waiting, self._disk)
        self._client = connect(bucket.endpoint, bucket.region, bucket.access_key, bucket.secret_key, bucket.speaks)
        self._require_lock()

    def put(self, key_id: str, object_id: str, blocks: Iterable[bytes], check: Callable[[BinaryIO], None]) -> Place:
        """Send it, read it back, lock it. A store that is away is asked again a few times."""
        require_room(self._disk, self._waiting, self._reserve)
        with incoming(self._disk, self._waiting / object_id) as (fd, temp):
            for block in blocks:
                self._disk.write(fd, temp, block)
            self._disk.sync(fd, temp)
            with opened(temp) as file:
                place = Place(key_id, object_id, self._send(self._name(key_id, object_id), file))
        try:
            check(self.open(place))
            until = self.first_lock(self._clock.now())
            if until is not None:
                self._lock(place, until)
        except BaseException:
            self._take_back(place)
            raise
        return place

    def open(self, place: Place) -> BinaryIO:
        """The object's version, read in ranges."""
        found = self._call("head_object", place, **self._where(place))
        raw = Ranged(lambda start, stop: self._range(place, start, stop), int(found["ContentLength"]))
        return io.BufferedReader(raw, READ_AHEAD)

    def find(self, key_id: str, object_id: str) -> Place:
        """The first version that was written under this name; whatever came later is not of this house."""
        written = [version for version, marker in self._versions(Place(key_id, object_id)) if not marker]
        if not written:
            raise gone(object_id)
        return Place(key_id, object_id, written[-1])  # a store lists the newest first

    def remove(self, place: Place) -> datetime | None:
        """Delete the version; answers until when the lock keeps it, or the end of time for a hold."""
        versions = [place.version] if place.version else [one for one, _ in self._versions(place)]
        kept: list[datetime] = []
        for version in versions:
            where = self._where(Place(place.key_id, place.object_id, version))
            try:
                self._call("delete_object", place, **where)
            except StorageError as e:
                if not denied(e):
                    raise
                found = self.protection(Place(place.key_id, place.object_id, version))
                if found is None or not (found.hold or (found.until and found.until > self._clock.now())):
                    raise
                kept.append(datetime.max.replace(tzinfo=self._clock.now().tzinfo) if found.hold else _end(found))
        return max(kept, default=None)

    def remove_all(self, key_id: str) -> int:
        """Delete every version under this key that may go."""
        removed = 0
        for _, object_id, version, _ in self._listed(f"{self._bucket.prefix}objects/{key_id}/"):
            removed += self.remove(Place(key_id, object_id, version)) is None
        return removed

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Key id and object id of everything of which a version lies there."""
        before = None
        for key_id, object_id, _, marker in self._listed():
            if not marker and (key_id, object_id) != before:
                before = (key_id, object_id)
                yield before

    def disturbed(self) -> Iterator[tuple[str, str]]:
        """What has a deletion mark, or more versions than the one that was written."""
        found: dict[str, list[int]] = {}
        for _, object_id, _, marker in self._listed():
            found.setdefault(object_id, [0, 0])[marker] += 1
        for object_id, (versions, markers) in found.items():
            if markers:
                yield object_id, "was marked as deleted in the object store; its version is there still"
            if versions > 1:
                yield object_id, "was written over in the object store; the version of this house is there still"

    def protection(self, place: Place) -> Protection | None:
        """The version's lock and hold; None where the bucket is not locked."""
        if self._bucket.lock is LockMode.NONE:
            return None
        return Protection(self._until(place), self._held(place))

    def protect(self, place: Place, wanted: Protection) -> bool:
        """Lengthen the lock where it ends too soon, and set or lift the hold."""
        now = self.protection(place)
        if now is None:
            return False
        changed = False
        if wanted.until is not None and (now.until is None or now.until < _whole(wanted.until)):
            self._lock(place, wanted.until)
            changed = True
        if wanted.hold != now.hold:
            hold = {"Status": "ON" if wanted.hold else "OFF"}
            self._call("put_object_legal_hold", place, **self._where(place), LegalHold=hold)
            changed = True
        return changed

    def first_lock(self, now: datetime) -> datetime | None:
        """So many days from now."""
        return None if self._bucket.lock is LockMode.NONE else in_utc(now) + timedelta(days=self._bucket.lock_days)

    def abandon_stale_uploads(self) -> int:
        """End uploads in parts that were cut off long ago, which cost room and show nowhere; says how many."""
        name, ended = self._bucket.name, 0
        found = call(self._client, "list_multipart_uploads", Bucket=name, Prefix=self._bucket.prefix)
        for one in found.get("Uploads", ()):
            if one["Initiated"] < self._clock.now() - STALE_UPLOAD:
                where = {"Bucket": name, "Key": one["Key"], "UploadId": one["UploadId"]}
                call(self._client, "abort_multipart_upload", **where)
                ended += 1
        return ended

    def _require_lock(self) -> None:
        name = self._bucket.name
        try:
            call(self._client, "head_bucket", Bucket=name)
        except StorageError as e:
            if error_code(e) not in ("404", "NoSuchBucket"):
                raise
            raise StateError(
                f"There is no bucket {name} at {self._bucket.endpoint}.",
                hint="Make it with Object Lock: aws s3api create-bucket --object-lock-enabled-for-bucket ...",
            ) from e
        if self._bucket.lock is LockMode.NONE:
            return
        try:
            found = call(self._client, "get_object_lock_configuration", Bucket=name)
        except StorageError as e:
            if not error_code(e):
                raise
            found = {}
        if found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise StateError(
                f"The bucket {name} cannot lock objects.",
                hint='Make one with Object Lock enabled, or set vault.lock = "none" and do without.',
            )

    def _send(self, name: str, file: BinaryIO) -> str:
        """The version id that the store gave it; empty where the bucket keeps no versions."""
        size = os.fstat(file.fileno()).st_size
        where = {"Bucket": self._bucket.name, "Key": name}
        if size <= self._part:
            data = file.read(size)
            return _version(call(self._client, "put_object", **where, Body=data, ContentMD5=_md5(data)))
        upload = {**where, "UploadId": call(self._client, "create_multipart_upload", **where)["UploadId"]}
        try:
            parts = []
            for number, data in enumerate(iter(lambda: file.read(self._part), b""), 1):
                sent = call(self._client, "upload_part", **upload, PartNumber=number, Body=data, ContentMD5=_md5(data))
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
            return _version(call(self._client, "complete_multipart_upload", **upload, MultipartUpload={"Parts": parts}))
        except StorageError:
            _quietly(lambda: call(self._client, "abort_multipart_upload", **upload))
            raise

    def _take_back(self, place: Place) -> None:
        """What was not as written, or could not be locked, goes; a store that is away keeps it, and nobody names it."""
        _quietly(lambda: self.remove(place))

    def _lock(self, place: Place, until: datetime) -> None:
        retention = {"Mode": self._bucket.lock.upper(), "RetainUntilDate": _whole(until)}
        self._call("put_object_retention", place, **self._where(place), Retention=retention)

    def _until(self, place: Place) -> datetime | None:
        try:
            found = self._call("get_object_retention", place, **self._where(place))
        except StorageError as e:
            if error_code(e) not in ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"):
                raise
            return None
        until: datetime | None = found.get("Retention", {}).get("RetainUntilDate")
        return until

    def _held(self, place: Place) -> bool:
        try:
            found = self._call("get_object_legal_hold", place, **self._where(place))
        except StorageError as e:
            if error_code(e) not in ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"):
                raise
            return False
        return bool(found.get("LegalHold", {}).get("Status") == "ON")

    def _range(self, place: Place, start: int, stop: int) -> bytes:
        found = self._call("get_object", place, **self._where(place), Range=f"bytes={start}-{stop - 1}")
        data: bytes = found["Body"]
        return data

    def _versions(self, place: Place) -> list[tuple[str, bool]]:
        name = self._name(place.key_id, place.object_id)
        return [(version, marker) for _, _, version, marker in self._listed(name)]

    def _listed(self, prefix: str | None = None) -> Iterator[tuple[str, str, str, bool]]:
        """Key id, object id, version, and whether that is a mark of deletion, in the order of their names."""
        more: dict[str, str] = {}
        prefix = f"{self._bucket.prefix}objects/" if prefix is None else prefix
        while True:
            page = call(self._client, "list_object_versions", Bucket=self._bucket.name, Prefix=prefix, **more)
            rows = [(one, False) for one in page.get("Versions", ())]
            rows += [(one, True) for one in page.get("DeleteMarkers", ())]
            for one, marker in sorted(rows, key=lambda row: str(row[0]["Key"])):
                key_id, _, object_id = str(one["Key"]).removeprefix(f"{self._bucket.prefix}objects/").partition("/")
                yield key_id, object_id, str(one.get("VersionId") or ""), marker
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    def _name(self, key_id: str, object_id: str) -> str:
        return f"{self._bucket.prefix}objects/{key_id}/{object_id}"

    def _where(self, place: Place) -> dict[str, str]:
        where = {"Bucket": self._bucket.name, "Key": self._name(place.key_id, place.object_id)}
        return where | ({"VersionId": place.version} if place.version else {})

    def _call(self, what: str, place: Place, **arguments: object) -> Any:  # noqa: ANN401 - what the store answers
        try:
            return call(self._client, what, **arguments)
        except StorageError as e:
            if error_code(e) in ("404", "NoSuchKey", "NoSuchVersion"):
                raise gone(place.object_id) from e
            raise


def _end(found: Protection) -> datetime:
    if found.until is None:
        raise StorageError("The object store refuses to remove an object and does not say why.")
    return in_utc(found.until)


def _whole(until: datetime) -> datetime:
    """The second in which it ends or the one after: stores keep no parts of seconds, and a clock is never shortened."""
    until = in_utc(until)
    return until.replace(microsecond=0) + timedelta(seconds=1 if until.microsecond else 0)


def _md5(data: bytes) -> str:
    """What every store checks at once, unlike newer checksums; reading back is what is relied on."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _version(answer: dict[str, Any]) -> str:
    found = answer.get("VersionId")
    return found if isinstance(found, str) else ""


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except StorageError:
        return
