"""A worker process of the pages and of the API for people, on the sockets that its parent opened."""

from switch.processes import api
from switch.writer.kinds import Kind


def main() -> None:
    """Entry point of the process; the arguments are the file descriptors of the listening sockets."""
    api.serve(Kind.PAGES)


if __name__ == "__main__":
    main()
