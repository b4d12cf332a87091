"""Arrays on disk: new ones, written whole or not without an error, which numpy does not always tell; others, mapped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Rows = NDArray[np.int64]
"""Numbers of articles or of vectors."""
Mask = NDArray[np.bool_]
"""One truth value a row."""


def new(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """Make an .npy file and return it mapped, to be written to; it holds zeros.

    A file that is mapped before its blocks are allocated kills the process where the disk turns out to be full.

    :raises OSError: if there is not room for all of it.
    """
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(str(path), mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def mapped(path: Path | str) -> NDArray[Any]:
    """Return the array of an .npy file, mapped from disk, and without what `np.memmap` adds to every access.

    :param path: A string where its name is put together: Python keeps each part of a Path (`Home._known`).
    :raises OSError, ValueError: if it cannot be read or is none.
    """
    # A string to numpy, too, which makes a Path of a Path.
    array: NDArray[Any] = np.load(str(path), mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)


def save(path: Path | str, array: NDArray[Any]) -> None:
    """Write an array to an .npy file, without pickle.

    :raises OSError: if not all of it could be written, of which `np.save` says nothing where it is little.
    """
    try:
        np.save(path, array, allow_pickle=False)
        mapped(path)
    except (OSError, ValueError) as error:
        if array.dtype.hasobject:
            raise
        raise OSError(f"{path}: cannot be written; is the disk full? {error}") from error
