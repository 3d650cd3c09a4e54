"""Makes sure that this process knows the names it is about to read or write.

The directory answers from memory; what it does not know may have been registered through another process a
moment ago. So nothing is called unknown, and no number is shown without its code, before the documents were asked.
"""

from collections.abc import Collection, Iterable
from typing import Any

from actors.documents.directory import Directory, DirectoryUnavailable
from actors.documents.keys import Principal
from api.status import Problem, away
from engine.layout import UNKNOWN_NUMBER
from engine.outcomes import Outcome

_RETRY_AFTER_MS = 1_000


def bearer_key(authorization: bytes | None) -> str:
    """The key in an Authorization header, else 401 `unauthorized`."""
    if authorization is None or authorization[:7].lower() != b"bearer ":
        raise Problem(401, "unauthorized", "send Authorization: Bearer KEY")
    return authorization[7:].strip().decode("latin-1")


def known_principal(directory: Directory, authorization: bytes | None, now_ms: int) -> Principal | None:
    """The principal of an Authorization header, as far as it is known in this process."""
    return directory.principal(bearer_key(authorization), now_ms)


async def authenticate(directory: Directory, authorization: bytes | None, now_ms: int) -> Principal:
    """The principal of an Authorization header, else 401 `unauthorized`."""
    key = bearer_key(authorization)
    principal = directory.principal(key, now_ms)
    if principal is None:
        await _ask(directory, keys=(key,))
        principal = directory.principal(key, now_ms)
    if principal is None:
        raise Problem(401, "unauthorized", "the key is unknown, revoked or expired")
    return principal


async def learn(directory: Directory, warehouses: Collection[str], channels: Collection[str]) -> bool:
    """Ask for codes that have no number here; whether there were any."""
    if not warehouses and not channels:
        return False
    await _ask(directory, warehouses=warehouses, channels=channels)
    return True


async def channel_number(directory: Directory, code: str) -> int:
    """UNKNOWN_NUMBER when nobody registered it."""
    number = directory.channel_number(code)
    if number == UNKNOWN_NUMBER:
        await _ask(directory, channels=(code,))
        number = directory.channel_number(code)
    return number


def knows(
    directory: Directory,
    *,
    warehouses: Iterable[int] = (),
    channels: Iterable[int] = (),
    clients: Iterable[int] = (),
    sku_keys: Iterable[int] = (),
) -> bool:
    """Whether the codes behind these numbers are at hand."""
    for number in warehouses:
        if number < UNKNOWN_NUMBER and not directory.warehouse_code(number):
            return False
    for number in channels:
        if number < UNKNOWN_NUMBER and not directory.channel_code(number):
            return False
    if not all(map(directory.client_name, clients)):
        return False
    return None not in map(directory.sku_text, sku_keys)


async def know(
    directory: Directory,
    *,
    warehouses: Collection[int] = (),
    channels: Collection[int] = (),
    clients: Collection[int] = (),
    sku_keys: Collection[int] = (),
) -> None:
    """Have the codes behind these numbers at hand."""
    try:
        if not knows(directory, warehouses=warehouses, channels=channels, clients=clients):
            await directory.refresh()
        unseen = [key for key in sku_keys if directory.sku_text(key) is None]
        if unseen:
            await directory.resolve_missing(sku_keys=unseen)
    except DirectoryUnavailable:
        raise away(Outcome.UNAVAILABLE, _RETRY_AFTER_MS) from None


async def _ask(directory: Directory, **names: Iterable[Any]) -> None:
    try:
        await directory.resolve_missing(**names)
    except DirectoryUnavailable:
        problem = away(Outcome.UNAVAILABLE, _RETRY_AFTER_MS)
        problem.detail = "the documents cannot be read; it did not run"
        raise problem from None
