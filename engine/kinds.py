"""The kinds of command, movement and question, and the states of a reservation: small numbers with names.

They are written to the journal: none is reused, none is changed.
"""

from enum import IntEnum, IntFlag


class Kind(IntEnum):
    """What a command row asks for, and what a movement records."""

    RECEIVE = 1
    EXPECT = 2
    ADJUST = 3
    SELL = 4
    RETURN = 5
    RESERVE = 6
    CONFIRM = 7
    RELEASE = 8
    FULFIL = 9
    EXTEND = 10
    TRANSFER = 11
    CONFIGURE = 12
    # Movements only: decided by the shard itself.
    EXPIRE = 24
    SHORT = 25
    ALERT_RAISED = 26
    ALERT_CLEARED = 27
    # Definitions, sent by the documents writer and by nobody else.
    DEFINE_SKU = 32
    DEFINE_WAREHOUSE = 33
    DEFINE_CHANNEL = 34
    DEFINE_CHANNEL_WAREHOUSE = 35
    DEFINE_CLIENT = 36
    # The two later steps of a command that spans several shards (the first is a row with Flag.PREPARE).
    DECIDE = 48
    APPLY = 49

    @property
    def text(self) -> str:
        """The wire name, such as `receive` or `alert.raised`."""
        return self.name.lower().replace("alert_", "alert.")


class Flag(IntFlag):
    """Bits of a command row's `flags`."""

    PARTIAL = 1
    """reserve: each line gets what there is"""
    SETTLED = 2
    """sell: the goods are gone, always applied"""
    IN_TRANSIT = 4
    """transfer: the target gets `incoming`"""
    SET_TO = 8
    """adjust: `quantity` is the new on_hand, not a delta"""
    HAS_EXPECTED = 16
    """adjust: `expected` is to be compared with on_hand"""
    CONTINUES = 32
    """the row belongs to the command of the row before it and has no id of its own"""
    ADMIN = 64
    """the key may act on every client's reservations"""
    WANT_LINES = 128
    """the answer carries the reservation's lines"""
    HAS_QUANTITY = 256
    """release, fulfil: `quantity` is given; otherwise all that remains"""
    ARCHIVED = 512
    """definitions: take it out of use"""
    ALL_WAREHOUSES = 1024
    """DEFINE_CHANNEL: sells from every warehouse, by priority"""
    QUARANTINE = 2048
    """this row killed its shard twice: answer `quarantined`"""
    PREPARE = 4096
    """hold and pin, as this shard's vote; DECIDE and APPLY follow"""
    COMMIT = 8192
    """DECIDE, APPLY: the decision is to go ahead; without it, to abort"""
    HAS_PRICE = 16384
    """`unit_price` is given"""
    REPLACES = 32768
    """release: of the reservation that the rest of its group replaces"""


class Setting(IntFlag):
    """configure: which of the four settings the row sets (in `line`)."""

    SAFETY_STOCK = 1
    FLOOR = 2
    REORDER_POINT = 4
    ORDER_UP_TO = 8


class ReservationState(IntEnum):
    """Where a reservation is in its life."""

    NONE = 0
    HELD = 1
    CONFIRMED = 2
    FULFILLED = 3
    RELEASED = 4
    EXPIRED = 5
    PREPARED = 6
    """voted yes on this shard, waiting for the decision; shown to nobody"""

    @property
    def text(self) -> str:
        """The wire name, such as `held`."""
        return self.name.lower()


class WarehouseKind(IntEnum):
    """What sort of place a warehouse is."""

    WAREHOUSE = 1
    STORE = 2
    PICKUP = 3
    MARKETPLACE = 4
    QUARANTINE = 5


class ResultFlag(IntFlag):
    """Bits of a result row's `flags`."""

    REPLAYED = 1
    """the id was known with the same content: `position` says where the pinned answer lies"""
    SHORT = 2
    """the row was applied and left a cell below its bound"""
    SPLIT = 4
    """a sourced line was taken from several warehouses"""
    SAME_BATCH = 8
    """with REPLAYED: the pinned answer is row `position` of this very batch"""


class MovementFlag(IntFlag):
    """Bits of a movement's `flags`."""

    HIDDEN = 1
    """not on the feed: a prepared hold whose decision is still open, or one that was aborted"""


class QuestionKind(IntEnum):
    """What a read asks for; reads ride in the same batches as commands."""

    STOCK = 1
    """the cells of `key` (a sku_key)"""
    RESERVATION = 2
    """reservation `key` with its lines"""
    COMMAND = 3
    """the position of command (`key`, `key_lo`)"""
    RESERVATIONS = 4
    """a page of reservations after ordinal `after`, at most `limit`, by state, channel, reference and sku"""
