"""What the writer and the shards need of a document's JSON; everything else in it is kept as it was given."""

import msgspec


class WarehouseFacts(msgspec.Struct):
    """Of a warehouse."""

    kind: str
    priority: int


class ChannelFacts(msgspec.Struct):
    """Of a channel."""

    warehouses: list[str] | None = None
    """codes in order of preference; None = all, by priority"""


class ProductFacts(msgspec.Struct):
    """Of a product."""

    quantity_decimals: int = 0


warehouse_facts = msgspec.json.Decoder(WarehouseFacts).decode
channel_facts = msgspec.json.Decoder(ChannelFacts).decode
product_facts = msgspec.json.Decoder(ProductFacts).decode
