"""Contents beside the log: commitments and sealing, with the vectors of the format."""

import pytest

from countersign.core.log.blobs import commit, encryption_key, is_committed, mac_key, seal, unseal
from countersign.errors import TamperDetected

KEY, NONCE = b"\x04" * 32, b"\x05" * 12
NOTE = b'{"note":"hello"}'
COMMIT = "hmac-sha256:898ead9a20879926fae7ee6eb00f6eb9772a9dfae7ab8a10527c0251bd52a957"


def test_the_published_vector():
    assert commit(KEY, "application/json", NOTE) == COMMIT


def test_the_keys_of_a_secret_are_hkdf_with_their_purpose():
    """RFC 5869 by hand: extract with 32 zero bytes, then one block of expand."""
    import hmac  # noqa: PLC0415 - the oracle's own

    secret = bytes(range(32))
    extracted = hmac.digest(bytes(32), secret, "sha256")

    assert hmac.digest(extracted, b"countersign/blob-mac/v1\x01", "sha256") == mac_key(secret)
    assert hmac.digest(extracted, b"countersign/blob-enc/v1\x01", "sha256") == encryption_key(secret)


@pytest.mark.parametrize("key", [b"", b"\x04" * 16, b"\x04" * 31, b"\x04" * 33, b"\x04" * 16 + b"\x00" * 17])
def test_a_key_of_another_length_is_refused(key):
    """HMAC pads with zeros: 16 bytes and the same with 16 zero bytes behind would give one commitment."""
    with pytest.raises(ValueError, match="32 bytes"):
        commit(key, "application/json", NOTE)
    with pytest.raises(ValueError, match="32 bytes"):
        seal(key, NONCE, "b_1", NOTE)
    with pytest.raises(ValueError, match="32 bytes"):
        unseal(key, NONCE + bytes(16), "b_1")
    with pytest.raises(ValueError, match="32 bytes"):
        mac_key(key)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [("text/plain", NOTE), ("application/json", NOTE + b" "), ("application/json\n", NOTE), ("", NOTE)],
)
def test_another_content_or_media_type_is_not_what_was_committed_to(media_type, content):
    assert is_committed(KEY, COMMIT, "application/json", NOTE)
    assert not is_committed(KEY, COMMIT, media_type, content)


def test_what_was_sealed_opens_under_its_key_and_name_only():
    sealed = seal(KEY, NONCE, "b_1" + COMMIT, NOTE)

    assert NOTE not in sealed
    assert unseal(KEY, sealed, "b_1" + COMMIT) == NOTE
    for key, text, name in [
        (b"\x06" * 32, sealed, "b_1" + COMMIT),
        (KEY, sealed, "b_2" + COMMIT),
        (KEY, sealed[:-1] + bytes([sealed[-1] ^ 1]), "b_1" + COMMIT),
        (KEY, sealed[:20], "b_1" + COMMIT),
        (KEY, b"", "b_1" + COMMIT),
    ]:
        with pytest.raises(TamperDetected):
            unseal(key, text, name)
