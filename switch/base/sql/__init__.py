"""SQL statements are in files: one statement per file, in the folder `sql` of the package that runs it.

    statement = statements("switch.writer")
    READ: Final = statement("read_orders")  # switch/writer/sql/read_orders.sql

The first line of a file is a comment: the name of the statement, as that of the file, and what it does; the
next line describes its parameters. A statement of one line may be inline.
"""

from collections.abc import Callable
from importlib.resources import files


def statements(package: str) -> Callable[[str], str]:
    """Get the loader of the statements of a package: from a name to the text of `sql/<name>.sql`."""
    folder = files(package) / "sql"

    def statement(name: str) -> str:
        return (folder / f"{name}.sql").read_text(encoding="utf-8")

    return statement
