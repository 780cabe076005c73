"""SQL stands in files: one statement a file, in the folder `sql` of the package that runs it.

    statement = statements("switch.writer")
    READ: Final = statement("read_orders")  # switch/writer/sql/read_orders.sql

The first line of a file is a comment: the statement's name, which is the file's, and what it does; the next
says what its parameters are. One line of SQL may stand where it is used.
"""

from collections.abc import Callable
from importlib.resources import files


def statements(package: str) -> Callable[[str], str]:
    """Get the loader of a package's statements: from a name to the text of `sql/<name>.sql`."""
    folder = files(package) / "sql"

    def statement(name: str) -> str:
        return (folder / f"{name}.sql").read_text(encoding="utf-8")

    return statement
