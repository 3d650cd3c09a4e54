"""The OpenAPI page is true: every example is sent as it stands and answered as it says."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from analytics.alerts.words import KINDS
from api.direct import Direct
from api.operations import DIRECT
from tests.api.box import Box, fresh


@pytest.fixture(scope="module")
def document(box: Box) -> dict[str, Any]:
    answer = box.call("GET", "/openapi.json", headers={"Authorization": ""})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def examples() -> Iterator[tuple[Direct, str, dict[str, Any]]]:
    for route in DIRECT:
        for name, example in route.docs.get("x-body", (None, {}, False))[1].items():
            yield route, name, example


@pytest.mark.parametrize(
    ("route", "example"),
    [(route, example) for route, _, example in examples()],
    ids=[f"{route.path} {name}" for route, name, _ in examples()],
)
def test_an_example_is_answered_as_it_says(box: Box, route: Direct, example: dict[str, Any]) -> None:
    path = route.path
    if "{reservation}" in path:
        new = {"channel": "shop", "ttl_s": 60, "lines": [{"sku": "TEE-M", "quantity": 2}]}
        made = box.post("/v1/reservations", new, status=201)["reservation"]
        if path.endswith("/fulfil"):
            box.post(f"/v1/reservations/{made}/confirm")
        path = path.replace("{reservation}", made)
    key = "" if path == "/v1/commands" else fresh("key")
    answer = box.call(route.method, path, json=example["value"], headers={"Idempotency-Key": key})
    assert answer.status_code == example["x-status"], answer.text
    if answer.status_code == 201:
        box.post(f"{answer.headers['location']}/release")


def test_every_route_with_a_body_has_an_example() -> None:
    for route in DIRECT:
        assert route.method == "GET" or route.docs["x-body"][1], route.path


def test_every_route_is_on_the_page(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for route in DIRECT:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"], route.path
        assert operation["description"], route.path
        assert {"401", "422", "503"} <= set(operation["responses"]), route.path
    for path in ("/v1/warehouses/{code}", "/v1/products:batch", "/health/ready", "/metrics", "/v1/limits"):
        assert path in document["paths"]


def test_every_operation_that_wants_a_key_tells_its_refusals_in_one_form(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation.get("security"):
                responses = operation["responses"]
                assert {"401", "422", "503"} <= set(responses), (method, path)
                assert "requestBody" not in operation or {"400", "413"} <= set(responses), (method, path)
                refusals = [told for code, told in responses.items() if code >= "400"]
                assert all(list(told["content"]) == ["application/problem+json"] for told in refusals), (method, path)
                assert all(told["description"] for told in refusals), (method, path)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inside in value.values():
                yield from references(inside)
        elif isinstance(value, list):
            for inside in value:
                yield from references(inside)

    for reference in set(references(document)):
        here: Any = document
        for part in reference.removeprefix("#/").split("/"):
            here = here[part]


def test_operation_ids_are_different(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_every_kind_of_alert_is_explained(document: dict[str, Any]) -> None:
    parameters = {each["name"]: each for each in document["paths"]["/v1/alerts"]["get"]["parameters"]}
    assert all(f"`{kind}`: " in parameters["kind"]["description"] for kind in KINDS)
    assert "`unpaid_sales`: sales without a payment reference" in parameters["kind"]["description"]


def test_the_docs_page_is_there(box: Box) -> None:
    answer = box.call("GET", "/docs", headers={"Authorization": ""})
    assert answer.headers["content-type"].startswith("text/html")
    assert "swagger" in answer.text


def test_the_docs_page_loads_nothing_from_elsewhere(box: Box) -> None:
    page = box.call("GET", "/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for path in loaded:
        assert path.startswith("/"), path
        assert box.call("GET", path, headers={"Authorization": ""}).status_code == 200, path
