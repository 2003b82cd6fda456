"""Nothing of the learner's is lost: not when writers meet, not when one is killed, not when a line is half-written."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonlib import storage

ROOT = Path(__file__).resolve().parents[1]
NAME = "records.jsonl"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the learner's folder of this test."""
    folder = tmp_path / "learner"
    monkeypatch.setenv(storage.HOME_VARIABLE, str(folder))
    return folder


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start Python code that can import lessonlib, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


# --- records ------------------------------------------------------------------------------------------------------


def test_records_come_back_in_the_order_in_which_they_were_kept(home: Path) -> None:
    kept = [{"n": 1, "text": "größer\n\u2028数"}, {"n": 2, "list": [0.5, None, True]}]
    for record in kept:
        storage.append_record(NAME, record)
    assert storage.read_records(NAME) == kept


def test_without_a_file_there_are_no_records_and_none_is_made(home: Path) -> None:
    assert storage.read_records(NAME) == []
    assert list(home.iterdir()) == []


def test_where_nothing_can_be_kept_nothing_is_and_keeping_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(storage.HOME_VARIABLE, str(tmp_path / "file" / "home"))
    assert storage.read_records(NAME) == []
    with pytest.raises(NotADirectoryError):
        storage.append_record(NAME, {"n": 1})


def test_the_learners_folder_is_made_where_the_environment_says(home: Path) -> None:
    assert not home.exists()
    assert storage.learner_folder() == home
    assert home.is_dir()


def test_without_the_variable_the_folder_is_that_of_the_operating_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(storage.HOME_VARIABLE, raising=False)
    monkeypatch.setattr(storage.platformdirs, "user_data_path", lambda name, **_: tmp_path / name)
    assert storage.learner_folder() == tmp_path / "lessonlib"


def test_a_record_that_json_cannot_hold_is_refused_and_nothing_is_written(home: Path) -> None:
    with pytest.raises(TypeError, match="Path"):
        storage.append_record(NAME, {"where": home})
    assert storage.read_records(NAME) == []


def test_a_half_written_last_line_stays_and_later_records_are_read(home: Path) -> None:
    storage.append_record(NAME, {"n": 1})
    path = home / NAME
    path.write_bytes(path.read_bytes() + b'{"n": 2, "te')  # a writer was killed here
    storage.append_record(NAME, {"n": 3})
    storage.append_record(NAME, {"n": 4})
    with pytest.warns(UserWarning, match=r"records\.jsonl, line 2 is damaged and was passed over: .*te"):
        assert [record["n"] for record in storage.read_records(NAME)] == [1, 3, 4]
    assert b'{"n": 2, "te\n' in path.read_bytes()


@pytest.mark.parametrize("line", [b"no json", b"[1, 2]", b"3", b"\xff\xfe\x00", b'{"n": 1', b"9" * 5_000, b"[" * 10**5])
def test_a_line_that_is_no_record_is_passed_over_with_a_warning(home: Path, line: bytes) -> None:
    storage.append_record(NAME, {"n": 1})
    path = home / NAME
    path.write_bytes(line + b"\n" + path.read_bytes())
    with pytest.warns(UserWarning, match="line 1 is damaged"):
        assert storage.read_records(NAME) == [{"n": 1}]


def test_empty_lines_are_passed_over_in_silence(home: Path) -> None:
    storage.append_record(NAME, {"n": 1})
    path = home / NAME
    path.write_bytes(b"\n" + path.read_bytes() + b"\r\n\n")
    assert storage.read_records(NAME) == [{"n": 1}]


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none(), max_size=3), max_size=5),
    st.integers(0, 200),
)
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_whatever_was_cut_off_every_record_after_the_cut_is_read(home: Path, records: list[dict], cut: int) -> None:
    path = storage.learner_folder() / NAME
    line = json.dumps({"first": "x" * 150}).encode()
    path.write_bytes(line[:cut])
    for record in records:
        storage.append_record(NAME, record)
    damaged = 0 < cut < len(line)
    with pytest.warns(UserWarning, match="line 1 is damaged") if damaged else contextlib.nullcontext():
        read = storage.read_records(NAME)
    assert read == ([json.loads(line)] if cut >= len(line) else []) + records


def test_records_appended_by_several_processes_at_once_are_all_there(home: Path) -> None:
    code = """
import sys
from lessonlib import storage
writer = int(sys.argv[1])
for n in range(40):
    storage.append_record("records.jsonl", {"writer": writer, "n": n, "text": "x" * (20_000 if n % 10 == 0 else 5)})
"""
    writers = [start(code, number) for number in range(3)]
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    records = storage.read_records(NAME)
    assert Counter((r["writer"], r["n"]) for r in records) == Counter((w, n) for w in range(3) for n in range(40))
    for number in range(3):
        assert [r["n"] for r in records if r["writer"] == number] == list(range(40))


# --- whole files --------------------------------------------------------------------------------------------------


def test_a_written_file_holds_the_content_and_its_folder_is_made(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file.bin"
    assert storage.write_atomically(target, lambda file: file.write(b"new")) == target
    assert target.read_bytes() == b"new"
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]


def test_while_a_file_is_written_readers_see_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")

    def write(file) -> None:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"

    storage.write_atomically(target, write)
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("failure", [OSError("disk full"), ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")

    def write(file) -> None:
        file.write(b"half")
        raise failure

    with pytest.raises(type(failure)):
        storage.write_atomically(target, write)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        storage.write_atomically(tmp_path / "file" / "below.bin", lambda file: file.write(b"new"))


def test_a_written_file_is_as_readable_for_others_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    target = storage.write_atomically(tmp_path / "atomic", lambda file: file.write(b""))
    assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_writer_killed_at_any_moment_leaves_one_whole_version(tmp_path: Path) -> None:
    code = """
import itertools, sys
from lessonlib import storage
def write(file, letter):
    for _ in range(64):
        file.write(letter * 4096)
for n in itertools.count():
    storage.write_atomically(sys.argv[1], lambda file: write(file, b"ab"[n % 2 : n % 2 + 1]))
    if n == 0:
        print("writing", flush=True)
"""
    rng = random.Random(0)
    for repetition in range(4):
        target = tmp_path / f"{repetition}.bin"
        with start(code, target) as writer:
            assert writer.stdout.readline() == "writing\n"
            time.sleep(rng.uniform(0, 0.05))
            writer.kill()
        content = target.read_bytes()
        assert len(content) == 64 * 4096
        assert set(content) in ({ord("a")}, {ord("b")})
