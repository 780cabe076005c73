"""SQL lives in `sql/*.sql`, one statement a file, named after its file."""

from importlib.resources import files


def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (files("ledger") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
