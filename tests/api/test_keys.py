"""API keys through HTTP: the secret stays with whoever made it."""

from pathlib import Path
from typing import Any

import pytest

from actors.documents.keys import ENTROPY_BYTES, make_key
from tests.api.documents_house import House, in_house, problem_of


async def register(house: House, scopes: list[str], number: int = 1, **more: Any) -> str:
    """Register a key that is the same in every run; gives its text."""
    key = make_key(bytes([number]) * ENTROPY_BYTES)
    body = {"secret_sha256": key.secret_sha256.hex(), "client": "shop", "scopes": scopes, **more}
    answer = await house.put(f"keys/{key.id}", body)
    assert answer.status_code == 201, answer.text
    return key.text


def test_registered_key_works_until_it_is_revoked(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        text = await register(house, ["read"])
        headers = {"Authorization": f"Bearer {text}"}
        assert (await house.http.get("/v1/products", headers=headers)).status_code == 200
        assert (await house.delete(f"keys/{text.split('_')[1]}")).status_code == 204
        assert problem_of(await house.http.get("/v1/products", headers=headers))[:2] == (401, "unauthorized")
        assert (await house.delete(f"keys/{text.split('_')[1]}")).status_code == 204

    in_house(tmp_path, scene)


def test_list_shows_everything_but_secrets(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await register(
            house, ["sell", "store"], channels=["till"], warehouses=["riga"], expires_at="2030-01-01T00:00:00Z"
        )
        answer = await house.get("keys")
        listed = {item["client"]: item for item in answer.json()["items"]}
        assert listed["admin"]["scopes"] == ["admin"]
        assert listed["shop"]["channels"] == ["till"]
        assert listed["shop"]["warehouses"] == ["riga"]
        assert listed["shop"]["expires_at"] == "2030-01-01T00:00:00.000Z"
        assert listed["shop"]["revoked_at"] is None
        assert make_key(b"\1" * ENTROPY_BYTES).secret_sha256.hex() not in answer.text

    in_house(tmp_path, scene)


def test_list_goes_on_from_a_cursor(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        for number in range(1, 4):
            await register(house, ["read"], number)
        whole = [item["id"] for item in (await house.get("keys")).json()["items"]]
        first = (await house.get("keys?limit=2")).json()
        second = (await house.get(f"keys?limit=2&cursor={first['next_cursor']}")).json()
        pages = [[item["id"] for item in page["items"]] for page in (first, second)]
        assert pages == [whole[:2], whole[2:]]
        assert second["next_cursor"] is None
        assert problem_of(await house.get("keys?cursor=eA"))[2] == "cursor"

    in_house(tmp_path, scene)


def test_same_key_twice_is_one_key_and_another_under_its_id_a_conflict(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await register(house, ["read"])
        key = make_key(b"\1" * ENTROPY_BYTES)
        body = {"secret_sha256": key.secret_sha256.hex(), "client": "shop", "scopes": ["read"]}
        assert (await house.put(f"keys/{key.id}", body)).status_code == 200
        refused = await house.put(f"keys/{key.id}", body | {"scopes": ["admin"]})
        assert problem_of(refused) == (409, "conflict", None)

    in_house(tmp_path, scene)


GOOD = {"secret_sha256": "0" * 64, "client": "shop", "scopes": ["read"]}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (GOOD | {"scopes": ["fly"]}, "$.scopes[0]"),
        (GOOD | {"scopes": []}, "$.scopes"),
        (GOOD | {"client": "a b"}, "$.client"),
        (GOOD | {"secret_sha256": "0"}, "$.secret_sha256"),
        (GOOD | {"channels": ["a b"]}, "$.channels[0]"),
        (GOOD | {"expires_at": "tomorrow"}, "$.expires_at"),
        (GOOD | {"expires_at": "9999-12-31T23:59:59-01:00"}, "$.expires_at"),
        (GOOD | {"secret": "s"}, "$.secret"),
    ],
)
def test_malformed_key_is_refused(tmp_path: Path, body: dict[str, Any], path: str) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.put("keys/00112233aabbccdd", body)) == (422, "invalid_request", path)

    in_house(tmp_path, scene)


@pytest.mark.parametrize(
    "key_id", ["k1", "00112233aabbccd", "00112233aabbccdde", "00112233AABBCCDD", "00112233aabbccdg"]
)
def test_an_id_that_no_key_can_have_is_refused(tmp_path: Path, key_id: str) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.put(f"keys/{key_id}", GOOD)) == (422, "invalid_request", "key_id")

    in_house(tmp_path, scene)


def test_unknown_key_cannot_be_revoked(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.delete("keys/nobody")) == (404, "unknown_key", None)

    in_house(tmp_path, scene)


def test_keys_are_for_admins(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        headers = {"Authorization": f"Bearer {await register(house, ['read', 'reserve', 'stock', 'sell', 'store'])}"}
        assert problem_of(await house.http.get("/v1/keys", headers=headers))[:2] == (403, "forbidden")

    in_house(tmp_path, scene)
