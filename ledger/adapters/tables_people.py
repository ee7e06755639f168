"""Tables of people: persons, roles, sessions, second factors, audit log.

Names and log-in names of officials lie in `sealed` only, under a data key per person in the vault;
`login_index` is a keyed HMAC. Whatever opens a door (session, invitation, recovery code) is kept as a
hash of what its owner holds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger.adapters.store_schema import metadata

_id = Integer().with_variant(BigInteger(), "postgresql")

organisation = Table(  # agencies that are not on the chain: they only verify
    "organisation",
    metadata,
    Column("uscc", String(18), primary_key=True),
    Column("name_zh", String(120), nullable=False),
    Column("name_en", String(120), nullable=False),
    Column("parent", String(18)),
    Column("added_at", BigInteger, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("id", _id, primary_key=True),
    Column("name", LargeBinary(16), nullable=False),  # of the data key in the vault
    Column("login_index", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # JSON: login, name
    Column("password", String(255), nullable=False),  # argon2id over the keyed HMAC; empty: none yet
    Column("state", String(16), nullable=False),
    Column("language", String(2), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    UniqueConstraint("name"),
    UniqueConstraint("login_index"),
)

membership = Table(
    "membership",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person_id", _id, ForeignKey("person.id"), nullable=False, index=True),
    Column("uscc", String(18), nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),  # deputies and postings have an end
    Column("deputy_for", _id, ForeignKey("person.id")),
    Column("given_by", _id, ForeignKey("person.id")),
    Column("given_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

person_session = Table(
    "person_session",
    metadata,
    Column("id", _id, primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("person_id", _id, ForeignKey("person.id"), nullable=False, index=True),
    Column("uscc", String(18), nullable=False),
    Column("stage", String(16), nullable=False),  # half: the second factor is still missing
    Column("method", String(16), nullable=False),
    Column("device", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("fresh_until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    UniqueConstraint("token_hash"),
)

person_totp = Table(
    "person_totp",
    metadata,
    Column("person_id", _id, ForeignKey("person.id"), primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("is_confirmed", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),  # a code works once
    Column("made_at", BigInteger, nullable=False),
)

person_passkey = Table(
    "person_passkey",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person_id", _id, ForeignKey("person.id"), nullable=False, index=True),
    Column("credential_id", LargeBinary(1023), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    UniqueConstraint("credential_id"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person_id", _id, ForeignKey("person.id"), nullable=False, index=True),
    Column("code_index", LargeBinary(32), nullable=False),
    Column("used_at", BigInteger),
    UniqueConstraint("code_index"),
)

invitation = Table(
    "invitation",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person_id", _id, ForeignKey("person.id"), nullable=False, index=True),
    Column("code_hash", LargeBinary(32), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    UniqueConstraint("code_hash"),
)

person_subject = Table(  # who a person is at an agency's identity provider
    "person_subject",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person_id", _id, ForeignKey("person.id"), nullable=False, index=True),
    Column("provider", String(32), nullable=False),
    Column("subject_index", LargeBinary(32), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    UniqueConstraint("subject_index"),
)

login_step = Table(  # what the server must remember between two requests of one log-in
    "login_step",
    metadata,
    Column("handle_hash", LargeBinary(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("payload", Text, nullable=False),
    Column("until", BigInteger, nullable=False, index=True),
)

audit_row = Table(
    "audit_row",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 … without gaps
    Column("at", BigInteger, nullable=False),
    Column("person_id", _id),
    Column("session_id", _id),
    Column("uscc", String(18), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("facts", Text, nullable=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("link", LargeBinary(32), nullable=False),
    Index("ix_audit_row_uscc_number", "uscc", "number"),
)

audit_head = Table(  # one row: the newest number and link under a keyed HMAC
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("link", LargeBinary(32), nullable=False),
    Column("seal", LargeBinary(32), nullable=False),
)
