"""Files from strangers: no code is run, nothing is written, no memory is taken, and the error is the one promised."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonlib import cifar10, runs
from lessonlib.runs import Run, RunFileError
from tools import fuzz

ROOT = Path(__file__).resolve().parents[1]
PATIENT = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def npy(shape: tuple, descr: object = "<f8", content: bytes = b"", version: int = 1) -> bytes:
    """Return an array's file with a header that claims what it is told to."""
    file = io.BytesIO()
    write = {1: np.lib.format.write_array_header_1_0, 2: np.lib.format.write_array_header_2_0}[version]
    write(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


def saved_run(path: Path, **members: bytes | None) -> Path:
    """Save a good run, with members added or replaced; ``None`` as content of ``about`` is kept as it is."""
    Run({"val_loss": [2.0, 1.0]}, np.zeros((2, 3, 4)), [0, 1, 2], {"seed": 1}).save(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {f"{name}.npy": member for name, member in members.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
    return path


def about(provenance: str) -> bytes:
    """Return the member that holds a provenance, given as JSON."""
    file = io.BytesIO()
    np.save(file, np.array(f'{{"format": 1, "provenance": {provenance}}}'))
    return file.getvalue()


def as_array(values: np.ndarray) -> bytes:
    """Return an array's file."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def test_the_good_run_that_the_others_are_made_from_loads(tmp_path: Path) -> None:
    assert Run.load(saved_run(tmp_path / "a.npz")).n_epochs == 2


BAD_MEMBERS = {
    "claims-a-trillion": ({"metric_a": npy((10**12,), content=bytes(16))}, "claims the shape"),
    "claims-more-than-counts": ({"metric_a": npy((2**40, 2**40), content=bytes(16))}, "claims the shape"),
    "claims-less-than-it-has": ({"metric_a": npy((1,), content=bytes(16))}, "claims the shape"),
    "claims-a-negative-shape": ({"metric_a": npy((-1,), content=bytes(16))}, "claims the shape"),
    "claims-a-trillion-of-nothing": ({"metric_a": npy((10**12,), "|S0")}, "which no run has"),
    "of-a-later-format": ({"metric_a": npy((2,), content=bytes(16), version=2)}, "array of format"),
    "of-booleans-that-grow-eightfold": ({"metric_a": as_array(np.zeros(2, bool))}, "array of bool"),
    "of-complex-numbers": ({"metric_a": as_array(np.zeros(2, complex))}, "array of complex128"),
    "of-text": ({"metric_a": as_array(np.array(["1", "2"]))}, "array of <U1"),
    "of-records": ({"metric_a": as_array(np.zeros(2, [("a", "f8")]))}, "array of [('a', '<f8')]"),
    "of-objects": ({"metric_a": as_array(np.array([None, 1], object))}, "allow_pickle"),
    "logits-of-doubles": ({"val_logits": as_array(np.zeros((2, 3, 4)))}, "array of float64"),
    "labels-of-bytes": ({"val_labels": as_array(np.zeros(3, np.uint8))}, "array of uint8"),
    "labels-negative": ({"val_labels": as_array(np.array([0, 1, -1], np.int16))}, "label -1 is outside"),
    "of-an-unknown-name": ({"extra": as_array(np.zeros(2))}, "which no run has"),
    "of-a-path": ({"../../evil": as_array(np.zeros(2))}, "which no run has"),
    "no-array": ({"metric_a": b"import os"}, "not a run saved by lessonlib"),
    "empty": ({"metric_a": b""}, "not a run saved by lessonlib"),
    "provenance-too-long": ({"about": about(f'"{"x" * 300_000}"')}, "at most 1048576 are read"),
    "provenance-too-deep": ({"about": about("[" * 100_000)}, "not a run saved by lessonlib"),
    "provenance-a-list": ({"about": about("[1, 2]")}, "its provenance is [1, 2]"),
    "provenance-missing": ({"about": as_array(np.array("[]"))}, "not a run saved by lessonlib"),
}


@pytest.mark.parametrize(("members", "reason"), BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_a_run_file_with_a_bad_member_is_refused_with_the_reason(tmp_path: Path, members: dict, reason: str) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with pytest.raises(RunFileError) as caught:
        Run.load(saved_run(folder / "a.npz", **members))
    assert reason in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.npz"]


def repacked(path: Path, method: int) -> Path:
    """Save a good run whose members are compressed by a method that a run never uses."""
    with zipfile.ZipFile(saved_run(path)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_run_file_compressed_by_another_method_is_refused(tmp_path: Path, method: int) -> None:
    with pytest.raises(RunFileError, match=f"compressed by method {method}"):
        Run.load(repacked(tmp_path / "a.npz", method))


def with_long_directory(path: Path) -> Path:
    """Make a zip with as many empty members as make its directory longer than that of any run."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(12_000):
            archive.writestr(f"metric_{number:040}.npy", b"")
    return path


def with_directory_elsewhere(path: Path) -> Path:
    """Save a good run whose end refers to another directory (ZIP64), which may be as long as it likes."""
    content = saved_run(path).read_bytes()
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(content), 1)
    path.write_bytes(content[:-22] + locator + content[-22:])
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [(with_long_directory, "list of members has 1[0-9]{6} bytes"), (with_directory_elsewhere, "does not end like")],
)
def test_a_zip_with_a_long_list_of_members_is_refused_before_the_list_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable, reason: str
) -> None:
    path = make(tmp_path / "a.npz")
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_, **__: pytest.fail("the list was read"))
    with pytest.raises(RunFileError, match=reason):
        Run.load(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@PATIENT
def test_a_run_with_any_provenance_that_json_can_hold_is_refused_or_shows_itself(
    tmp_path: Path, provenance: object
) -> None:
    for content in (provenance, {"recipe": provenance, "seed": provenance}):
        try:
            run = Run.load(saved_run(tmp_path / "a.npz", about=about(json.dumps(content))))
        except RunFileError:
            assert not isinstance(content, dict)
        else:
            assert "2 epochs" in str(run)


# --- what is saved can be loaded ----------------------------------------------------------------------------------


def test_a_run_that_could_not_be_loaded_again_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LARGEST_FILE_BYTES", 2**20)
    Run({"val_loss": [1.0] * 100_000}).save(tmp_path / "fits.npz")
    assert Run.load(tmp_path / "fits.npz").n_epochs == 100_000
    with pytest.raises(ValueError, match=r"a\.npz would have 2 MiB, a run on disk has at most 1: keep the logits of"):
        Run({"val_loss": [1.0] * 200_000}).save(tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()


def test_a_provenance_that_could_not_be_loaded_again_is_not_saved(tmp_path: Path) -> None:
    Run({"val_loss": [1.0]}, provenance={"note": "x" * 260_000}).save(tmp_path / "fits.npz")
    assert len(Run.load(tmp_path / "fits.npz").provenance["note"]) == 260_000
    with pytest.raises(ValueError, match=r"provenance of a\.npz has 3000\d\d characters.* leave out"):
        Run({"val_loss": [1.0]}, provenance={"note": "x" * 300_000}).save(tmp_path / "a.npz")


def test_labels_of_forty_thousand_classes_survive_the_disk(tmp_path: Path) -> None:
    run = Run({"val_loss": [1.0]}, np.zeros((1, 2, 40_000), np.float16), [39_999, 0])
    assert Run.load(run.save(tmp_path / "a.npz")).val_labels.tolist() == [39_999, 0]


# --- CIFAR-10 -----------------------------------------------------------------------------------------------------

ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
DTYPE = b"cnumpy\ndtype\n(X\x02\0\0\0u1I00\nI01\ntR"
BAD_PICKLES = {
    "a-memo-of-a-billion": b"\x80\x02]r\xff\xff\xff\x7f.",
    "bytes-of-a-terabyte": b"\x80\x05\x96" + (10**12).to_bytes(8, "little") + b"x.",
    "an-encoding-that-swells": b"\x80\x02c_codecs\nencode\nX\x02\0\0\0aaX\x03\0\0\0hex\x86R.",
    "an-array-larger-than-its-bytes": b"\x80\x02}(C\x04data"
    + ARRAY
    + b"(K\x01(J\xff\xff\xff\x7fM\x00\x0ct"
    + DTYPE
    + b"I00\nC\x01xtbC\x06labels](K\x01eu.",
    "one-list-a-billion-times": pickle.dumps({b"data": [[[0] * 10] * 10] * 10, b"labels": [1]}, protocol=4),
}


@pytest.mark.parametrize("content", BAD_PICKLES.values(), ids=BAD_PICKLES)
def test_a_cifar10_file_that_asks_for_memory_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = cifar10.make_tiny_cifar10(tmp_path, n_per_file=2)
    (folder / "test_batch").write_bytes(content)
    with pytest.raises(cifar10.Cifar10Damaged, match="test_batch is not a CIFAR-10 file"):
        cifar10.load(folder)


def test_a_cifar10_file_far_larger_than_the_official_ones_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cifar10.make_tiny_cifar10(tmp_path, n_per_file=2)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname="cifar-10-batches-py")
    monkeypatch.setattr(cifar10, "LARGEST_FILE_BYTES", 1_000)
    for place in (folder, tmp_path / "a.tar.gz"):
        with pytest.raises(cifar10.Cifar10Damaged, match=r"data_batch_1 has 0 MB, a file of CIFAR-10 has 31"):
            cifar10.load(place)


# --- memory -------------------------------------------------------------------------------------------------------


def test_hostile_files_are_refused_within_little_memory(tmp_path: Path) -> None:
    """In a process of its own, since its limit and its peak are those of the whole process."""
    for name, (members, _) in BAD_MEMBERS.items():
        saved_run(tmp_path / f"{name}.npz", **members)
    saved_run(tmp_path / "bomb.npz", metric_a=npy((2**25 + 1,), content=bytes(2**28 + 8)))
    with_long_directory(tmp_path / "directory.npz")
    for name, content in BAD_PICKLES.items():
        (tmp_path / f"{name}.pickle").write_bytes(content)
    code = """
import resource, sys
from pathlib import Path
from lessonlib import cifar10, runs
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
before, refused = peak(), 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        runs.Run.load(path) if path.suffix == ".npz" else cifar10._read_batch(path.read_bytes(), path.name)
    except (runs.RunFileError, cifar10.Cifar10Damaged):
        refused += 1
print(refused, peak() - before)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    refused, megabytes = map(int, done.stdout.split())
    assert refused == len(list(tmp_path.iterdir()))
    assert megabytes < 100


# --- any bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fuzz.TARGETS)
@given(draw=st.data())
@PATIENT
def test_whatever_becomes_of_a_good_file_its_reader_reads_or_refuses_it(name: str, draw: st.DataObject) -> None:
    target = fuzz.TARGETS[name]
    content = bytearray(draw.draw(st.sampled_from(target.seeds())))
    for _ in range(draw.draw(st.integers(1, 4))):
        start = draw.draw(st.integers(0, len(content)))
        end = draw.draw(st.integers(start, min(len(content), start + 20)))
        content[start:end] = draw.draw(st.binary(max_size=20))
    target.read(bytes(content))
