"""What a served stack shows to the rest of its machine: one port, and no file or socket that others could open."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.test_cluster import listening_addresses
from tests.e2e.served import Served

OTHERS = 0o077


def open_to_others(root: Path) -> list[str]:
    """What of a directory others may read, write or search, as far as they get."""
    if not stat.S_IMODE(root.stat().st_mode) & OTHERS:
        return []
    found = [f"{root} {stat.S_IMODE(root.stat().st_mode):o}"]
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) & OTHERS:
            found.append(f"{path} {stat.S_IMODE(mode):o}")
    return found


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Started from a shell that hides nothing, in a directory that was there and that everybody may look into."""
    data = tmp_path_factory.mktemp("careless") / "data"
    data.mkdir()
    data.chmod(0o755)
    before = os.umask(0)
    try:
        served = Served(data, "--transport", "local", "--shards", "2")
    finally:
        os.umask(before)
    with served:
        yield served
        assert served.stop() == 0


def test_no_file_is_open_to_others_whatever_the_shell_allows(careless: Served) -> None:
    assert careless.http.put("/v1/warehouses/x", json={"name": "x", "kind": "store", "priority": 1}).is_success
    # The directory itself is as it was found; what is in it was made by us. The address is no secret.
    found = [each for each in open_to_others(careless.data) if not each.startswith(f"{careless.data} ")]
    assert found == []
    assert open_to_others(careless.data / "shards") == []


def test_the_key_the_secret_and_every_socket_are_for_the_owner_alone(careless: Served) -> None:
    for name in ("admin.key", "id.secret"):
        assert stat.S_IMODE((careless.data / name).stat().st_mode) == 0o600
    run = Path((careless.data / "run").read_text())
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    for path in [*careless.data.rglob("*"), *run.rglob("*")]:
        if stat.S_ISSOCK(path.lstat().st_mode):
            assert stat.S_IMODE(path.lstat().st_mode) == 0o600, path


def test_rays_run_directory_and_token_are_for_the_owner_alone(ray_served: Served) -> None:
    run = Path((ray_served.data / "run").read_text())
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert stat.S_IMODE((run / "token").stat().st_mode) == 0o600
    sockets = [path for path in run.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    ours = [path for path in sockets if path.parent == run / "sockets"]
    assert len(ours) >= 2
    assert all(stat.S_IMODE(path.lstat().st_mode) == 0o600 for path in ours)


def test_the_one_port_is_on_loopback(careless: Served) -> None:
    pids = {process.pid for process in careless.family()} | {careless.popen.pid}
    assert {*listening_addresses(pids)} == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["/v1/commands", "/v1/reservations", "/v1/products:batch"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_ten_megabytes_is_refused_and_the_connection_lives(
    careless: Served, path: str, announced: bool
) -> None:
    body = b'[{"id":"' + b"x" * 10_000_000 + b'"}]'
    content = body if announced else iter([body[at : at + 65_536] for at in range(0, len(body), 65_536)])
    answer = careless.http.post(path, content=content, headers={"Idempotency-Key": "ten"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert careless.http.get("/v1/limits").status_code == 200


def test_whoever_sends_half_a_head_is_shown_the_door_by_the_real_server_too(careless: Served) -> None:
    host, _, port = careless.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), 30) as caller:
        caller.sendall(b"GET /" + b"x" * 40_000)
        assert caller.recv(12) == b"HTTP/1.1 431"
