"""Commands on reservations: holding, and the steps that follow until nothing remains."""

from engine.kinds import Flag, Kind, ReservationState
from engine.outcomes import Outcome
from tests.oracle.book import Book
from tests.oracle.words import CellKey, Entry, Refused, Reservation, Result
from tests.rows import Row

HELD, CONFIRMED, PREPARED = ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.PREPARED


def reserve(book: Book, row: Row) -> Result:
    """Adds the row's entries to the draft; the group makes it a reservation if it stands."""
    book.sku(row.sku)
    if row.warehouse:
        book.warehouse(row.warehouse)
    book.channel(row.channel)
    quantity = book.positive(row)
    _check_ttl(book, row)
    book.draft.channel = row.channel
    book.draft.expires_at_ms = book.now_ms + row.ttl_s * 1000
    takes = _choose(book, row, quantity)
    for warehouse, units in takes:
        book.within(book.look((row.sku, warehouse)).reserved + units)
    if not takes:
        book.draft.entries.append(Entry(row.line, row.sku, "", quantity, 0, Outcome.INSUFFICIENT_STOCK))
        raise Refused(Outcome.INSUFFICIENT_STOCK, _seen(book, row), quantity)
    for warehouse, units in takes:
        book.draft.entries.append(Entry(row.line, row.sku, warehouse, quantity, units))
        book.move((row.sku, warehouse), row.kind, units, reserved=units, hold=book.draft_hold, line=row.line)
    last = takes[-1][0]
    held, left = sum(units for _, units in takes), book.look((row.sku, last)).available
    split = len(takes) > 1
    return Result(Outcome.OK, held, left, quantity, "" if split else last, split=split)


def _choose(book: Book, row: Row, quantity: int) -> list[tuple[str, int]]:
    """(warehouse, units) to take; nothing when the row is refused for lack of stock."""
    if row.warehouse:
        places = [] if book.is_quarantine(row.warehouse) else [row.warehouse]
    else:
        places = book.places(row.channel)
    rooms = [(place, book.look((row.sku, place)).room) for place in places]
    for place, room in rooms:
        if room >= quantity:
            return [(place, quantity)]
    if sum(max(0, room) for _, room in rooms) < quantity and not row.has(Flag.PARTIAL):
        return []
    takes = []
    for place, room in rooms:
        if room > 0 and quantity > 0:
            takes.append((place, min(room, quantity)))
            quantity -= min(room, quantity)
    return takes


def _seen(book: Book, row: Row) -> int:
    """What there is, as a refusal tells it."""
    if not row.warehouse:
        return book.sellable(row.sku, row.channel)
    return 0 if book.is_quarantine(row.warehouse) else book.look((row.sku, row.warehouse)).available


def confirm(book: Book, row: Row) -> Result:
    reservation = _find(book, row)
    _check_state(reservation, HELD)
    reservation.state = CONFIRMED
    reservation.expires_at_ms = 0
    return _touch_all(book, row, reservation)


def extend(book: Book, row: Row) -> Result:
    reservation = _find(book, row)
    _check_ttl(book, row)
    _check_state(reservation, HELD)
    reservation.expires_at_ms = max(reservation.expires_at_ms, book.now_ms + row.ttl_s * 1000)
    return _touch_all(book, row, reservation)


def _touch_all(book: Book, row: Row, reservation: Reservation) -> Result:
    """A movement for every entry that still holds something, though no counter changes."""
    left = [entry for entry in reservation.entries if entry.remaining]
    for entry in left:
        said = entry.remaining if row.kind == Kind.CONFIRM else 0
        book.move(entry.key, row.kind, said, hold=row.reservation, line=entry.line)
    return Result(Outcome.OK, sum(entry.remaining for entry in left), hold=row.reservation)


def release(book: Book, row: Row) -> Result:
    takes = _select(book, row, HELD, CONFIRMED)
    for entry, units in takes:
        entry.released += units
        book.move(entry.key, row.kind, -units, reserved=-units, hold=row.reservation, line=entry.line)
    return Result(Outcome.OK, sum(units for _, units in takes), hold=row.reservation)


