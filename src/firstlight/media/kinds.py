"""What kind of media some bytes are, by their first bytes and never by a name."""

from __future__ import annotations

import codecs
from enum import StrEnum

SNIFF_BYTES = 4096
"""How much of a file `sniff` needs: an SVG may open with a long comment; all else shows in the first 64 bytes."""


class MediaType(StrEnum):
    """The kinds of media this package tells apart. The value is the IANA media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    HEIC = "image/heic"
    AVIF = "image/avif"
    JXL = "image/jxl"
    JP2 = "image/jp2"
    PSD = "image/vnd.adobe.photoshop"
    ICO = "image/vnd.microsoft.icon"
    SVG = "image/svg+xml"
    PDF = "application/pdf"
    POSTSCRIPT = "application/postscript"
    MP4 = "video/mp4"
    QUICKTIME = "video/quicktime"
    MATROSKA = "video/matroska"
    AVI = "video/vnd.avi"
    MPEG = "video/mpeg"
    OGG = "application/ogg"
    WAV = "audio/wav"
    MP3 = "audio/mpeg"
    ZIP = "application/zip"
    GZIP = "application/gzip"
    SEVEN_ZIP = "application/x-7z-compressed"
    RAR = "application/vnd.rar"
    BZIP2 = "application/x-bzip2"
    XZ = "application/x-xz"
    ZSTD = "application/zstd"
    HTML = "text/html"
    TEXT = "text/plain"
    EMPTY = "application/x-empty"
    UNKNOWN = "application/octet-stream"

    @property
    def is_picture(self) -> bool:
        """Whether the caged decoder opens it as a picture."""
        return self in _PICTURES

    @property
    def is_video(self) -> bool:
        """Whether it is a container for moving pictures."""
        return self in _VIDEOS

    @property
    def is_archive(self) -> bool:
        """Whether other files may be packed in it."""
        return self in _ARCHIVES

    @property
    def words(self) -> str:
        """The kind in words, with its article: "a JPEG picture", "plain text"."""
        return _WORDS.get(self) or f"{self.name} data"


_PICTURES = frozenset(
    {
        MediaType.JPEG,
        MediaType.PNG,
        MediaType.GIF,
        MediaType.WEBP,
        MediaType.TIFF,
        MediaType.BMP,
        MediaType.HEIC,
        MediaType.AVIF,
    }
)
_ARCHIVES = frozenset(
    {
        MediaType.ZIP,
        MediaType.GZIP,
        MediaType.SEVEN_ZIP,
        MediaType.RAR,
        MediaType.BZIP2,
        MediaType.XZ,
        MediaType.ZSTD,
    }
)
_VIDEOS = frozenset({MediaType.MP4, MediaType.QUICKTIME, MediaType.MATROSKA, MediaType.AVI, MediaType.MPEG})

_WORDS = {
    **{kind: f"a {kind.name} picture" for kind in _PICTURES},
    MediaType.AVIF: "an AVIF picture",
    **{kind: f"a {kind.name} video" for kind in _VIDEOS},
    MediaType.MP4: "an MP4 video",
    MediaType.AVI: "an AVI video",
    MediaType.MPEG: "an MPEG video",
    MediaType.SVG: "an SVG drawing",
    MediaType.PDF: "a PDF document",
    MediaType.POSTSCRIPT: "a PostScript document",
    MediaType.HTML: "a web page",
    MediaType.TEXT: "plain text",
    MediaType.ZIP: "a ZIP archive",
    MediaType.GZIP: "gzip data",
    MediaType.BZIP2: "bzip2 data",
    MediaType.XZ: "xz data",
    MediaType.ZSTD: "Zstandard data",
    MediaType.EMPTY: "an empty file",
    MediaType.UNKNOWN: "data of an unknown kind",
}

_MAGIC: tuple[tuple[int, bytes, MediaType], ...] = (
    (0, b"\xff\xd8\xff", MediaType.JPEG),
    (0, b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (0, b"GIF87a", MediaType.GIF),
    (0, b"GIF89a", MediaType.GIF),
    (0, b"II*\0", MediaType.TIFF),
    (0, b"MM\0*", MediaType.TIFF),
    (0, b"II+\0", MediaType.TIFF),
    (0, b"MM\0+", MediaType.TIFF),
    (0, b"BM", MediaType.BMP),
    (0, b"%PDF-", MediaType.PDF),
    (0, b"%!PS", MediaType.POSTSCRIPT),
    (0, b"\xff\x0a", MediaType.JXL),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", MediaType.JXL),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", MediaType.JP2),
    (0, b"8BPS", MediaType.PSD),
    (0, b"\0\0\1\0", MediaType.ICO),
    (0, b"\x1aE\xdf\xa3", MediaType.MATROSKA),
    (0, b"\0\0\1\xba", MediaType.MPEG),
    (0, b"\0\0\1\xb3", MediaType.MPEG),
    (0, b"OggS", MediaType.OGG),
    (0, b"ID3", MediaType.MP3),
    (0, b"PK\3\4", MediaType.ZIP),
    (0, b"\x1f\x8b", MediaType.GZIP),
    (0, b"7z\xbc\xaf\x27\x1c", MediaType.SEVEN_ZIP),
    (0, b"Rar!\x1a\x07", MediaType.RAR),
    (0, b"BZh", MediaType.BZIP2),
    (0, b"\xfd7zXZ\0", MediaType.XZ),
    (0, b"\x28\xb5\x2f\xfd", MediaType.ZSTD),
)

_RIFF = {b"WEBP": MediaType.WEBP, b"AVI ": MediaType.AVI, b"WAVE": MediaType.WAV}
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def sniff(head: bytes) -> MediaType:
    """The kind of media that begins with these bytes; `SNIFF_BYTES` of them are always enough.

    Never raises: what is not recognised is UNKNOWN, and no bytes at all are EMPTY.
    """
    if not head:
        return MediaType.EMPTY
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset) and (kind not in _CLOSER_LOOK or _CLOSER_LOOK[kind](head)):
            return kind
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return _iso_kind(head)
    return _text_kind(head[:SNIFF_BYTES])


def _is_bmp(head: bytes) -> bool:
    """Two letters are a weak sign, so that the size of the header after them has to be one that exists."""
    return len(head) >= 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES


def _is_bzip2(head: bytes) -> bool:
    """A text may begin with these letters, but not go on with a level and the mark of a block or of the end."""
    return head[3:4] in b"123456789" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")


_CLOSER_LOOK = {MediaType.BMP: _is_bmp, MediaType.BZIP2: _is_bzip2}


def _iso_kind(head: bytes) -> MediaType:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major} | {head[at : at + 4] for at in range(16, size - 3, 4)}
    if brands & _AVIF_BRANDS and major not in _HEIC_BRANDS - {b"mif1", b"msf1"}:
        return MediaType.AVIF
    if major in _HEIC_BRANDS or (brands & _HEIC_BRANDS and major not in (b"isom", b"mp41", b"mp42", b"qt  ")):
        return MediaType.HEIC
    return MediaType.QUICKTIME if major == b"qt  " else MediaType.MP4


def _text_kind(head: bytes) -> MediaType:
    encoding = "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(head, final=len(head) < SNIFF_BYTES)
    except UnicodeDecodeError:
        return MediaType.UNKNOWN
    if any(ord(sign) < 32 and sign not in "\t\n\r\f\x1b" for sign in text):
        return MediaType.UNKNOWN
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start and start.startswith(("<svg", "<?xml", "<!--", "<!doctype svg")):
        return MediaType.SVG
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return MediaType.HTML
    return MediaType.TEXT
