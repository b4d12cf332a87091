"""Arrays on disk: writes them completely or raises an error, which numpy does not always do; maps them for reading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Rows = NDArray[np.int64]
"""int64, rows of articles or of vectors; (n,) unless a function gives another shape."""
Mask = NDArray[np.bool_]
"""(n,) bool, one value for each row."""


def new(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """Make an .npy file of zeros and return it mapped for writing.

    All its blocks are allocated at once. Otherwise a full disk would kill the process at a later write.

    :param shape: Of any length, `(n,)` or `(n, dim)`.
    :raises OSError: if there is not enough room.
    """
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(str(path), mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def mapped(path: Path | str) -> NDArray[Any]:
    """Return the array of an .npy file, mapped from disk, as a plain array; `np.memmap` slows down every access.

    :param path: A string if the name is composed, since Python keeps each part of a Path (`Home._known`).
    :return: The array in the file's own shape, `(n,)` or `(n, dim)`, and dtype.
    :raises OSError, ValueError: if it cannot be read or is not an array.
    """
    # numpy gets a string, since it would make a new Path of a Path.
    array: NDArray[Any] = np.load(str(path), mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)


def save(path: Path | str, array: NDArray[Any]) -> None:
    """Write an array to an .npy file, without pickle.

    :param array: Of any shape, `(n,)` or `(n, dim)`, and any dtype but object.
    :raises OSError: if it could not be written completely. `np.save` does not report this for small arrays.
    """
    try:
        np.save(path, array, allow_pickle=False)
        mapped(path)
    except (OSError, ValueError) as error:
        if array.dtype.hasobject:
            raise
        raise OSError(f"{path}: cannot be written; is the disk full? {error}") from error
