"""Runs the packaged migrations on an open connection, without an ini file or an env.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import MetaData
from sqlalchemy.engine import Connection


def scripts() -> ScriptDirectory:
    """The migrations that this version of the program knows."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def is_known(revision: str) -> bool:
    """Whether `revision` is one of ours."""
    try:
        return scripts().get_revision(revision) is not None
    except CommandError:
        return False


def upgrade(connection: Connection, metadata: MetaData, target: str) -> None:
    """Run every step between the database's revision and `target` inside the caller's transaction."""
    directory = scripts()

    def steps(revision: Any, _context: Any) -> Any:
        return directory._upgrade_revs(target, revision)  # noqa: SLF001 - alembic's own env.py way

    config = Config()
    with EnvironmentContext(config, directory, fn=steps, destination_rev=target) as environment:
        environment.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            transactional_ddl=False,  # the transaction is the caller's
        )
        environment.run_migrations()
