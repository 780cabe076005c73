"""The methods of a path, and the correct path of a request with a trailing slash.

The switch never redirects: a signature covers the path, so it would not be valid at the new path.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.routing import Match, Route

Scope = MutableMapping[str, Any]


def answer_head(routes: Iterable[object]) -> None:
    """Have every route that answers GET answer HEAD too: the same headers, without the body (RFC 9110)."""
    for route in routes:
        if isinstance(route, Route) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


class Routes:
    """All routes of the application."""

    def __init__(self, routes: Iterable[object]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]

    def methods(self, scope: Scope) -> list[str]:
        """The methods that the path of a request has."""
        found = [route for route in self._routes if route.matches(scope)[0] is not Match.NONE]
        return sorted({"OPTIONS", *(method for route in found for method in route.methods or ())})

    def without_slash(self, scope: Scope) -> str | None:
        """The documented path without the trailing slash of the request, if there is one."""
        path: str = scope["path"]
        if not path.endswith("/"):
            return None
        bare = {**scope, "path": path.rstrip("/")}
        return next((r.path_format for r in self._routes if r.matches(bare)[0] is not Match.NONE), None)
