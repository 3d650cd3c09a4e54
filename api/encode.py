"""From decoded commands to COMMAND rows and their heap of texts, one row at a time: single calls and reservations.

Large arrays go by columns (`api.command_columns`); where these meet a problem, they come here after all, because
here the first problem in the order of the rows is the one that is told.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from actors.documents.keys import Principal
from api import schemas as s
from api.numbers import time_ms
from api.places import Places
from api.row_of_kind import ENCODE, fill_part, line_row, meant
from api.rows import NO_TEXTS, NOT_AFTER_DEFAULT_MS, Names, Row, Texts, packed, place_crc, uuid7_ms, values
from api.status import Problem, invalid
from api.texts import CODE_MAX, check_code, check_text, is_code
from engine.kinds import Flag, Kind
from engine.layout import COMMAND

_ID_ONLY: Final = [bytes((length,)) + NO_TEXTS[1:] for length in range(CODE_MAX + 1)]
_RESERVE: Final = int(Kind.RESERVE)
_RELEASE: Final = int(Kind.RELEASE)
_PARTIAL: Final = int(Flag.PARTIAL)
_WANT_LINES: Final = int(Flag.WANT_LINES)
_CONTINUES: Final = int(Flag.CONTINUES)
_REPLACES: Final = int(Flag.REPLACES)


class Encoder:
    """Collects the rows of one request."""

    def __init__(self, names: Names, principal: Principal, arrived_ms: int) -> None:
        self.places = Places(names, principal)
        self.unknown_warehouses = self.places.unknown_warehouses
        self.unknown_channels = self.places.unknown_channels
        self._client = principal.client
        self._not_after_ms = arrived_ms + NOT_AFTER_DEFAULT_MS
        self._base_flags = int(Flag.ADMIN) if principal.admin else 0
        self._packed: list[bytes] = []
        self._heap = bytearray()
        self._groups = 0
        # The open group: its first command, its label, and the number of its latest line.
        self._before: s.Sell | s.Reserve | None = None
        self._label = ""
        self._lines = 0
        self._line = 0
        self._sell_labels: set[str] = set()

    def __len__(self) -> int:
        return len(self._packed)

    def arrays(self) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]:
        """The rows, writable, and their heap."""
        rows = np.frombuffer(bytearray(b"".join(self._packed)), COMMAND)
        return rows, np.frombuffer(bytes(self._heap), np.uint8)

    def lone(self) -> tuple[bytes, bytes]:
        """The only row, packed, and its texts."""
        (row,) = self._packed
        return row, bytes(self._heap)

    # ---- commands

    def commands(self, commands: Sequence[s.AnyCommand], first: int = 0) -> None:
        """Add the rows of an array's slice that begins at index `first`."""
        at = first
        try:
            for command in commands:
                self.command(command)
                at += 1
        except Problem as problem:
            raise under(f"$[{at}]", problem) from None

    def single(self, command: s.AnyCommand) -> None:
        """Add the row of a command that came alone."""
        try:
            self.command(command)
        except Problem as problem:
            raise under("$", problem) from None

    def command(self, command: s.AnyCommand) -> None:
        """Add the row of one command."""
        kind, encode = ENCODE[type(command)]
        row, texts = encode(self.places, command)
        row.kind = kind
        command_id = command.id
        if not is_code(command_id):
            if not command_id:
                raise Problem(400, "id_missing", "every command carries an id", {"path": "id"})
            check_code(command_id, "id")
        row.group = self._group_of(command)
        if kind == _RESERVE:
            row.line = self._line
        if command.reference is not None:
            texts = texts or Texts()
            texts.reference = check_text(command.reference, "reference")
        self._add(row, command_id, texts, command)

    def _group_of(self, command: s.AnyCommand) -> int:
        """The number of the row's group: adjacent rows with one label share it, 0 without a label."""
        label = None
        if type(command) is s.Sell:
            label = command.group
        elif type(command) is s.Reserve:
            label = command.reservation
        self._line = 0
        if label is None:
            self._before = None
            return 0
        before = self._before
        if before is not None and type(before) is type(command) and label == self._label:
            if type(command) is s.Reserve and type(before) is s.Reserve:
                _check_alike(before, command)
                self._lines += 1
                self._line = self._lines
            return self._groups
        if type(command) is s.Sell:
            check_text(label, "group")
            if label in self._sell_labels:
                raise invalid("group", "the rows of a group must stand together")
            self._sell_labels.add(label)
        else:
            check_text(label, "reservation")
        self._before, self._label, self._lines = command, label, 0  # type: ignore[assignment]
        return self._next_group()

    def _next_group(self) -> int:
        self._groups += 1
        return self._groups

    def _add(
        self, row: Row, command_id: str, texts: Texts | None, times: s.Command | s.NewReservation | None = None
    ) -> None:
        row.client = self._client
        row.flags |= self._base_flags
        row.not_after_ms = self._not_after_ms
        row.issued_at_ms = uuid7_ms(command_id)
        if times is not None:
            if times.not_after is not None:
                row.not_after_ms = time_ms(times.not_after, "not_after")
            if times.issued_at is not None:
                said_ms = time_ms(times.issued_at, "issued_at")
                row.issued_at_ms = min(said_ms, row.issued_at_ms) if row.issued_at_ms else said_ms
            if times.occurred_at is not None:
                row.occurred_at_ms = time_ms(times.occurred_at, "occurred_at")
        row.text_at = len(self._heap)
        if texts is None:
            joined = command_id
            row.text_lengths = _ID_ONLY[len(command_id)]
        else:
            texts.id = command_id
            parts: tuple[str, ...] = values(texts)
            joined = "".join(parts)
            row.text_lengths = bytes(map(len, parts if joined.isascii() else map(str.encode, parts)))
        self._heap += joined.encode()
        self._packed.append(packed(row))

    # ---- calls of one id and several rows

    def reservation(self, command_id: str, body: s.NewReservation) -> None:
        """POST /v1/reservations: one group; its first row carries the id and the texts."""
        channel = self.places.channel(body.channel)
        customer = check_text(body.customer, "customer") if body.customer is not None else ""
        reference = check_text(body.reference, "reference") if body.reference is not None else ""
        rows: list[Row] = []
        if body.replaces is not None:
            row = meant(body.replaces, "replaces")
            row.kind, row.flags, row.content = _RELEASE, _REPLACES, place_crc("", "", "")
            rows.append(row)
        for at, line in enumerate(body.lines):
            try:
                row = line_row(self.places, line, body.channel, channel)
            except Problem as problem:
                raise under(f"$.lines[{at}]", problem) from None
            row.kind, row.line, row.ttl_s = _RESERVE, at, body.ttl_s
            row.flags |= (_WANT_LINES if at == 0 else 0) | (_PARTIAL if body.partial else 0)
            rows.append(row)
        group = self._next_group() if len(rows) > 1 else 0
        for at, row in enumerate(rows):
            row.group = group
            if at:
                row.flags |= _CONTINUES
            # The texts stand on the row of the id, and on the first line, which is what made the reservation.
            texts = Texts(reference=reference, customer=customer) if at == 0 or row.line == 0 else None
            self._add(row, "" if at else command_id, texts, body)

    def step(self, kind: Kind, command_id: str, reservation: str, ttl_s: int, parts: Sequence[s.LinePart]) -> None:
        """POST /v1/reservations/{r}/confirm, extend, release, fulfil: one row, or one for each part."""
        group = self._next_group() if len(parts) > 1 else 0
        for at, part in enumerate(parts or (None,)):
            row = meant(reservation, "reservation")
            row.kind, row.ttl_s, row.group = int(kind), ttl_s, group
            row.flags = _CONTINUES if at else _WANT_LINES
            warehouse = ""
            if part is not None:
                try:
                    fill_part(self.places, row, part)
                except Problem as problem:
                    raise under(f"$.lines[{at}]", problem) from None
                warehouse = part.warehouse or ""
            row.content = place_crc(warehouse, "", "")
            self._add(row, "" if at else command_id, None)


def _check_alike(first: s.Reserve, command: s.Reserve) -> None:
    if command.channel != first.channel:
        raise invalid("channel", "one channel in a reservation")
    if command.ttl_s != first.ttl_s:
        raise invalid("ttl_s", "one ttl_s in a reservation")


def under(prefix: str, problem: Problem) -> Problem:
    """The same problem, with its path seen from further out; one that begins with $ is seen from the top."""
    path = str(problem.extra.get("path", ""))
    if path.startswith("$"):
        return problem
    return Problem(problem.status, problem.code, problem.detail, {**problem.extra, "path": f"{prefix}.{path}"})
