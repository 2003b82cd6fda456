"""``python -m lessonlib record`` trains what is missing, replaces nothing unasked, and says what it lacks."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lessonlib import cifar10, runs, training
from lessonlib.__main__ import main
from tests.tiny_cifar10 import make_tiny_cifar10

ROOT = Path(__file__).resolve().parents[1]
SMALL = training.Recipe(name="live", n_train=40, n_val=10, epochs=2, batch_size=20, channels=(4,))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny data set."""
    return make_tiny_cifar10(tmp_path_factory.mktemp("tiny"), n_per_file=10)


@pytest.fixture(autouse=True)
def small_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the recipe "live" a matter of milliseconds."""
    monkeypatch.setattr(training, "RECIPES", {"live": SMALL, "main": SMALL})


def record(tiny: Path, out: Path, *more: str) -> int:
    """Run the command on the tiny data."""
    usual = ["--data", str(tiny), "--out", str(out), "--device", "cpu", "--keep-logits", "5"]
    return main(["record", "live", *usual, *more])


def test_a_range_of_seeds_is_trained_and_recorded(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "new folder"
    assert record(tiny, out, "--seeds", "3-5", "--precision", "float32") == 0
    assert sorted(path.name for path in out.iterdir()) == [f"live-seed{seed}.npz" for seed in (3, 4, 5)]
    for seed in (3, 4, 5):
        run = runs.Run.load(out / f"live-seed{seed}.npz")
        assert run.provenance["seed"] == seed
        assert run.provenance["precision"] == "float32"
        assert run.n_epochs == SMALL.epochs
        assert run.val_logits.shape == (2, 5, 10)
    printed = capsys.readouterr().out
    assert printed.count("written after") == 3
    assert printed.count("epoch ") == 3 * SMALL.epochs


def test_a_recording_is_what_training_gives(tiny: Path, tmp_path: Path) -> None:
    record(tiny, tmp_path, "--seeds", "7", "--precision", "float32")
    expected = training.train(SMALL, cifar10.load(tiny), seed=7, device="cpu", keep_logits=5)
    recorded = runs.Run.load(tmp_path / "live-seed7.npz")
    assert {name: list(values) for name, values in recorded.metrics.items()} == {
        name: list(values) for name, values in expected.metrics.items()
    }


def test_existing_recordings_are_kept_and_missing_ones_added(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    mine = tmp_path / "live-seed1.npz"
    mine.write_bytes(b"mine")
    assert record(tiny, tmp_path, "--seeds", "1-2") == 0
    assert mine.read_bytes() == b"mine"
    assert (tmp_path / "live-seed2.npz").exists()
    assert "live-seed1.npz exists; --again replaces it" in capsys.readouterr().out


def test_again_replaces_existing_recordings(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "live-seed1.npz").write_bytes(b"mine")
    assert record(tiny, tmp_path, "--seeds", "1", "--again") == 0
    assert runs.Run.load(tmp_path / "live-seed1.npz").n_epochs == SMALL.epochs


def test_the_sweep_records_every_recipe_of_the_sweep_and_no_other(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: dataclasses.replace(SMALL, name=name) for name in ("main", "sweep-a", "sweep-b")}
    monkeypatch.setattr(training, "RECIPES", known)
    usual = ["--data", str(tiny), "--out", str(tmp_path), "--device", "cpu", "--keep-logits", "5"]
    assert main(["record", "sweep", "--seeds", "1-2", *usual]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "sweep-a-seed1.npz", "sweep-a-seed2.npz", "sweep-b-seed1.npz", "sweep-b-seed2.npz",
    ]  # fmt: skip
    assert runs.Run.load(tmp_path / "sweep-b-seed2.npz").provenance["recipe"]["name"] == "sweep-b"


@pytest.mark.parametrize("group", ["EXPERIMENTS", "CELLS", "TRIALS"])
def test_a_group_records_its_own_recipes(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    members = {name: dataclasses.replace(SMALL, name=name) for name in ("base", "dropout")}
    monkeypatch.setattr(training, group, members)
    monkeypatch.setattr(training, "RECIPES", {"live": SMALL} | members)
    usual = ["--data", str(tiny), "--out", str(tmp_path), "--device", "cpu", "--keep-logits", "0"]
    assert main(["record", group.lower(), "--seeds", "1", *usual]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base-seed1.npz", "dropout-seed1.npz"]


def test_full_trains_on_all_images_under_a_name_of_its_own(tiny: Path, tmp_path: Path) -> None:
    assert record(tiny, tmp_path, "--seeds", "1", "--full") == 0
    run = runs.Run.load(tmp_path / "live-full-seed1.npz")
    assert run.provenance["n_train"] == 50, "the tiny data set has five files of ten"
    assert run.provenance["recipe"]["n_train"] == 0


def test_without_an_out_folder_the_recordings_of_the_course_are_added_to(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(tmp_path))
    assert main(["record", "live", "--data", str(tiny), "--seeds", "1", "--device", "cpu", "--keep-logits", "0"]) == 0
    assert runs.recording("live", 1).val_logits is None


def test_data_are_found_as_the_library_finds_them(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cifar10.PATH_VARIABLE, str(tiny))
    arguments = ["record", "live", "--out", str(tmp_path), "--seeds", "1", "--device", "cpu", "--keep-logits", "5"]
    assert main(arguments) == 0
    assert (tmp_path / "live-seed1.npz").exists()


@pytest.mark.parametrize("seeds", ["ten", "1-", "-1", "1-b", "5-3", "", "1,2", "1.5"])
def test_seeds_of_another_form_are_refused_with_the_right_form(
    tiny: Path, tmp_path: Path, seeds: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        record(tiny, tmp_path, f"--seeds={seeds}")
    assert caught.value.code == 2
    assert f"seeds look like 7 or 10-19, got {seeds!r}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["record"], "RECIPE"),
        (["record", "mian"], "invalid choice: 'mian'"),
        (["record", "live", "--precision", "float8"], "invalid choice: 'float8'"),
        (["record", "live", "--keep-logits", "many"], "invalid int value: 'many'"),
        (["play"], "invalid choice: 'play'"),
    ],
)
def test_other_words_are_refused_with_the_value_and_the_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "usage: python -m lessonlib" in error


def test_missing_data_end_with_one_and_a_message(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert record(tmp_path / "gone", tmp_path / "out", "--seeds", "1") == 1
    error = capsys.readouterr().err
    assert error.startswith("lessonlib: there is no ")
    assert "set LESSONLIB_CIFAR10" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--keep-logits", "11"], "keep_logits must be a whole number from 0 to 10, got 11"),
        (["--keep-logits", "-1"], "got -1"),
        (["--device", "abacus"], "torch cannot compute on the device 'abacus' here"),
        (["--device", "cuda:99"], "torch cannot compute on the device 'cuda:99' here"),
    ],
)
def test_an_impossible_request_ends_with_one_and_a_message(
    tiny: Path, tmp_path: Path, more: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert record(tiny, tmp_path, "--seeds", "1", *more) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_before_anything_is_trained(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("it was trained for nothing"))
    (tmp_path / "file").write_bytes(b"")
    assert record(tiny, tmp_path / "file", "--seeds", "1") == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_without_torch_the_command_ends_with_one_and_names_what_is_missing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert record(tiny, tmp_path, "--seeds", "1") == 1
    assert "torch" in capsys.readouterr().err


def test_an_interrupted_recording_leaves_no_half_of_itself(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupt)
    with pytest.raises(KeyboardInterrupt):
        record(tiny, tmp_path, "--seeds", "1")
    assert list(tmp_path.iterdir()) == []


def test_the_command_runs_as_a_module_and_its_exit_status_tells(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lessonlib", "record", "live", "--out", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {cifar10.PATH_VARIABLE: "none"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("lessonlib: CIFAR-10 is not on this machine.")
    assert "Traceback" not in done.stderr
