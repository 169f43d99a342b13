"""Passkeys: what a browser and an authenticator answer, checked (WebAuthn Level 3, sections 7.1 and 7.2).

The library checks structure, relying party, flags and signature. Checked here besides, because it leaves them out:

* the challenge is spelled in one way only, and the browser's data is UTF-8;
* the page was not framed by another origin;
* ES256 on P-256, EdDSA on Ed25519 and RS256 of 2048 bits or more, and nothing else;
* a credential that was bound to its device at enrolment still is, and the other way round.

Left out on purpose: signature counters (synced passkeys never count; each nonce is used once instead) and the maker's
attestation: that a key cannot leave its device is what the authenticator says, and an admin vouches for by enrolling it.
"""

import msgspec
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSECRV, COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import (
    DecodedEC2PublicKey,
    DecodedOKPPublicKey,
    DecodedRSAPublicKey,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    CredentialDeviceType,
)

from countersign.core.identity import ed25519
from countersign.core.identity.people import Assurance, Key
from countersign.core.identity.signed import Relying, Signature
from countersign.errors import SignatureRefused

ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
RSA_BYTES = 256
MAX_CREDENTIAL_BYTES = 1023  # WebAuthn: a credential id is at most this long


class _ClientData(msgspec.Struct, rename="camel"):
    type: str
    challenge: str
    origin: str
    cross_origin: bool = False
    top_origin: str | None = None


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that was just made: its COSE public key, its id, and whether it can leave its device."""

    public: bytes
    credential: bytes
    device_bound: bool


def asserted(signature: Signature, key: Key, expected: bytes, relying: Relying) -> Assurance:
    """What an assertion over the 32 bytes `expected` proves; `SignatureRefused` says why it does not."""
    _ensure_asked_here(signature.client_data, "webauthn.get", expected, relying)
    try:
        _ensure_strong(key.public)
        found = verify_authentication_response(
            credential=_credential(signature, key.credential),
            expected_challenge=expected,
            expected_rp_id=relying.rp_id,
            expected_origin=list(relying.origins),
            credential_public_key=key.public,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except SignatureRefused:
        raise
    # Whatever a foreign parser stumbles over in hostile bytes is one more signature that does not hold.
    except Exception as exc:
        raise SignatureRefused(f"the passkey's answer does not hold: {_words(exc)}") from exc
    _ensure_same_device(found.credential_device_type, key)
    return "webauthn-uv-device" if key.device_bound else "webauthn-uv"


def registered(answer: bytes, expected: bytes, relying: Relying) -> Registered:
    """The passkey in a browser's answer (RegistrationResponseJSON); `SignatureRefused` says why there is none.

    `expected`: the 32 bytes that were sent as its challenge. The user must have been verified.
    """
    try:
        credential = parse_registration_credential_json(answer.decode())
        _ensure_asked_here(credential.response.client_data_json, "webauthn.create", expected, relying)
        found = verify_registration_response(
            credential=credential,
            expected_challenge=expected,
            expected_rp_id=relying.rp_id,
            expected_origin=list(relying.origins),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        _ensure_strong(found.credential_public_key)
    except SignatureRefused:
        raise
    except Exception as exc:  # as in `asserted`
        raise SignatureRefused(f"the new passkey cannot be enrolled: {_words(exc)}") from exc
    if not 1 <= len(found.credential_id) <= MAX_CREDENTIAL_BYTES:
        raise SignatureRefused(f"a passkey's id has 1 to {MAX_CREDENTIAL_BYTES} bytes")
    return Registered(
        public=found.credential_public_key,
        credential=found.credential_id,
        device_bound=found.credential_device_type is CredentialDeviceType.SINGLE_DEVICE,
    )


def _credential(signature: Signature, credential: bytes) -> AuthenticationCredential:
    return AuthenticationCredential(
        id=bytes_to_base64url(credential),
        raw_id=credential,
        response=AuthenticatorAssertionResponse(
            client_data_json=signature.client_data,
            authenticator_data=signature.authenticator_data,
            signature=signature.signature,
        ),
    )


def _ensure_asked_here(raw: bytes, kind: str, expected: bytes, relying: Relying) -> None:
    """The browser says: this kind of answer, to this challenge, on a page of ours that nobody framed."""
    try:
        data = msgspec.json.decode(raw, type=_ClientData)
    except (msgspec.MsgspecError, UnicodeError) as exc:
        raise SignatureRefused("the browser's part of the answer (clientDataJSON) cannot be read") from exc
    if data.type != kind:
        raise SignatureRefused(f"the browser answered {data.type!r}; this needs {kind!r}")
    if data.challenge != bytes_to_base64url(expected):
        raise SignatureRefused("the challenge signed is not the one for this person, subject and nonce")
    if data.origin not in relying.origins:
        known = ", ".join(relying.origins) or "none"
        raise SignatureRefused(f"it was asked for on {data.origin!r}; allowed: {known}")
    if data.cross_origin or data.top_origin is not None:
        raise SignatureRefused("the page that asked for it was framed by another")


def _ensure_strong(public: bytes) -> None:
    match decode_credential_public_key(public):
        case DecodedEC2PublicKey(alg=COSEAlgorithmIdentifier.ECDSA_SHA_256, crv=COSECRV.P256):
            return
        case DecodedOKPPublicKey(alg=COSEAlgorithmIdentifier.EDDSA, crv=COSECRV.ED25519, x=point):
            ed25519.ensure_usable(point)
            return
        case DecodedRSAPublicKey(alg=COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256, n=modulus):
            if len(modulus.lstrip(b"\0")) >= RSA_BYTES:
                return
    raise SignatureRefused("passkeys sign with ES256 on P-256, EdDSA, or RS256 of 2048 bits or more")


def _ensure_same_device(found: CredentialDeviceType, key: Key) -> None:
    """WebAuthn 7.2, step 19: whether a credential may be backed up never changes in its life."""
    if (found is CredentialDeviceType.SINGLE_DEVICE) != key.device_bound:
        was = "bound to its device" if key.device_bound else "one that syncs"
        raise SignatureRefused(f"the passkey was enrolled as {was}, and now says otherwise")


def _words(exc: Exception) -> str:
    """The library's reason; its own errors are sentences, a parser's are not."""
    return str(exc) if isinstance(exc, WebAuthnException) else f"it is malformed ({type(exc).__name__})"
