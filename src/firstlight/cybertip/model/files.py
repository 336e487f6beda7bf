"""What is said about one file that was sent."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from firstlight.cybertip.model.annotations import FileAnnotation, FileAnnotations
from firstlight.cybertip.model.codes import DetailsType, FileRelevance, IndustryClassification
from firstlight.cybertip.model.people import DeviceId, IpCaptureEvent
from firstlight.cybertip.model.values import PastTime, ReportId, Text64, Text2056, Url
from firstlight.cybertip.wire import Block, Must, Role, Wire


class FileHash(Block):
    """A digest of the original bytes, with the name of its kind (MD5, SHA1, ...)."""

    value: Annotated[str, Wire(role=Role.TEXT)]
    hash_type: Annotated[Text64, Wire(role=Role.ATTRIBUTE)]


class NameValuePair(Block):
    """One fact by name."""

    name: Text64
    value: str


class Details(Block):
    """Facts about a file that have no element of their own; the type stands on the whole list."""

    name_value_pair: Annotated[tuple[NameValuePair, ...], Field(min_length=1)]
    type: Annotated[DetailsType | None, Wire(role=Role.ATTRIBUTE)] = None


class _FileIds(Block):
    """What only the service can give: the numbers of the report and of the file."""

    report_id: ReportId
    file_id: Annotated[str, Must.NOT_BE_BLANK]


class FileDescription(Block):
    """What is said about a file before the service has given it a number."""

    file_name: str | None = None
    original_file_name: Text2056 | None = None
    uploaded_to_esp_timestamp: PastTime | None = None
    location_of_file: Url | None = None
    file_viewed_by_esp: bool | None = None
    exif_viewed_by_esp: bool | None = None
    publicly_available: bool | None = None
    file_relevance: FileRelevance | None = None
    potential_meme: bool | None = None
    file_annotations: FileAnnotations | None = None
    industry_classification: IndustryClassification | None = None
    original_file_hash: tuple[FileHash, ...] = ()
    ip_capture_event: IpCaptureEvent | None = None
    device_id: tuple[DeviceId, ...] = ()
    details: tuple[Details, ...] = ()
    additional_info: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _meme_once(self) -> Self:
        if self.potential_meme is not None and self.file_annotations is not None:
            msg = "potentialMeme stands either alone or within fileAnnotations, never beside them"
            raise ValueError(msg)
        return self

    def is_annotated(self, annotation: FileAnnotation) -> bool:
        """Whether the file carries the annotation."""
        return annotation in (self.file_annotations or ())

    @property
    def is_supplemental(self) -> bool:
        """Whether the file is context; a file that does not say so is reported."""
        return self.file_relevance is FileRelevance.SUPPLEMENTAL


class FileDetails(FileDescription, _FileIds):
    """A file's description as it is sent. The base classes stand so that the numbers come first on the wire."""

    @classmethod
    def of(cls, report_id: int, file_id: str, description: FileDescription) -> FileDetails:
        """The description with the numbers that the service gave."""
        return cls(report_id=report_id, file_id=file_id, **dict(description))
