"""CIFAR-10 is found where the user says, a bad copy is refused without running it, and a download survives its network.

The download tests run a server on this machine; nothing here reaches any other.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonlib import cifar10
from tests.tiny_cifar10 import make_tiny_cifar10

PATIENT = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
N = 10  # images per file


@pytest.fixture(autouse=True)
def nothing_but_what_the_test_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the machine's own copies of CIFAR-10 and its proxies."""
    monkeypatch.delenv(cifar10.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(cifar10, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def pack(folder: Path, archive: Path) -> Path:
    """Pack ``cifar-10-batches-py`` as the official archive is packed."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname="cifar-10-batches-py")
    return archive


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return the tiny data set as a folder and as an archive; tests that damage it work on a copy."""
    place = tmp_path_factory.mktemp("tiny")
    folder = make_tiny_cifar10(place, n_per_file=N)
    return SimpleNamespace(folder=folder, archive=pack(folder, place / cifar10.ARCHIVE_NAME))


@pytest.fixture
def folder(tiny: SimpleNamespace, tmp_path: Path) -> Path:
    """Return a copy of the tiny folder that the test may damage."""
    return Path(shutil.copytree(tiny.folder, tmp_path / "cifar-10-batches-py"))


# --- finding and reading ------------------------------------------------------------------------------------------


def assert_is_tiny(images: cifar10.ImageData) -> None:
    """Assert that the images are those of the tiny data set."""
    assert images.train_images.shape == (5 * N, 32, 32, 3)
    assert images.test_images.shape == (N, 32, 32, 3)
    assert images.train_images.dtype == images.test_images.dtype == np.uint8
    np.testing.assert_array_equal(images.train_labels, np.tile(np.arange(N), 5))
    np.testing.assert_array_equal(images.test_labels, np.arange(N))
    assert images.train_labels.dtype == images.test_labels.dtype == np.int64
    assert images.n_classes == len(images.class_names) == 10


def test_the_folder_its_parent_and_the_archive_give_the_same_data(tiny: SimpleNamespace) -> None:
    places = [tiny.folder, tiny.folder.parent, tiny.archive, str(tiny.archive)]
    loaded = [cifar10.load(place) for place in places]
    for images, place in zip(loaded, places, strict=True):
        assert_is_tiny(images)
        assert images.source == str(place)
    assert len({images.checksum for images in loaded}) == 1


def test_pixels_are_put_at_their_row_column_and_colour(folder: Path) -> None:
    pixels = np.zeros((1, 3072), np.uint8)
    red, green, blue = 0, 1024, 2048
    pixels[0, red + 5 * 32 + 7], pixels[0, green + 31], pixels[0, blue + 31 * 32] = 11, 22, 33
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": pixels, b"labels": [3]}, protocol=2))
    image = cifar10.load(folder).test_images[0]
    assert (image[5, 7, 0], image[0, 31, 1], image[31, 0, 2]) == (11, 22, 33)
    assert np.count_nonzero(image) == 3


def test_the_checksum_changes_with_one_pixel_or_one_label(folder: Path) -> None:
    whole = cifar10.load(folder).checksum
    for key, index in ((b"data", (3, 100)), (b"labels", 3)):
        path = folder / "data_batch_2"
        original = path.read_bytes()
        batch = pickle.loads(original)
        batch[key] = np.asarray(batch[key])
        batch[key][index] = (batch[key][index] + 1) % 10
        path.write_bytes(pickle.dumps(batch, protocol=2))
        assert cifar10.load(folder).checksum != whole
        path.write_bytes(original)
    assert cifar10.load(folder).checksum == whole


def as_python_2(pixels: np.ndarray) -> bytes:
    """Return a batch of class 3 in the bytes that Python 2 wrote, text without an encoding and all, as the official."""
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    content = b"T" + pixels.nbytes.to_bytes(4, "little") + pixels.tobytes()
    state = b"(K\x01(K" + bytes([len(pixels)]) + b"M\x00\x0ct" + dtype + b"\x89" + content + b"tb"
    return b"\x80\x02}(U\x04data" + array + state + b"U\x06labels](" + b"K\x03" * len(pixels) + b"eu."


def test_files_pickled_by_python_2_as_the_official_ones_are_read(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3072)).astype(np.uint8)
    for path in folder.iterdir():
        path.write_bytes(as_python_2(pixels))
    images = cifar10.load(folder)
    np.testing.assert_array_equal(images.test_images.transpose(0, 3, 1, 2).reshape(4, 3072), pixels)
    assert images.train_labels.tolist() == [3] * 20


def test_the_path_given_comes_before_the_environment_and_the_environment_before_the_cache(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "cache" / cifar10.ARCHIVE_NAME
    cached.parent.mkdir()
    shutil.copy(tiny.archive, cached)
    assert cifar10.load().source == str(cached)
    monkeypatch.setenv(cifar10.PATH_VARIABLE, str(tiny.folder))
    assert cifar10.load().source == str(tiny.folder)
    assert cifar10.load(tiny.archive).source == str(tiny.archive)


@pytest.mark.parametrize("download", [False, True])
def test_none_in_the_environment_hides_every_copy_and_forbids_the_download(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, download: bool
) -> None:
    (tmp_path / "cache").mkdir()
    shutil.copy(tiny.archive, tmp_path / "cache" / cifar10.ARCHIVE_NAME)
    monkeypatch.setattr(cifar10, "fetch_archive", lambda: pytest.fail("it was downloaded"))
    monkeypatch.setenv(cifar10.PATH_VARIABLE, "none")
    with pytest.raises(FileNotFoundError):
        cifar10.load(download=download)


def test_without_any_copy_the_message_says_how_to_get_one() -> None:
    with pytest.raises(FileNotFoundError, match=r"download=True \(--download .* set LESSONLIB_CIFAR10 to the folder"):
        cifar10.load()


def test_a_tilde_means_the_home_folder(tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tiny.folder.parent))
    assert_is_tiny(cifar10.load("~/cifar-10-batches-py"))


# --- bad copies ---------------------------------------------------------------------------------------------------


def test_a_place_that_is_not_there_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(FileNotFoundError, match=rf"there is no {re.escape(str(gone))}: set LESSONLIB_CIFAR10"):
        cifar10.load(gone)
    monkeypatch.setenv(cifar10.PATH_VARIABLE, str(gone))
    with pytest.raises(FileNotFoundError, match=re.escape(str(gone))):
        cifar10.load(download=True)


@pytest.mark.parametrize("name", ["data_batch_4", "test_batch"])
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(cifar10.Cifar10Damaged, match=rf"holds no {name}: .*, and set LESSONLIB_CIFAR10 to it"):
        cifar10.load(folder)


def test_an_archive_without_one_of_the_files_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    (folder / "data_batch_4").unlink()
    with pytest.raises(cifar10.Cifar10Damaged, match=r"holds no data_batch_4: get .*cifar-10-python\.tar\.gz again"):
        cifar10.load(pack(folder, tmp_path / "a.tar.gz"))


PIXELS = np.zeros((4, 3072), np.uint8)
BAD_BATCHES = {
    "label-too-large": ({b"data": PIXELS, b"labels": [0, 1, 2, 10]}, "label 10 is outside 0..9"),
    "label-fractional": ({b"data": PIXELS, b"labels": [0.5, 1, 2, 3]}, "got 0.5"),
    "label-words": ({b"data": PIXELS, b"labels": [b"cat"] * 4}, "b'cat'"),
    "labels-one-hot": ({b"data": PIXELS, b"labels": np.eye(10, dtype=int)[:4]}, "not a CIFAR-10 file"),
    "lists-in-lists": ({b"data": PIXELS, b"labels": [[1], [1], [1], [1]]}, "not a CIFAR-10 file"),
    "too-few-labels": ({b"data": PIXELS, b"labels": [1, 2]}, "2 labels for 4 examples"),
    "no-images": ({b"data": PIXELS[:0], b"labels": []}, "empty"),
    "pixels-of-mnist": ({b"data": PIXELS[:, :784], b"labels": [1] * 4}, "uint8 (4, 784)"),
    "pixels-as-floats": ({b"data": PIXELS / 255, b"labels": [1] * 4}, "float64 (4, 3072)"),
    "pixels-as-images": ({b"data": PIXELS.reshape(4, 32, 32, 3), b"labels": [1] * 4}, "(4, 32, 32, 3)"),
    "cifar-100": ({b"data": PIXELS, b"fine_labels": [1] * 4}, "b'labels'"),
    "a-list": ([1, 2, 3], "not a CIFAR-10 file"),
}


@pytest.mark.parametrize("bad", BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_a_file_with_other_content_is_refused_naming_file_value_and_remedy(folder: Path, bad: tuple) -> None:
    content, value = bad
    (folder / "data_batch_3").write_bytes(pickle.dumps(content, protocol=4))
    with pytest.raises(cifar10.Cifar10Damaged, match=re.escape(value)) as caught:
        cifar10.load(folder)
    assert str(caught.value).startswith("data_batch_3 ")
    assert "get the folder again" in str(caught.value)


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("place", ["whole", "data", "labels", "in-an-array", "as-a-key"])
def test_a_hostile_pickle_is_refused_and_its_code_not_run(folder: Path, tmp_path: Path, place: str) -> None:
    trap = tmp_path / "code was run"
    hostile = Hostile(trap)
    content = {
        "whole": hostile,
        "data": {b"data": hostile, b"labels": [1]},
        "labels": {b"data": PIXELS[:1], b"labels": [hostile]},
        "in-an-array": {b"data": np.array([hostile], dtype=object), b"labels": [1]},
        "as-a-key": {b"data": PIXELS[:1], b"labels": [1], (hostile,): 0},
    }[place]
    (folder / "data_batch_1").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(cifar10.Cifar10Damaged, match=r"it asks for \w+\.mkdir, which a CIFAR-10 file never needs"):
        cifar10.load(folder)
    assert not trap.exists()


@pytest.mark.parametrize(
    "call", [b"cos\nsystem\n(S'true'\ntR.", b"cbuiltins\neval\n(S'1'\ntR.", b"\x80\x02cnumpy\nload\n."]
)
def test_no_function_can_be_named_by_a_pickle(folder: Path, call: bytes) -> None:
    (folder / "test_batch").write_bytes(call)
    with pytest.raises(cifar10.Cifar10Damaged, match="never needs"):
        cifar10.load(folder)


@given(st.data())
@PATIENT
def test_a_file_cut_at_any_place_is_refused(tiny: SimpleNamespace, draw: st.DataObject) -> None:
    whole = (tiny.folder / "test_batch").read_bytes()
    with tempfile.TemporaryDirectory() as place:
        for path in tiny.folder.iterdir():
            (Path(place) / path.name).write_bytes(path.read_bytes())
        (Path(place) / "test_batch").write_bytes(whole[: draw.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(cifar10.Cifar10Damaged, match="test_batch is not a CIFAR-10 file"):
            cifar10.load(place)


@given(st.floats(0, 0.99))
@PATIENT
def test_an_archive_cut_at_any_place_is_refused(tiny: SimpleNamespace, share: float) -> None:
    whole = tiny.archive.read_bytes()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.tar.gz"
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(cifar10.Cifar10Damaged, match=r"delete it and download"):
            cifar10.load(path)


def test_an_archive_that_may_not_be_read_is_not_called_damaged(
    tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cifar10, "open", refuse, raising=False)
    with pytest.raises(PermissionError):
        cifar10.load(tiny.archive)


@given(st.floats(0, 1), st.binary(min_size=1, max_size=30))
@PATIENT
def test_an_archive_with_overwritten_bytes_is_refused_or_read(
    tiny: SimpleNamespace, share: float, noise: bytes
) -> None:
    content = bytearray(tiny.archive.read_bytes())
    start = int(share * (len(content) - len(noise)))
    content[start : start + len(noise)] = noise
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.tar.gz"
        path.write_bytes(content)
        try:
            images = cifar10.load(path)
        except cifar10.Cifar10Damaged:
            return
        assert images.train_images.shape == (5 * N, 32, 32, 3)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x1f\x8b", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / cifar10.ARCHIVE_NAME
    path.write_bytes(content)
    with pytest.raises(
        cifar10.Cifar10Damaged, match=r"cifar-10-python\.tar\.gz (is not a complete archive|holds no)"
    ) as caught:
        cifar10.load(path)
    assert "\n" not in str(caught.value)


# --- downloading --------------------------------------------------------------------------------------------------


class Mirror:
    """A server on this machine that serves one file in a way that the test decides.

    Attributes
    ----------
    content : bytes
        What it serves.
    cut_after : int or None
        Send so many bytes of each answer, then close the connection.
    ranges : bool
        Whether it understands Range.
    status : int
        What it answers when it is not asked for a range.
    seen : list of str or None
        The Range header of each request.
    """

    def __init__(
        self, content: bytes = b"", *, cut_after: int | None = None, ranges: bool = True, status: int = 200
    ) -> None:
        self.content, self.cut_after, self.ranges, self.status = content, cut_after, ranges, status
        self.seen: list[str | None] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{cifar10.ARCHIVE_NAME}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.seen.append(wanted)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        if self.status == 200 and wanted and self.ranges and start >= len(self.content):
            request.send_error(416)
            return
        request.send_response(206 if start else self.status)
        body = self.content[start:]
        request.send_header("Content-Length", str(len(body)))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.end_headers()
        request.wfile.write(body[: self.cut_after])

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Return a function that starts mirrors; they stop after the test."""
    monkeypatch.setattr(cifar10, "ARCHIVE_BYTES", 1_000_000)
    started: list[Mirror] = []

    def start(*arguments: object, **options: object) -> Mirror:
        started.append(Mirror(*arguments, **options))
        return started[-1]

    yield start
    for mirror in started:
        mirror.close()


CONTENT = np.random.default_rng(0).bytes(900_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch(folder: Path, *servers: Mirror) -> Path:
    """Fetch the content from the mirrors into a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cifar10, "cache_folder", lambda: folder)
        patch.setattr(cifar10, "ARCHIVE_URLS", tuple(server.url for server in servers))
        patch.setattr(cifar10, "ARCHIVE_SHA256", SHA256)
        return cifar10.fetch_archive()


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_download_arrives_whole_and_leaves_nothing_else(tmp_path: Path, mirrors) -> None:
    mirror = mirrors(CONTENT)
    path = fetch(tmp_path / "new", mirror)
    assert path.read_bytes() == CONTENT
    assert names(tmp_path / "new") == [cifar10.ARCHIVE_NAME]
    assert mirror.seen == [None]


def test_cifar10_downloads_into_the_cache_when_asked_and_loads_from_there_later(
    tiny: SimpleNamespace, tmp_path: Path, mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tiny.archive.read_bytes()
    mirror = mirrors(content)
    monkeypatch.setattr(cifar10, "ARCHIVE_URLS", (mirror.url,))
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(content).hexdigest())
    assert_is_tiny(cifar10.load(download=True))
    assert_is_tiny(cifar10.load())
    assert len(mirror.seen) == 1
    assert names(tmp_path / "cache") == [cifar10.ARCHIVE_NAME]


def test_a_cut_download_is_continued_where_it_stopped(tmp_path: Path, mirrors) -> None:
    mirror = mirrors(CONTENT, cut_after=600_000)
    with pytest.raises(ConnectionError, match=re.escape(mirror.url)):
        fetch(tmp_path, mirror)
    assert names(tmp_path) == [f"{cifar10.ARCHIVE_NAME}.part"]
    arrived = (tmp_path / f"{cifar10.ARCHIVE_NAME}.part").stat().st_size
    assert 0 < arrived <= 600_000
    mirror.cut_after = None
    assert fetch(tmp_path, mirror).read_bytes() == CONTENT
    assert mirror.seen == [None, f"bytes={arrived}-"]
    assert names(tmp_path) == [cifar10.ARCHIVE_NAME]


def test_the_next_mirror_continues_what_the_first_one_cut(tmp_path: Path, mirrors) -> None:
    cut, whole = mirrors(CONTENT, cut_after=600_000), mirrors(CONTENT)
    assert fetch(tmp_path, cut, whole).read_bytes() == CONTENT
    assert re.fullmatch(r"bytes=[1-9]\d*-", whole.seen[0])


def test_a_server_that_knows_no_ranges_sends_it_all_again(tmp_path: Path, mirrors) -> None:
    mirror = mirrors(CONTENT, cut_after=600_000, ranges=False)
    with pytest.raises(ConnectionError):
        fetch(tmp_path, mirror)
    mirror.cut_after = None
    assert fetch(tmp_path, mirror).read_bytes() == CONTENT
    assert mirror.seen[1].startswith("bytes=")


def test_a_part_that_is_already_complete_is_verified_and_used(tmp_path: Path, mirrors) -> None:
    (tmp_path / f"{cifar10.ARCHIVE_NAME}.part").write_bytes(CONTENT)
    assert fetch(tmp_path, mirrors(CONTENT)).read_bytes() == CONTENT


def test_a_damaged_part_is_thrown_away_and_fetched_anew_from_the_next_mirror(tmp_path: Path, mirrors) -> None:
    (tmp_path / f"{cifar10.ARCHIVE_NAME}.part").write_bytes(b"damaged" * 10_000)
    first, second = mirrors(CONTENT), mirrors(CONTENT)
    assert fetch(tmp_path, first, second).read_bytes() == CONTENT
    assert (first.seen, second.seen) == (["bytes=70000-"], [None])


def test_a_file_with_another_checksum_is_deleted_and_the_next_mirror_tried(tmp_path: Path, mirrors) -> None:
    wrong, right = mirrors(CONTENT[::-1]), mirrors(CONTENT)
    assert fetch(tmp_path, wrong, right).read_bytes() == CONTENT
    assert right.seen == [None], "the wrong file was continued"
    assert names(tmp_path) == [cifar10.ARCHIVE_NAME]


def test_when_every_file_has_another_checksum_none_is_kept(tmp_path: Path, mirrors) -> None:
    wrong = [mirrors(b"<html>not found</html>"), mirrors(CONTENT[:-1])]
    with pytest.raises(ConnectionError) as caught:
        fetch(tmp_path, *wrong)
    for mirror in wrong:
        assert f"{mirror.url} sent a file with another checksum" in str(caught.value)
    assert names(tmp_path) == []


def test_an_archive_in_the_cache_with_another_checksum_is_replaced(tmp_path: Path, mirrors) -> None:
    (tmp_path / cifar10.ARCHIVE_NAME).write_bytes(b"old")
    assert fetch(tmp_path, mirrors(CONTENT)).read_bytes() == CONTENT


def test_when_all_addresses_fail_each_is_listed_with_its_reason_and_the_way_out(tmp_path: Path, mirrors) -> None:
    missing, broken, gone, wrong = mirrors(status=404), mirrors(status=503), mirrors(), mirrors(b"wrong")
    gone.server.server_close()  # nobody listens there any more
    with pytest.raises(ConnectionError) as caught:
        fetch(tmp_path, missing, broken, gone, wrong)
    lines = str(caught.value).splitlines()
    reasons = ("404", "503", "ConnectionError", "another checksum")
    for mirror, reason in zip((missing, broken, gone, wrong), reasons, strict=True):
        assert any(mirror.url in line and reason in line for line in lines), (mirror.url, reason, lines)
    assert f"set {cifar10.PATH_VARIABLE} to it" in lines[0]


def test_without_room_on_the_disk_nothing_is_asked_for(
    tmp_path: Path, mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = mirrors(CONTENT)
    monkeypatch.setattr(cifar10.shutil, "disk_usage", lambda _: SimpleNamespace(free=300_000))
    with pytest.raises(OSError, match=r"has 0 MB free, the download needs 1 MB: make room"):
        fetch(tmp_path, mirror)
    assert mirror.seen == []


def test_a_download_that_goes_on_needs_room_for_the_rest_only(
    tmp_path: Path, mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{cifar10.ARCHIVE_NAME}.part").write_bytes(CONTENT[:800_000])
    monkeypatch.setattr(cifar10.shutil, "disk_usage", lambda _: SimpleNamespace(free=300_000))
    assert fetch(tmp_path, mirrors(CONTENT)).read_bytes() == CONTENT


def test_a_disk_that_fills_during_the_download_is_an_os_error_and_no_further_mirror_is_tried(
    tmp_path: Path, mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = mirrors(CONTENT), mirrors(CONTENT)

    class FullDisk(io.BytesIO):
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(cifar10, "open", lambda *_: FullDisk(), raising=False)
    with pytest.raises(OSError, match="No space left"):
        fetch(tmp_path, first, second)
    assert second.seen == []


def test_the_official_host_and_mirrors_are_asked_over_https() -> None:
    assert len(cifar10.ARCHIVE_URLS) >= 2
    assert all(url.startswith("https://") and url.endswith(cifar10.ARCHIVE_NAME) for url in cifar10.ARCHIVE_URLS)
    assert re.fullmatch("[0-9a-f]{64}", cifar10.ARCHIVE_SHA256)
