"""Sessions know when the password was given, links what they are bound to, workspaces whether mail was confirmed"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    moment, epoch = sa.DateTime(timezone=True), sa.text("'1970-01-01 00:00:00'")
    op.add_column("session", sa.Column("password_at", moment, nullable=False, server_default=epoch))
    op.execute("UPDATE session SET password_at = started_at")
    op.add_column("tenant", sa.Column("mail_confirmed_at", moment, nullable=True))
    op.execute("UPDATE tenant SET mail_confirmed_at = created_at")
    # SQLite keeps '' as the text it is, also in a column of bytes.
    no_bytes = "x''" if op.get_bind().dialect.name == "sqlite" else "''"
    bound = sa.Column("bound_to", sa.LargeBinary(length=32), nullable=False, server_default=sa.text(no_bytes))
    op.add_column("single_use_token", bound)
    bind_links()


def bind_links() -> None:
    """Bind the links that wait to what their members have now, as `app/accounts/tokens.py` does."""
    connection = op.get_bind()
    waiting = "SELECT token_hash, email, password_hash FROM single_use_token JOIN member ON member.id = member_id"
    found = connection.execute(sa.text(waiting))
    for token_hash, email, password_hash in found.all():
        bond = hashlib.sha256("\0".join([email or "", password_hash]).encode()).digest()
        statement = sa.text("UPDATE single_use_token SET bound_to = :bond WHERE token_hash = :token_hash")
        connection.execute(statement, {"bond": bond, "token_hash": token_hash})


def downgrade() -> None:
    op.drop_column("single_use_token", "bound_to")
    op.drop_column("tenant", "mail_confirmed_at")
    op.drop_column("session", "password_at")
