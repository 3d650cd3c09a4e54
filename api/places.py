"""Codes of one request as numbers, and what the caller's key may name."""

from actors.documents.keys import Principal
from api.rows import Names
from api.status import Problem
from api.texts import check_code, known_sku
from engine.layout import NO_WAREHOUSE, UNKNOWN_NUMBER


class Places:
    """SKUs, warehouses and channels."""

    def __init__(self, names: Names, principal: Principal) -> None:
        self._names = names
        self._channels = principal.channels
        self._warehouses = principal.warehouses
        self.unknown_warehouses: set[str] = set()
        self.unknown_channels: set[str] = set()

    def sku(self, sku: str) -> int:
        """The sku_key."""
        try:
            return known_sku(sku)
        except ValueError:
            check_code(sku, "sku")
            raise

    def warehouse(self, code: str, path: str = "warehouse") -> int:
        """The warehouse's number; a key that is limited to warehouses may name only these."""
        number = self._names.warehouse_number(code)
        if number == UNKNOWN_NUMBER:
            check_code(code, path)
            self.unknown_warehouses.add(code)
        if self._warehouses is not None and code not in self._warehouses:
            raise Problem(403, "forbidden", "the key is limited to other warehouses", {"path": path})
        return number

    def channel(self, code: str) -> int:
        """The channel's number; a key that is limited to channels may name only these."""
        number = self._names.channel_number(code)
        if number == UNKNOWN_NUMBER:
            check_code(code, "channel")
            self.unknown_channels.add(code)
        if self._channels is not None and code not in self._channels:
            raise Problem(403, "forbidden", "the key is limited to other channels", {"path": "channel"})
        return number

    def sourced(self) -> int:
        """No warehouse: the shard chooses. A key that is limited to warehouses must name one."""
        if self._warehouses is not None:
            raise Problem(403, "forbidden", "the key is limited to warehouses: name one", {"path": "warehouse"})
        return NO_WAREHOUSE
