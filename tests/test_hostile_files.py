"""Files from strangers: no code is run, nothing is written, no memory is taken, and the error is the one promised."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonlib import cifar10, runs
from lessonlib.runs import Run, RunFileError
from tests.tiny_cifar10 import make_tiny_cifar10
from tools import fuzz

ROOT = Path(__file__).resolve().parents[1]
PATIENT = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def npy(shape: tuple, content: bytes) -> bytes:
    """Return an array's file with a header that claims what it is told to."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
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
    "claims-a-trillion": ({"metric_a": npy((10**12,), content=bytes(16))}, "not a run saved by lessonlib"),
    "claims-a-negative-shape": ({"metric_a": npy((-1,), content=bytes(16))}, "not a run saved by lessonlib"),
    "of-objects": ({"metric_a": as_array(np.array([None, 1], object))}, "allow_pickle"),
    "labels-negative": ({"val_labels": as_array(np.array([0, 1, -1], np.int16))}, "label -1 is outside"),
    "no-array": ({"metric_a": b"import os"}, "not a run saved by lessonlib"),
    "provenance-too-deep": ({"about": about("[" * 100_000)}, "not a run saved by lessonlib"),
    "provenance-a-list": ({"about": about("[1, 2]")}, "its provenance is [1, 2]"),
}


@pytest.mark.parametrize(("members", "reason"), BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_a_run_file_with_a_bad_member_is_refused_with_the_reason(tmp_path: Path, members: dict, reason: str) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with pytest.raises(RunFileError) as caught:
        Run.load(saved_run(folder / "a.npz", **members))
    assert reason in str(caught.value)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.npz"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@PATIENT
def test_a_run_with_any_provenance_that_json_can_hold_is_refused_or_loads(tmp_path: Path, provenance: object) -> None:
    for content in (provenance, {"recipe": provenance, "seed": provenance}):
        try:
            run = Run.load(saved_run(tmp_path / "a.npz", about=about(json.dumps(content))))
        except RunFileError:
            assert not isinstance(content, dict)
        else:
            assert run.n_epochs == 2


# --- what is saved can be loaded ----------------------------------------------------------------------------------


def test_a_run_that_could_not_be_loaded_again_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LARGEST_FILE_BYTES", 2**20)
    Run({"val_loss": [1.0] * 100_000}).save(tmp_path / "fits.npz")
    assert Run.load(tmp_path / "fits.npz").n_epochs == 100_000
    with pytest.raises(ValueError, match=r"2 MiB, a run has at most 1: keep the logits of"):
        Run({"val_loss": [1.0] * 200_000}).save(tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()


def test_labels_of_forty_thousand_classes_survive_the_disk(tmp_path: Path) -> None:
    run = Run({"val_loss": [1.0]}, np.zeros((1, 2, 40_000), np.float16), [39_999, 0])
    assert Run.load(run.save(tmp_path / "a.npz")).val_labels.tolist() == [39_999, 0]


# --- CIFAR-10 -----------------------------------------------------------------------------------------------------


def test_a_cifar10_file_far_larger_than_the_official_ones_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_tiny_cifar10(tmp_path, n_per_file=2)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname="cifar-10-batches-py")
    monkeypatch.setattr(cifar10, "LARGEST_FILE_BYTES", 1_000)
    for place in (folder, tmp_path / "a.tar.gz"):
        with pytest.raises(cifar10.Cifar10Damaged, match=r"data_batch_1 has 0 MB, a file of CIFAR-10 has 31"):
            cifar10.load(place)


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
