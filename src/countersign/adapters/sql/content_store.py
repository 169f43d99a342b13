"""Contents beside the log: a wrapped secret a blob, and the ciphertext of those that are kept here alone.

Erasing destroys both. What was erased is told by `content_erased`, so that a blob without a row is never taken
for one that was.
"""

import os

from sqlalchemy import Row, exists, select, text

from countersign.adapters.sql import tables
from countersign.adapters.sql.session import Session
from countersign.core.log import blobs
from countersign.core.log.auditlog import Blob
from countersign.errors import AuditLogConflict, ContentErased, ContentNotKept, TamperDetected
from countersign.ports import Sealer

COLUMNS = ("blob_id", "case_id", "media_type", "commit_mac", "secret", "sealed")
_INSERT = text(  # one statement for the ordinary case: several a case that is drafted
    f"INSERT INTO content ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)}) "  # noqa: S608 (our own names)
    "ON CONFLICT DO NOTHING"
)


class SqlContentStore:
    """`ports.ContentStore`."""

    def __init__(self, session: Session, vault: Sealer) -> None:
        self._connection = session.connection
        self._vault = vault

    def seal(self, blob_id: str, case: str, media_type: str, content: bytes, *, kept: bool = True) -> Blob:
        secret = os.urandom(blobs.KEY_BYTES)
        commitment = blobs.commit(blobs.mac_key(secret), media_type, content)
        sealed = None
        if kept:
            key, nonce = blobs.encryption_key(secret), os.urandom(blobs.NONCE_BYTES)
            sealed = blobs.seal(key, nonce, blob_id + commitment, content)
        mac = bytes.fromhex(commitment[len(blobs.PREFIX) :])
        wrapped = self._vault.wrap(secret, blob_id)
        values = dict(zip(COLUMNS, (blob_id, case, media_type, mac, wrapped, sealed), strict=True))
        if self._connection.execute(_INSERT, values).rowcount:
            return Blob(id=blob_id, commit=commitment)
        row = self._row(blob_id)
        if row is None:
            raise AuditLogConflict(f"{blob_id} cannot be kept")
        return self._again(row, media_type, content)

    def open(self, blob_id: str) -> bytes:
        row = self._row(blob_id)
        if row is None:
            if self.is_erased(blob_id):
                raise ContentErased(f"{blob_id} was erased; its proofs still hold")
            raise ContentNotKept(f"{blob_id} is not kept beside the log")
        if row.sealed is None:
            raise ContentNotKept(f"{blob_id} is bound to its entry and kept as rows, not as a content")
        secret, commitment = self._secret(row), _commitment(row)
        content = blobs.unseal(blobs.encryption_key(secret), bytes(row.sealed), blob_id + commitment)
        if not blobs.is_committed(blobs.mac_key(secret), commitment, row.media_type, content):
            raise TamperDetected(f"{blob_id} does not hold what its entry commits to")
        return content

    def holds(self, blob: Blob, media_type: str, content: bytes) -> bool:
        row = self._row(blob.id)
        return row is not None and blobs.is_committed(
            blobs.mac_key(self._secret(row)), blob.commit, media_type, content
        )

    def named(self, case: str, role: str) -> tuple[str, ...]:
        table = tables.content
        query = select(table.c.blob_id).where(
            table.c.case_id == case, table.c.blob_id.endswith(f"/{role}", autoescape=True)
        )
        return tuple(self._connection.execute(query.order_by(table.c.seq.desc())).scalars())

    def is_bound(self, blob_id: str) -> bool:
        return self._row(blob_id) is not None

    def is_erased(self, blob_id: str) -> bool:
        table = tables.content_erased
        return bool(self._connection.execute(select(exists().where(table.c.blob_id == blob_id))).scalar_one())

    def _again(self, row: "Row[tuple[object, ...]]", media_type: str, content: bytes) -> Blob:
        commitment = _commitment(row)
        if not blobs.is_committed(blobs.mac_key(self._secret(row)), commitment, media_type, content):
            raise AuditLogConflict(f"{row.blob_id} is bound to another content already")
        return Blob(id=row.blob_id, commit=commitment)

    def _secret(self, row: "Row[tuple[object, ...]]") -> bytes:
        return self._vault.unwrap(bytes(row.secret), row.blob_id)

    def _row(self, blob_id: str) -> "Row[tuple[object, ...]] | None":
        table = tables.content
        return self._connection.execute(select(table).where(table.c.blob_id == blob_id)).one_or_none()


def _commitment(row: "Row[tuple[object, ...]]") -> str:
    return blobs.PREFIX + bytes(row.commit_mac).hex()
