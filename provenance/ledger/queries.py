"""Statements that appends, proofs and look-ups run, built once: building one takes longer than running it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from provenance.ledger.tables import ASSET, ENTRY, HEAD, PUBLISHER, TILE

READ_HEAD: Final = sa.select(HEAD).where(HEAD.c.log_id == 1)
#: On PostgreSQL nobody else moves the head until the transaction ends; SQLite's writers hold its one lock.
LOCK_HEAD: Final = READ_HEAD.with_for_update()
#: Of ``level`` and ``n``.
READ_TILE: Final = sa.select(TILE.c.data).where(
    TILE.c.level == sa.bindparam("level"), TILE.c.n == sa.bindparam("n")
)
READ_PUBLISHERS: Final = sa.select(PUBLISHER)
#: Of ``index``.
READ_LEAF: Final = sa.select(ENTRY.c.body).where(ENTRY.c.idx == sa.bindparam("index"))
#: Of ``hashes``, a list.
FIND_LEAVES: Final = sa.select(ENTRY.c.leaf_hash, ENTRY.c.idx).where(
    ENTRY.c.leaf_hash.in_(sa.bindparam("hashes", expanding=True))
)
#: Of ``at_level``, ``at_n`` and ``content``.
GROW_TILE: Final = (
    TILE.update()
    .where(TILE.c.level == sa.bindparam("at_level"), TILE.c.n == sa.bindparam("at_n"))
    .values(data=sa.bindparam("content"))
)
#: Of ``old_size``, ``old_root`` and the new ``new_size``, ``new_root``, ``new_note``, ``new_at_us``.
MOVE_HEAD: Final = (
    HEAD.update()
    .where(
        HEAD.c.log_id == 1,
        HEAD.c.size == sa.bindparam("old_size"),
        HEAD.c.root == sa.bindparam("old_root"),
    )
    .values(
        size=sa.bindparam("new_size"),
        root=sa.bindparam("new_root"),
        note=sa.bindparam("new_note"),
        at_us=sa.bindparam("new_at_us"),
    )
)
#: Of ``low`` and ``high``, the first and last digest of the range.
ASSETS_BY_DIGEST: Final = (
    sa.select(ASSET)
    .where(ASSET.c.digest >= sa.bindparam("low"), ASSET.c.digest <= sa.bindparam("high"))
    .order_by(ASSET.c.idx)
)
#: Of ``hashes``, a list of leaf hashes.
ASSETS_BY_LEAF: Final = sa.select(ASSET).where(ASSET.c.leaf_hash.in_(sa.bindparam("hashes", expanding=True)))
_LOGGED: Final = ASSET.join(HEAD, HEAD.c.log_id == 1)
#: The same with the size of the log at that moment.
LOGGED_BY_DIGEST: Final = ASSETS_BY_DIGEST.add_columns(HEAD.c.size.label("log_size")).select_from(_LOGGED)
LOGGED_BY_LEAF: Final = ASSETS_BY_LEAF.add_columns(HEAD.c.size.label("log_size")).select_from(_LOGGED)