def fulfil(book: Book, row: Row) -> Result:
    takes = _select(book, row, CONFIRMED)
    wanted: dict[CellKey, int] = {}
    for entry, units in takes:
        wanted[entry.key] = wanted.get(entry.key, 0) + units
    if any(book.look(key).on_hand < units for key, units in wanted.items()):
        raise Refused(Outcome.INSUFFICIENT_STOCK, state=CONFIRMED)
    for entry, units in takes:
        entry.fulfilled += units
        book.move(entry.key, row.kind, -units, on_hand=-units, reserved=-units, hold=row.reservation, line=entry.line)
    return Result(Outcome.OK, sum(units for _, units in takes), hold=row.reservation)


def _select(book: Book, row: Row, *states: ReservationState) -> list[tuple[Entry, int]]:
    """(entry, units) that a release or fulfil row takes from its reservation."""
    if row.warehouse:
        book.warehouse(row.warehouse)
    reservation = _find(book, row)
    replaces = row.has(Flag.REPLACES)
    chosen = [
        entry
        for entry in reservation.entries
        if replaces or (row.line in (-1, entry.line) and row.warehouse in ("", entry.warehouse))
    ]
    wanted = None
    if row.has(Flag.HAS_QUANTITY) and not replaces:
        if row.quantity <= 0 or row.line < 0:
            raise Refused(Outcome.INVALID_QUANTITY)
        of_line = [entry.sku for entry in reservation.entries if entry.line == row.line]
        wanted = book.units(of_line[0], row.quantity) if of_line else row.quantity
    _check_state(reservation, *states)
    remaining = sum(entry.remaining for entry in chosen)
    if wanted is None:
        wanted = remaining
    if remaining == 0 or wanted > remaining:
        raise Refused(Outcome.INVALID_QUANTITY)
    takes = []
    for entry in chosen:
        units = min(entry.remaining, wanted)
        wanted -= units
        if units:
            takes.append((entry, units))
    return takes


def _find(book: Book, row: Row) -> Reservation:
    found = book.state.reservations.get(row.reservation) if row.reservation else None
    if found is None or found.state == PREPARED or (found.client != row.client and not row.has(Flag.ADMIN)):
        raise Refused(Outcome.UNKNOWN_RESERVATION)
    return found


def _check_ttl(book: Book, row: Row) -> None:
    if not 1 <= row.ttl_s <= book.limits.ttl_s_max:
        raise Refused(Outcome.INVALID_QUANTITY)


def _check_state(reservation: Reservation, *states: ReservationState) -> None:
    if reservation.state == ReservationState.EXPIRED:
        raise Refused(Outcome.RESERVATION_EXPIRED, state=reservation.state)
    if reservation.state not in states:
        raise Refused(Outcome.RESERVATION_CLOSED, state=reservation.state)
    if reservation.pending:
        raise Refused(Outcome.CONFLICT, state=reservation.state)


def close_if_nothing_remains(reservation: Reservation) -> None:
    """The end of a reservation's life; looked at when the whole group has been decided."""
    if reservation.state not in (HELD, CONFIRMED) or any(entry.remaining for entry in reservation.entries):
        return
    fulfilled = any(entry.fulfilled for entry in reservation.entries)
    reservation.state = ReservationState.FULFILLED if fulfilled else ReservationState.RELEASED
    reservation.expires_at_ms = 0


def expire_due(book: Book) -> None:
    """Give back what is held past its deadline, in the order of deadlines, then of making."""
    due = [
        (reservation.expires_at_ms, reservation.ordinal, hold)
        for hold, reservation in book.state.reservations.items()
        if reservation.state == HELD and not reservation.pending and reservation.expires_at_ms <= book.now_ms
    ]
    for _, _, hold in sorted(due):
        reservation = book.state.reservations[hold]
        reservation.state = ReservationState.EXPIRED
        for entry in reservation.entries:
            units = entry.remaining
            entry.released += units
            if units:
                book.move(entry.key, Kind.EXPIRE, -units, reserved=-units, hold=hold, line=entry.line)
