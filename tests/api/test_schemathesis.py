"""Schemathesis against a running engine: what the OpenAPI document says is so, for good data, bad data and chains."""

import itertools
from contextlib import suppress
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyStrategyDefinition, Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.box import BOUND_S, Box, fresh

pytestmark = pytest.mark.long
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]
STEPS: Final = ("confirm", "extend", "fulfil", "release")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
"""Without HEAD, which is right wherever GET is."""
NEW: Final = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "TEE-M", "quantity": 1}]}
RUNS_MAX: Final = 10
BOUNDED: Final = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def openapi(box: Box) -> Any:
    generation = {"mode": "all", "deterministic": True}
    # A planner's SQL starts a process; where others want the machine, ten seconds may be too few for it.
    config = SchemathesisConfig.from_dict(
        {"generation": generation, "seed": 20_261_122, "request-timeout": 2 * BOUND_S}
    )
    return schemathesis.openapi.from_url(f"{box.url}/openapi.json", config=config)


def with_key(box: Box) -> dict[str, str]:
    return {"Authorization": f"Bearer {box.admin}"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_answers_as_the_document_says(box: Box, openapi: Any, mode: GenerationMode) -> None:
    seen = set()
    operations = [result.ok() for result in openapi.get_all_operations()]
    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode))
        @BOUNDED
        def answered_as_said(case: Any) -> None:
            seen.add(case.operation.label)
            case.call_and_validate(headers=with_key(box), checks=CHECKS)

        with suppress(Unsatisfiable):  # nothing can be wrong with a call that takes nothing
            answered_as_said()
    takes_nothing = {operation.label for operation in operations if not _takes_something(operation)}
    assert {operation.label for operation in operations} - seen <= (
        takes_nothing if mode is GenerationMode.NEGATIVE else set()
    )


def _takes_something(operation: Any) -> bool:
    return bool(list(operation.iter_parameters())) or bool(list(operation.body))


def test_a_method_that_a_path_does_not_have_is_refused_with_those_that_it_has(box: Box, openapi: Any) -> None:
    """What `unsupported_method` looks at, of every path and method; the check itself sees only drawn ones."""
    for path, described in openapi.raw_schema["paths"].items():
        has = {method.upper() for method in described}
        for method in METHODS:
            if method in has:
                continue
            answer = box.call(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == 405, (method, path, answer.status_code, answer.text)
            assert has <= set(answer.headers["Allow"].split(", ")), (method, path, answer.headers)


@pytest.mark.parametrize("steps", [("extend", "confirm", "fulfil"), ("confirm", "release"), ("release",)], ids=" ".join)
def test_the_links_of_a_reservation_lead_through_its_life(box: Box, openapi: Any, steps: tuple[str, ...]) -> None:
    """By the links that the document gives with each answer, and no other knowledge of paths."""

    def call(operation: Any, body: Any, **path_parameters: str) -> Any:
        headers = with_key(box) | {"Idempotency-Key": fresh("link")}
        case = operation.Case(path_parameters=path_parameters, headers=headers, body=body)
        return case.call_and_validate(checks=CHECKS)

    operation = openapi["/v1/reservations"]["POST"]
    answer = call(operation, NEW)
    assert answer.status_code == 201
    for step in steps:
        answered = operation.definition.raw["responses"][str(answer.status_code)]
        link = answered["links"][step]
        assert link["parameters"] == {"reservation": "$response.body#/reservation"}
        operation = openapi.find_operation_by_id(link["operationId"])
        answer = call(operation, {"ttl_s": 600} if step == "extend" else {}, reservation=answer.json()["reservation"])
        assert answer.status_code == 200, answer.text


def test_chains_of_operations_answer_as_the_document_says(box: Box, openapi: Any) -> None:
    """A reservation is made and then confirmed, released, fulfilled, extended and looked at, in any order."""
    seen: dict[tuple[str, int], int] = {}
    turns = itertools.count()

    # Of all operations a chain would seldom come back to the reservation that it made.
    of_reservations = openapi.include(path_regex="^/v1/reservations")

    class Chains(of_reservations.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": with_key(box)}

        def before_call(self, case: Any) -> None:
            if case.path == "/v1/reservations" and case.method == "POST" and isinstance(case.body, dict):
                # Of goods that there are: else every chain would end with its first step.
                case.body = NEW
                case.headers["Idempotency-Key"] = fresh("chain")
            elif case.method == "POST" and next(turns) % 2:
                case.headers["Idempotency-Key"] = fresh("chain")
                if case.path.endswith(("/confirm", "/release")):
                    case.body = {}

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:
            key = (f"{case.method} {case.path}", response.status_code)
            seen[key] = seen.get(key, 0) + 1
            case.validate_response(response, checks=CHECKS)

    def done() -> set[str]:
        return {step for step in STEPS if seen.get((f"POST /v1/reservations/{{reservation}}/{step}", 200))}

    for _ in range(RUNS_MAX):
        # Stock that lives on does not answer the same choices twice with the same, and that ends a run.
        with suppress(FlakyStrategyDefinition):
            Chains.run(settings=settings(BOUNDED, max_examples=25, stateful_step_count=10))
        if done() >= {"confirm", "release"}:
            break
    assert done() >= {"confirm", "release"}, seen
