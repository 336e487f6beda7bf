"""A decoded picture's memory as an array, without copying it. For tasks inside the cage.

Pillow hands its memory out through the Arrow C data interface; ctypes reads the two pointers that are needed, so that
no Arrow library has to be there.
"""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt
from PIL import Image


class _ArrowArray(ctypes.Structure):
    """The C structure `ArrowArray`, as its specification lays it out."""


_ArrowArray._fields_ = (
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
)

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = ctypes.c_void_p
_get_pointer.argtypes = (ctypes.py_object, ctypes.c_char_p)


def packed(image: Image.Image) -> npt.NDArray[np.uint32]:
    """The pixels of an RGB, RGBX or RGBA picture, one uint32 each: R, G and B in the three low bytes, read-only.

    It is the picture's own memory where that is in one piece (in a worker it is), and a copy elsewhere. The array keeps
    the memory alive, also after the picture is closed.
    """
    memory = _memory(image, 4 * image.width * image.height)
    if memory is None:
        memory = np.frombuffer(image.tobytes("raw", "RGBX" if image.mode == "RGB" else image.mode), np.uint8)
    return memory.view(np.uint32).reshape(image.height, image.width)


def grey(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The pixels of a grey picture (mode L), one byte each, read-only; in place where it can be, as for `packed`."""
    memory = _memory(image, image.width * image.height)
    if memory is None:
        memory = np.frombuffer(image.tobytes(), np.uint8)
    return memory.reshape(image.height, image.width)


def _memory(image: Image.Image, size: int) -> npt.NDArray[np.uint8] | None:
    """The picture's own memory, or None where it is in several blocks or its rows are padded."""
    image.load()
    try:
        _, capsule = image.__arrow_c_array__()
    except ValueError:
        return None
    array = ctypes.cast(_get_pointer(capsule, b"arrow_array"), ctypes.POINTER(_ArrowArray)).contents
    flat = array.children[0].contents if array.n_children else array
    memory = (ctypes.c_uint8 * size).from_address(flat.buffers[1])
    memory.owner = capsule  # type: ignore[attr-defined] # lives as long as the array that looks at it
    view: npt.NDArray[np.uint8] = np.ctypeslib.as_array(memory)
    view.flags.writeable = False
    return view
