"""What operators ask: health, metrics, limits."""

import contextlib
from dataclasses import asdict
from typing import Any

import orjson
from fastapi import APIRouter, Depends, Response

from actors.documents.device_rows import DEVICES_MAX
from actors.documents.directory import Directory, DirectoryUnavailable
from actors.documents.keys import Principal
from actors.shard_limits import shard_limits
from analytics.questions import (
    QUERY_S_MAX,
    QUESTIONS_MAX,
    ROWS_MAX,
    SQL_CHARACTERS_MAX,
    SQL_MEMORY_BYTES,
    SQL_ROWS_MAX,
    SQL_S_MAX,
    SQL_SLOTS,
    WAIT_S_MAX,
)
from api.deps import Runtime, get_runtime
from api.metrics import MEDIA, exposition
from api.rows import NOT_AFTER_DEFAULT_MS
from api.security import require
from devices.job_desk import QUEUED_MAX
from engine.wire import ShardState

router = APIRouter(tags=["service"])
_ANSWERING = (ShardState.READY, ShardState.READ_ONLY)


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", summary="The process answers")
async def live() -> Response:
    """200 as long as the process serves requests at all."""
    return _json({"status": "live"})


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", summary="Every shard answers", responses={503: {"description": "a shard does not"}})
async def ready(runtime: Runtime = Depends(get_runtime)) -> Response:
    """200 when every shard answers and the first key is in force, 503 otherwise.

    A `read_only` shard answers reads and refuses writes.
    """
    statuses = await runtime.client.shards()
    shards = [
        {"shard": each.shard, "state": each.state.text, "seq": each.seq, "epoch": each.epoch} for each in statuses
    ]
    good = all(each.state in _ANSWERING for each in statuses) and await _keys_in_force(runtime.directory)
    return _json({"status": "ready" if good else "not_ready", "shards": shards}, 200 if good else 503)


async def _keys_in_force(directory: Directory) -> bool:
    # A new engine's first key speaks for a client that the shards have yet to hear of: before they have, the
    # key is refused, and whoever was told "ready" would take that for an answer.
    if not directory.has_clients:
        with contextlib.suppress(DirectoryUnavailable):
            await directory.refresh()
    return directory.has_clients


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(
    runtime: Runtime = Depends(get_runtime), _: Principal = Depends(require("read", "reports"))
) -> Response:
    """Requests, batches, queues, fsyncs and outcomes; of all workers and all shards, and how far the analytics are."""
    statuses = await runtime.client.shards()
    return Response(exposition(runtime.counted(), statuses, await runtime.analytics.status()), media_type=MEDIA)


@router.get("/v1/limits", summary="The limits in force")
async def limits(runtime: Runtime = Depends(get_runtime), _: Principal = Depends(require())) -> Response:
    """Every size that a request is held to."""
    engine, queues = shard_limits(), runtime.client.settings
    return _json(
        {
            **asdict(runtime.limits),
            "ttl_s_min": 1,
            "ttl_s_max": engine.ttl_s_max,
            "quantity_max": engine.quantity_max,
            "quantity_decimals_max": 3,
            "not_after_default_ms": NOT_AFTER_DEFAULT_MS,
            "id_window_ms": engine.id_window_ms,
            "queue_rows": queues.queue_rows_max,
            "queue_bytes": queues.queue_bytes_max,
            "client_rows_per_s": queues.client_rows_per_s,
            "client_burst_rows": queues.client_burst_rows,
            "skus": engine.skus_max,
            "cells": engine.cells_max,
            "warehouses": engine.warehouses_max,
            "channels": engine.channels_max,
            "clients": engine.clients_max,
            "devices": DEVICES_MAX,
            "device_jobs_waiting": QUEUED_MAX,
            "report_rows": ROWS_MAX,
            "report_s": QUERY_S_MAX,
            "report_wait_s": WAIT_S_MAX,
            "reports": QUESTIONS_MAX,
            "sql_rows": SQL_ROWS_MAX,
            "sql_s": SQL_S_MAX,
            "sql_memory_bytes": SQL_MEMORY_BYTES,
            "sql_characters": SQL_CHARACTERS_MAX,
            "sql": SQL_SLOTS,
        }
    )
