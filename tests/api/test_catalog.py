"""The catalogue from outside: warehouses, channels, products."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.deps import ApiLimits
from engine.ids import sku_key
from engine.outcomes import Outcome
from tests.api.documents_house import House, in_house, problem_of

STORE = {"name": "Riga", "kind": "store", "priority": 3}
CHANNEL = {"name": "Shop", "kind": "web", "warehouses": None}
CUP = {"name": "Cup", "quantity_decimals": 0, "barcodes": ["4006381333931"], "group": ["Kitchen", "Cups"]}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("warehouses/riga-1", STORE | {"time_zone": "Europe/Riga"}, {"code": "riga-1"}),
        ("warehouses/A.b_c:1", STORE, {"code": "A.b_c:1"}),
        ("channels/web", CHANNEL, {"code": "web"}),
        ("products/cup-1", CUP, {"sku": "cup-1"}),
    ],
)
def test_put_makes_then_replaces_and_get_shows_it(
    tmp_path: Path, path: str, body: dict[str, Any], code: dict[str, str]
) -> None:
    async def scene(house: House) -> None:
        made = await house.put(path, body)
        assert made.status_code == 201
        assert made.json() == code | body
        assert (await house.put(path, body)).status_code == 200
        assert (await house.put(path, body | {"name": "Other"})).status_code == 200
        shown = await house.get(path)
        assert shown.status_code == 200
        assert shown.json() == code | body | {"name": "Other"}
        # What is shown can be sent back as it is.
        assert (await house.put(path, shown.json())).status_code == 200

    in_house(tmp_path, scene)


@pytest.mark.parametrize(
    ("path", "body", "unknown"),
    [
        ("warehouses/riga", STORE, "unknown_warehouse"),
        ("channels/web", CHANNEL, "unknown_channel"),
        ("products/cup", CUP, "unknown_sku"),
    ],
)
def test_deleted_is_unknown_and_put_brings_it_back(
    tmp_path: Path, path: str, body: dict[str, Any], unknown: str
) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.get(path)) == (404, unknown, None)
        assert problem_of(await house.delete(path)) == (404, unknown, None)
        await house.put(path, body)
        assert (await house.delete(path)).status_code == 204
        assert problem_of(await house.get(path)) == (404, unknown, None)
        assert (await house.get(path.partition("/")[0])).json() == {"items": [], "next_cursor": None}
        assert (await house.put(path, body)).status_code == 201

    in_house(tmp_path, scene)


def test_product_and_warehouse_with_stock_cannot_be_deleted(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await house.put("warehouses/riga", STORE)
        await house.put("products/cup", CUP)
        assert await house.shards.receive(sku_key("cup"), 0, 5, "r1") == Outcome.OK
        assert problem_of(await house.delete("products/cup")) == (409, "conflict", None)
        assert problem_of(await house.delete("warehouses/riga")) == (409, "conflict", None)
        assert (await house.get("products/cup")).status_code == 200

    in_house(tmp_path, scene)


def test_decimals_of_a_product_with_a_cell_cannot_change(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await house.put("warehouses/riga", STORE)
        await house.put("products/cup", CUP)
        assert (await house.put("products/cup", CUP | {"quantity_decimals": 3})).status_code == 200
        assert await house.shards.receive(sku_key("cup"), 0, 5, "r1") == Outcome.OK
        refused = await house.put("products/cup", CUP)
        assert problem_of(refused) == (409, "conflict", None)
        assert "quantity_decimals" in refused.json()["detail"]
        assert (await house.get("products/cup")).json()["quantity_decimals"] == 3

    in_house(tmp_path, scene)


def test_product_keeps_what_else_it_was_given(tmp_path: Path) -> None:
    more = {"brand": "Bolt", "size": {"height": 9.5, "unit": "cm"}, "tags": ["a", None, True], "notes": "two\nlines"}

    async def scene(house: House) -> None:
        await house.put("products/cup", {"name": "Cup"} | more)
        plain = {"sku": "cup", "name": "Cup", "quantity_decimals": 0, "barcodes": []}
        assert (await house.get("products/cup")).json() == plain | more

    in_house(tmp_path, scene)


def test_names_are_kept_in_composed_form(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await house.put("products/cup", {"name": " R\u0069\u0304ga ", "group": ["Cafe\u0301"]})
        shown = (await house.get("products/cup")).json()
        assert shown["name"] == "R\u012bga"
        assert shown["group"] == ["Caf\u00e9"]

    in_house(tmp_path, scene)


def test_channel_with_a_warehouse_that_is_not_there(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await house.put("warehouses/riga", STORE)
        refused = await house.put("channels/web", CHANNEL | {"warehouses": ["riga", "oslo"]})
        assert problem_of(refused) == (404, "unknown_warehouse", None)
        assert "oslo" in refused.json()["detail"]
        assert (await house.put("channels/web", CHANNEL | {"warehouses": ["riga"]})).status_code == 201

    in_house(tmp_path, scene)


BAD = [
    ("warehouses/riga", STORE | {"kind": "shed"}, "$.kind"),
    ("warehouses/riga", STORE | {"priority": True}, "$.priority"),
    ("warehouses/riga", STORE | {"priority": 1.5}, "$.priority"),
    ("warehouses/riga", STORE | {"priority": 2**40}, "$.priority"),
    ("warehouses/riga", STORE | {"colour": "red"}, "$.colour"),
    ("warehouses/riga", STORE | {"time_zone": "Europe/Rome-ish"}, "$.time_zone"),
    ("warehouses/riga", STORE | {"time_zone": "../../etc/passwd"}, "$.time_zone"),
    ("warehouses/riga", STORE | {"code": "oslo"}, "$.code"),
    ("warehouses/riga", {"kind": "store", "priority": 1}, "$.name"),
    ("warehouses/riga", STORE | {"name": "  "}, "$.name"),
    ("warehouses/riga", STORE | {"name": "a\u202eb"}, "$.name"),
    ("warehouses/riga", STORE | {"name": "a\x07b"}, "$.name"),
    ("warehouses/riga", STORE | {"name": "x" * 256}, "$.name"),
    ("warehouses/" + "x" * 65, STORE, "code"),
    ("warehouses/a%20b", STORE, "code"),
    ("channels/web", CHANNEL | {"warehouses": ["a b"]}, "$.warehouses[0]"),
    ("channels/web", CHANNEL | {"warehouses": ["a", "a"]}, "$.warehouses[1]"),
    ("channels/web", CHANNEL | {"kind": ""}, "$.kind"),
    ("products/cup", CUP | {"quantity_decimals": 4}, "$.quantity_decimals"),
    ("products/cup", CUP | {"quantity_decimals": -1}, "$.quantity_decimals"),
    ("products/cup", CUP | {"barcodes": ["1", "1"]}, "$.barcodes[1]"),
    ("products/cup", CUP | {"barcodes": ["1" * 65]}, "$.barcodes[0]"),
    ("products/cup", CUP | {"barcodes": "1"}, "$.barcodes"),
    ("products/cup", CUP | {"group": ["a", ""]}, "$.group[1]"),
    ("products/cup", CUP | {"sku": "plate"}, "$.sku"),
    ("products/cup", CUP | {"size": 2**70}, "$.size"),
    ("products/cup", CUP | {"notes": "x" * 40_000}, "$"),
    ("products/" + "x" * 65, CUP, "sku"),
]


@pytest.mark.parametrize(("path", "body", "where"), BAD)
def test_what_is_not_well_formed_is_refused_with_its_path(
    tmp_path: Path, path: str, body: dict[str, Any], where: str
) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.put(path, body)) == (422, "invalid_request", where)
        assert (await house.get(path.partition("/")[0])).json()["items"] == []

    in_house(tmp_path, scene)


RAW = [
    (b"{", 400, "invalid_json"),
    (b"", 400, "invalid_json"),
    (b'{"name": NaN}', 422, "invalid_request"),
    (b'{"name": "a", "size": NaN}', 422, "invalid_request"),
    (b'{"name": "a", "size": 1e400}', 422, "invalid_request"),
    (b'{"name": "\\ud800"}', 400, "invalid_json"),
    (b'{"name": "\xff"}', 400, "invalid_json"),
    (b'{"name": "a", "size": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "invalid_json"),
    (b'{"name": "a", "size": ' + b"[" * 100 + b"]" * 100 + b"}", 422, "invalid_request"),
    (b'[{"name": "a"}]', 422, "invalid_request"),
    (b'{"name": "a"' + b" " * 300_000 + b"}", 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), RAW)
def test_broken_bodies_have_their_problems(tmp_path: Path, body: bytes, status: int, code: str) -> None:
    async def scene(house: House) -> None:
        refused = await house.http.put("/v1/products/cup", content=body)
        assert problem_of(refused)[:2] == (status, code)

    in_house(tmp_path, scene)


def test_list_goes_page_by_page_in_order_of_code(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        skus = [f"sku-{i:02}" for i in range(25)]
        await house.batch([{"sku": sku, "name": sku} for sku in reversed(skus)])
        seen: list[str] = []
        cursor: str | None = ""
        pages = 0
        while cursor is not None:
            page = (await house.get(f"products?limit=10{'&cursor=' + cursor if cursor else ''}")).json()
            seen += [item["sku"] for item in page["items"]]
            cursor, pages = page["next_cursor"], pages + 1
        assert seen == skus
        assert pages == 3

    in_house(tmp_path, scene)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=%C3%A4", "cursor"),
        ("cursor=IA", "cursor"),
        ("colour=red", "colour"),
    ],
)
def test_wrong_paging_is_refused(tmp_path: Path, query: str, path: str) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.get(f"warehouses?{query}")) == (422, "invalid_request", path)

    in_house(tmp_path, scene)


def test_batch_answers_each_product_in_its_place(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await house.put("warehouses/riga", STORE)
        await house.put("products/cup", CUP)
        assert await house.shards.receive(sku_key("cup"), 0, 5, "r1") == Outcome.OK
        answer = await house.batch(
            [{"sku": "plate", "name": "Plate"}, {"sku": "cup"} | CUP | {"quantity_decimals": 2}, {"sku": "bowl"} | CUP]
        )
        assert answer.status_code == 200
        results = answer.json()["results"]
        assert [(result["sku"], result["outcome"]) for result in results] == [
            ("plate", "ok"),
            ("cup", "conflict"),
            ("bowl", "ok"),
        ]
        assert (await house.get("products/bowl")).status_code == 200

    in_house(tmp_path, scene)


def test_batch_with_the_same_id_is_answered_from_memory(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        first = await house.batch([{"sku": "cup", "name": "Cup"}])
        await house.put("products/cup", {"name": "Mug"})
        again = await house.batch([{"name": "Cup", "sku": "cup"}])
        assert again.json() == first.json()
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert (await house.get("products/cup")).json()["name"] == "Mug"
        reused = await house.batch([{"sku": "cup", "name": "Other"}])
        assert problem_of(reused) == (422, "id_reused", None)

    in_house(tmp_path, scene)


def test_batch_wants_an_id(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        refused = await house.http.post("/v1/products:batch", json=[])
        assert problem_of(refused) == (400, "id_missing", None)

    in_house(tmp_path, scene)


@pytest.mark.parametrize(
    ("products", "path"),
    [
        ([{"sku": "a", "name": "A"}, {"name": "B"}], "$[1].sku"),
        ([{"sku": "a", "name": "A"}, {"sku": "b b", "name": "B"}], "$[1].sku"),
        ([{"sku": "a", "name": "A"}, {"sku": "a", "name": "B"}], "$[1].sku"),
        ([{"sku": "a", "name": "A"}, {"sku": "b"}], "$[1].name"),
        ([{"sku": "a", "name": "A"}, {"sku": "b", "name": "B\u2067"}], "$[1].name"),
        ([{"sku": "a", "name": "A"}, {"sku": "b", "name": "B", "quantity_decimals": 9}], "$[1].quantity_decimals"),
        ([{"sku": "a", "name": "A"}, "b"], "$[1]"),
        ({"sku": "a", "name": "A"}, "$"),
    ],
)
def test_batch_with_one_malformed_product_changes_nothing(tmp_path: Path, products: Any, path: str) -> None:
    async def scene(house: House) -> None:
        assert problem_of(await house.batch(products)) == (422, "invalid_request", path)
        assert (await house.get("products")).json()["items"] == []

    in_house(tmp_path, scene)


def test_batch_of_too_many_products_is_too_large(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        refused = await house.batch([{"sku": f"s{i}", "name": "A"} for i in range(11)])
        assert problem_of(refused) == (413, "too_large", None)

    in_house(tmp_path, scene, ApiLimits(commands=10))


def test_while_a_shard_is_away_a_put_is_unavailable_and_says_when_to_come_back(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        house.shards.away.update({0, 1})
        refused = await house.put("warehouses/riga", STORE)
        assert problem_of(refused) == (503, "unavailable", None)
        assert int(refused.headers["Retry-After"]) >= 1
        batch = await house.batch([{"sku": "cup", "name": "Cup"}])
        assert problem_of(batch) == (503, "unavailable", None)
        house.shards.away.clear()

        async def until_there() -> None:
            while True:
                answer = await house.put("warehouses/riga", STORE)
                if answer.status_code != 503:
                    assert answer.status_code in (200, 201)
                    return
                await asyncio.sleep(0.02)

        await asyncio.wait_for(until_there(), 20)

    in_house(tmp_path, scene)


def test_reading_wants_read_and_writing_admin(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        await house.put("warehouses/riga", STORE)
        from tests.api.test_keys import register

        clerk = {"Authorization": f"Bearer {await register(house, ['reserve'])}"}
        reader = {"Authorization": f"Bearer {await register(house, ['read'], 2)}"}
        for headers, expected in (
            (clerk, (403, "forbidden", None)),
            ({"Authorization": "Bearer x"}, (401, "unauthorized", None)),
        ):
            refused = await house.http.get("/v1/warehouses/riga", headers=headers)
            assert problem_of(refused) == expected
        assert (await house.http.get("/v1/warehouses/riga", headers=reader)).status_code == 200
        refused = await house.http.put("/v1/warehouses/riga", json=STORE, headers=reader)
        assert problem_of(refused) == (403, "forbidden", None)
        refused = await house.http.delete("/v1/warehouses/riga", headers=reader)
        assert problem_of(refused) == (403, "forbidden", None)

    in_house(tmp_path, scene)


def test_openapi_shows_bodies_with_examples_that_run(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        schema = (await house.http.get("/openapi.json")).json()
        for path, operations in schema["paths"].items():
            if "put" in operations and "keys" not in path:
                content = operations["put"]["requestBody"]["content"]["application/json"]
                answer = await house.http.put(
                    path.replace("{code}", "one").replace("{sku}", "one"), json=content["example"]
                )
                assert answer.status_code == 201, answer.text

    in_house(tmp_path, scene)
