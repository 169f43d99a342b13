"""Following: how far a file that grows was read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "follow_position",
        sa.Column("path", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("read_bytes", sa.BigInteger, nullable=False),
        sa.Column("read_lines", sa.BigInteger, nullable=False),
        sa.Column("head_bytes", sa.Integer, nullable=False),
        sa.Column("head", sa.String(71), nullable=False),
        comment="how far a followed file was read; a bookmark, replaced by the next",
    )
