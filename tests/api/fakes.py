"""Small stand-ins that tests of the pure parts need: a directory of names that fits on a page."""

from actors.documents.keys import Principal
from engine.ids import sku_key
from engine.layout import UNKNOWN_NUMBER

WAREHOUSES = ("berlin", "hamburg", "lost")
CHANNELS = ("shop", "market")
SKUS = ("TEE-M", "TEE-L", "CHEESE")


class Names:
    """Three warehouses, two channels, three SKUs."""

    def warehouse_number(self, code: str) -> int:
        return WAREHOUSES.index(code) if code in WAREHOUSES else UNKNOWN_NUMBER

    def channel_number(self, code: str) -> int:
        return CHANNELS.index(code) if code in CHANNELS else UNKNOWN_NUMBER

    def warehouse_code(self, number: int) -> str:
        return WAREHOUSES[number]

    def sku_text(self, key: int) -> str | None:
        return {sku_key(sku): sku for sku in SKUS}.get(key)


def principal(*scopes: str, channels: set[str] | None = None, warehouses: set[str] | None = None) -> Principal:
    """A key of client number 7."""
    return Principal(
        key_id="0" * 16,
        name="webshop",
        client=7,
        scopes=frozenset(scopes),
        channels=None if channels is None else frozenset(channels),
        warehouses=None if warehouses is None else frozenset(warehouses),
    )
