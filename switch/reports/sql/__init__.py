"""SQL of the reports, one statement a file, named after its file; its first line says what it does."""

from importlib.resources import files


def statement(name: str) -> str:
    """The text of `<name>.sql`."""
    return (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
