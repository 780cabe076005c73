"""The schema file says the same as the migrations: people read the one, the database runs the other."""

import subprocess
from importlib.resources import files

from ledger.postgres import BIN
from tests.conftest import dump


def test_the_schema_file_equals_the_result_of_the_migrations(
    empty_database_url: str, database_url: str
) -> None:
    for package in ("ledger", "switch"):
        subprocess.run(
            [BIN / "psql", empty_database_url, "-qX", "-v", "ON_ERROR_STOP=1"],
            input=(files(package) / "schema.sql").read_text(),
            text=True,
            check=True,
        )

    for schema in ("switch", "regulator"):
        assert dump(empty_database_url, schema) == dump(database_url, schema)
