"""Which methods a path has, and the path that somebody meant who put a slash behind it.

The switch redirects nobody: a signature covers the path, so it would prove nothing where a redirect leads.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.routing import Match, Route

Scope = MutableMapping[str, Any]


class Routes:
    """Every route of the application."""

    def __init__(self, routes: Iterable[object]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]

    def methods(self, scope: Scope) -> list[str]:
        """The methods that the path of a request has, whatever its own is."""
        found = [route for route in self._routes if route.matches(scope)[0] is not Match.NONE]
        return sorted({method for route in found for method in route.methods or ()})

    def without_slash(self, scope: Scope) -> str | None:
        """The path that there is without the slash at the end of the request's, as the documents name it."""
        path: str = scope["path"]
        if not path.endswith("/"):
            return None
        bare = {**scope, "path": path.rstrip("/")}
        return next((r.path for r in self._routes if r.matches(bare)[0] is not Match.NONE), None)
