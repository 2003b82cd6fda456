"""Scalars from TensorBoard event files, without TensorBoard or TensorFlow.

An event file is a sequence of records, each a length, a checksum of the length, the content and a checksum of that. The
content is a protocol buffer, of which the few fields that hold a scalar are read here: ``Event.step`` (field 2) and
``Event.summary`` (5); in it ``Summary.value`` (1) with ``tag`` (1) and ``simple_value`` (2), as PyTorch writes it, or
``tensor`` (8), as TensorFlow 2 does. Used by `lessonlib.reading.logs`; compared with TensorBoard's own reader in
``tests/test_logs.py``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

#: Types of tensors that hold one floating-point number: TensorFlow's DT_FLOAT and DT_DOUBLE.
_TENSOR_TYPES = {1: "<f4", 2: "<f8"}
#: Polynomial of CRC-32C (Castagnoli), bits reversed, and the mask that TensorFlow adds to the checksum.
_POLYNOMIAL, _MASK = 0x82F63B78, 0xA282EAD8

Fields = Iterator[tuple[int, int, "int | bytes"]]


class LogError(ValueError):
    """A log cannot be read; the message says why and what to do."""


def scalars(path: str | os.PathLike[str]) -> Iterator[tuple[str, int, float]]:
    """Read the scalars of an event file in the order in which they were written.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    tuple of (str, int, float)
        Tag, step and value. A last record that was cut off, as by a killed training, is passed over.

    Raises
    ------
    LogError
        If the file is empty, or anything but whole records.
    OSError
        If it cannot be read.
    """
    for record in _records(Path(path)):
        step, summaries = 0, []
        for field, kind, content in _fields(record, path):
            if (field, kind) == (2, 0):
                step = content
            elif (field, kind) == (5, 2):
                summaries.append(content)
        for summary in summaries:
            for field, kind, value in _fields(summary, path):
                if (field, kind) == (1, 2) and (scalar := _tag_and_number(value, path)) is not None:
                    yield scalar[0], step, scalar[1]


def _records(path: Path) -> Iterator[bytes]:
    raw, at = path.read_bytes(), 0
    if not raw:
        raise LogError(f"{path} is empty: TensorBoard files are written when the writer is flushed or closed.")
    while at + 12 <= len(raw):
        length, checksum = struct.unpack_from("<QI", raw, at)
        if _masked_crc(raw[at : at + 8]) != checksum:
            raise LogError(f"{path} is no event file, or damaged at byte {at}: the checksum of a length is wrong.")
        end = at + 12 + length
        if end + 4 > len(raw):
            return
        yield raw[at + 12 : end]
        at = end + 4


def _masked_crc(data: bytes) -> int:
    """Return TensorFlow's checksum of a few bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _fields(message: bytes, path: object) -> Fields:
    """Give number, wire type and content of each field of a protocol buffer."""
    at = 0
    try:
        while at < len(message):
            key, at = _varint(message, at)
            kind = key & 7
            if kind == 0:
                content, at = _varint(message, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
                content, at = message[at : at + size], at + size
            elif kind == 2:
                size, at = _varint(message, at)
                content, at = message[at : at + size], at + size
            else:
                raise LogError(f"{path} holds a field of wire type {kind}: it is no event file.")
            if at > len(message):
                raise LogError(f"{path} holds a field that is cut off: it is damaged.")
            yield key >> 3, kind, content
    except IndexError as error:
        raise LogError(f"{path} holds a record that is cut off: it is damaged.") from error


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        if shift > 63:
            raise LogError(f"a number in an event file has more than 64 bits at byte {at}: it is damaged.")
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _tag_and_number(value: bytes, path: object) -> tuple[str, float] | None:
    tag, number = "", None
    for field, kind, content in _fields(value, path):
        if (field, kind) == (1, 2):
            tag = content.decode("utf-8", errors="replace")
        elif (field, kind) == (2, 5):
            number = struct.unpack("<f", content)[0]
        elif (field, kind) == (8, 2):
            number = _number_in_tensor(content, path)
    return None if number is None else (tag, float(number))


def _number_in_tensor(tensor: bytes, path: object) -> float | None:
    """Return the number of a tensor that holds one float or double, else None."""
    fields = {field: content for field, _, content in _fields(tensor, path)}
    kind = _TENSOR_TYPES.get(fields.get(1))
    content = fields.get(4) or fields.get(5) or fields.get(6)  # raw content, float_val or double_val
    if kind is None or not isinstance(content, bytes) or len(content) != np.dtype(kind).itemsize:
        return None
    return float(np.frombuffer(content, kind)[0])
