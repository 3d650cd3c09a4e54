"""Schemathesis against a running engine: what the OpenAPI document says is so, for good data, bad data and chains."""

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
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.box import Box, fresh

pytestmark = pytest.mark.long
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STEPS: Final = ("confirm", "extend", "fulfil", "release")
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
    config = SchemathesisConfig.from_dict({"generation": {"mode": "all", "deterministic": True}, "seed": 20_261_122})
    return schemathesis.openapi.from_url(f"{box.url}/openapi.json", config=config)


def with_key(box: Box) -> dict[str, str]:
    return {"Authorization": f"Bearer {box.admin}"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_answers_as_the_document_says(box: Box, openapi: Any, mode: GenerationMode) -> None:
    seen = set()
    for operation in (result.ok() for result in openapi.get_all_operations()):

        @given(case=operation.as_strategy(generation_mode=mode))
        @BOUNDED
        def answered_as_said(case: Any) -> None:
            seen.add(case.path)
            case.call_and_validate(headers=with_key(box), checks=CHECKS)

        with suppress(Unsatisfiable):  # nothing can be wrong with a call that takes nothing
            answered_as_said()
    assert len(seen) > 20 or mode is GenerationMode.NEGATIVE


def test_chains_of_operations_answer_as_the_document_says(box: Box, openapi: Any) -> None:
    """A reservation is made and then confirmed, released, fulfilled, extended and looked at, in any order."""
    seen: dict[tuple[str, int], int] = {}

    class Chains(openapi.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Any) -> None:
            case.headers["Authorization"] = f"Bearer {box.admin}"
            if case.path == "/v1/reservations" and case.method == "POST" and isinstance(case.body, dict):
                # Of goods that there are: else every chain would end with its first step.
                case.body = {"channel": "shop", "ttl_s": 600, "lines": [{"sku": "TEE-M", "quantity": 1}]}
                case.headers["Idempotency-Key"] = fresh("chain")
            elif case.method == "POST" and fresh().endswith(("1", "3", "5", "7", "9")):
                case.headers["Idempotency-Key"] = fresh("chain")

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:
            key = (f"{case.method} {case.path}", response.status_code)
            seen[key] = seen.get(key, 0) + 1
            case.validate_response(response, checks=CHECKS)

    def done() -> list[str]:
        return [step for step in STEPS if seen.get((f"POST /v1/reservations/{{reservation}}/{step}", 200))]

    for _ in range(5):
        # Stock that lives on does not answer the same choices twice with the same, and that ends a run.
        with suppress(FlakyStrategyDefinition):
            Chains.run(settings=settings(BOUNDED, max_examples=25, stateful_step_count=10))
        if len(done()) > 1:
            break
    assert len(done()) > 1, seen  # which ones is chance
