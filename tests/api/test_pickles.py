"""No pickle of outside data, nowhere: the sources have none, and one that is sent everywhere is never loaded."""

import ast
import os
import pickle
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from actors import device_messages, snapshot
from actors.analytics_actor import SIZE
from actors.documents import messages
from actors.handover import ASK, receive
from actors.socket_server import HEAD_BYTES, SocketServer
from analytics import questions
from api.import_files import FileProblem, look_at
from api.paging import encode_cursor
from engine import journal_format
from engine.wire import Batch, Reply, WireError
from tests.api.box import BOUND_S, Box, fresh
from tests.api.test_commands import ARROW
from tests.api.test_scopes import ENDPOINTS
from tests.test_house import PACKAGES, sources

FORBIDDEN = {"eval", "exec", "compile", "__import__"}
"""Calls by these names; re.compile is an attribute and no call by name."""
LOADERS = {
    ("yaml", "load"), ("yaml", "unsafe_load"), ("numpy", "load"), ("np", "load"), ("np", "fromregex"),
    ("pa", "deserialize"), ("pa", "deserialize_pandas"), ("torch", "load"), ("pd", "read_pickle"),
}  # fmt: skip
WITH_BODY = sorted({(method, path) for method, path, _, _ in ENDPOINTS if method in ("POST", "PUT", "PATCH")})
WITHOUT_WORDS = {"/v1/devices/never-made/new_receipt"}
"""Take no body: what is sent as one is not even looked at."""
DECODERS = {
    "asked of a device": device_messages.decode_asked,
    "told by a device": device_messages.decode_told,
    "how a device is": device_messages.decode_probe,
    "told to the documents": messages.decode_message,
    "what was changed there": messages.decode_changed,
    "what was found there": messages.decode_verdicts,
    "asked of the analytics": questions.decode_question,
    "SQL asked of them": questions.decode_sql,
    "the head of their answer": questions.decode_head,
    "how they are": questions.decode_status,
}


class Bomb:
    """Makes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """What a loaded bomb would have made."""
    yield tmp_path / "loaded"
    assert not (tmp_path / "loaded").exists()


@pytest.fixture(params=range(pickle.HIGHEST_PROTOCOL + 1))
def bomb(mark: Path, request: pytest.FixtureRequest) -> bytes:
    return pickle.dumps(Bomb(mark), protocol=request.param)


def test_the_bomb_is_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "made")))
    assert (tmp_path / "made").is_dir()


def test_no_source_runs_or_loads_what_it_is_given() -> None:
    for path, tree in sources(*PACKAGES):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name):
                assert node.func.id not in FORBIDDEN, f"{path}:{node.lineno}"
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                assert (node.func.value.id, node.func.attr) not in LOADERS, f"{path}:{node.lineno}"


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
@pytest.mark.parametrize(
    "media", ["application/json", ARROW, "application/x-python-pickle", "application/python-pickle", ""]
)
def test_a_body_is_not_loaded(box: Box, bomb: bytes, method: str, path: str, media: str) -> None:
    answer = box.call(method, path, content=bomb, headers={"Content-Type": media})
    assert answer.status_code in ((404,) if path in WITHOUT_WORDS else (400, 422)), answer.text


@pytest.mark.parametrize("name", ["pandas", "ARROW:extension:metadata", "huggingface"])
def test_the_metadata_of_an_arrow_stream_is_not_loaded(box: Box, bomb: bytes, name: str) -> None:
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": bomb}
    fields = [pa.field("id", pa.string(), metadata=extension), pa.field("kind", pa.string(), metadata={name: bomb})]
    schema = pa.schema(fields, metadata={name: bomb, b"pickle": bomb})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.table({"id": [fresh()], "kind": ["confirm"]}, schema=schema))
    answer = box.call("POST", "/v1/commands", content=bytes(sink.getvalue()), headers={"Content-Type": ARROW})
    assert answer.status_code == 422, answer.text


def test_heads_and_cursors_are_not_loaded(box: Box, bomb: bytes) -> None:
    text = bomb.hex()
    words = [int.from_bytes(bomb[at : at + 7], "little") for at in range(0, len(bomb), 7)]
    for cursor in (text, encode_cursor(words), encode_cursor(words[:3])):
        for path in ("/v1/feed?after=", "/v1/reservations?cursor=", "/v1/warehouses?cursor=", "/v1/products?cursor="):
            assert box.call("GET", path + cursor).status_code in (200, 410, 422)
    headers = {"Authorization": f"Bearer {text}"}
    assert box.call("GET", "/v1/limits", headers=headers).status_code == 401
    assert (
        box.call("GET", "/v1/feed", headers={"Last-Event-ID": text, "Accept": "text/event-stream"}).status_code == 422
    )
    assert box.call("POST", "/v1/reservations/r/confirm", headers={"Idempotency-Key": text}).status_code == 422


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".pkl"])
def test_an_imported_file_is_not_loaded(tmp_path: Path, bomb: bytes, suffix: str) -> None:
    path = tmp_path / f"products{suffix}"
    path.write_bytes(bomb)
    with suppress(FileProblem):
        list(look_at(path, {"sku", "name"}).rows())


def test_records_and_snapshots_are_not_loaded(tmp_path: Path, bomb: bytes) -> None:
    padded = np.frombuffer(bomb + bytes(4_096), np.uint8)
    with pytest.raises(journal_format.FormatError):
        journal_format.decode(padded)
    path = snapshot.path_of(tmp_path, 1)
    path.write_bytes(padded.tobytes())
    with pytest.raises(snapshot.SnapshotDamaged):
        snapshot.load(path)


def test_a_shards_door_does_not_load_a_message(tmp_path: Path, bomb: bytes) -> None:
    def submit(message: bytes) -> bytes:
        return bytes(Batch.from_bytes(message).call)

    server = SocketServer(tmp_path / "0", submit)
    try:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(BOUND_S)
            caller.connect(str(tmp_path / "0"))
            caller.sendall(len(bomb).to_bytes(HEAD_BYTES, "little") + bomb)
            assert caller.recv(1) == b""
    finally:
        server.close()


def test_the_analytics_do_not_load_a_question(box: Box, bomb: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(BOUND_S)
        caller.connect(str(box.analytics_door))
        caller.sendall(SIZE.pack(len(bomb)) + bomb)
        assert caller.recv(1) == b""
    assert box.get("/v1/reports/stock_as_of")["rows"], "whoever asks properly is answered still"


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_devices_documents_and_analytics_are_told_is_not_loaded(bomb: bytes, decoder: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        DECODERS[decoder](bomb)


def test_messages_between_processes_are_not_loaded(bomb: bytes) -> None:
    for decode in (Batch.from_bytes, Reply.from_bytes):
        with pytest.raises(WireError):
            decode(bomb)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(len(bomb).to_bytes(4, "little") + bomb)
        with pytest.raises(ValueError):  # noqa: PT011
            receive(ours, ASK, time.monotonic() + BOUND_S)
