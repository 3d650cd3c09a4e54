"""The text of an API key."""

import pytest

from actors.documents.keys import ENTROPY_BYTES, Principal, is_secret, make_key, parse_key

ENTROPY = bytes(range(ENTROPY_BYTES))


def test_key_has_an_id_and_a_secret_of_256_bits() -> None:
    key = make_key(ENTROPY)
    parsed = parse_key(key.text)
    assert parsed == (key.id, ENTROPY[8:].hex())
    assert key.text == f"os_{key.id}_{ENTROPY[8:].hex()}"
    assert len(ENTROPY[8:]) == 32
    assert key.id not in key.secret_sha256.hex()


def test_only_its_own_secret_fits() -> None:
    key = make_key(ENTROPY)
    secret = ENTROPY[8:].hex()
    assert is_secret(secret, key.secret_sha256)
    assert not is_secret(secret[:-1] + "0", key.secret_sha256)


@pytest.mark.parametrize(
    "text",
    ["", "os_", "os__", "os_a_b", "xx_" + make_key(ENTROPY).text[3:], make_key(ENTROPY).text + "0", "os_" + "é" * 81],
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert parse_key(text) is None


def test_key_wants_all_its_randomness() -> None:
    with pytest.raises(ValueError, match="40"):
        make_key(b"short")


def test_admin_may_everything_and_others_what_they_were_given() -> None:
    clerk = Principal("1", "shop", 2, frozenset({"read", "sell"}))
    assert clerk.may("sell")
    assert not clerk.may("stock")
    assert Principal("1", "shop", 2, frozenset({"admin"})).may("stock")
