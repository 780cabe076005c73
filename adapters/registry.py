"""The installed rails: the entry points of group `payswitch.adapters`, from payswitch and third parties.

The name of an entry is the country. Its value is the adapter's package, which has these modules:

* `country` with `COUNTRY`, the country as data;
* `profile` with `PROFILE`, its rail as data, and `ORIGINATES` if the adapter takes orders of the rail;
* `client` with `adapter(connection)`;
* `qr` with `SCHEMES`, its QR schemes with the default first, or none;
* `sandbox`, and `simulator` with `simulator(settings, callbacks)`, for the sandbox.

Each module is imported on demand: most processes need the data of every country and no clients.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Final

from adapters.country import Country
from schemas.errors import NotFound

if TYPE_CHECKING:  # settings need the list of countries, and every command reads settings
    from adapters.port import RailAdapter, RailConnection
    from adapters.profile import RailProfile

GROUP: Final = "payswitch.adapters"


def countries() -> list[str]:
    """The countries with an adapter."""
    return sorted(_entries())


def load(country: str, connection: "RailConnection") -> "RailAdapter":
    """The adapter of a country, for a connection.

    Raises:
        NotFound: no adapter for this country.
        ValueError: the connection lacks what the rail needs.

    """
    adapter: RailAdapter = module(country, "client").adapter(connection)
    return adapter


def profile(country: str) -> "RailProfile":
    """The profile of a country's rail.

    Raises:
        NotFound: no adapter for this country.

    """
    found: RailProfile = module(country, "profile").PROFILE
    return found


def originates(country: str) -> bool:
    """Whether a country's adapter also takes orders of its rail (`adapters.originating`).

    Raises:
        NotFound: no adapter for this country.

    """
    return bool(getattr(module(country, "profile"), "ORIGINATES", False))


@cache
def country(code: str) -> Country:
    """A country's record.

    Raises:
        NotFound: no adapter for this country.

    """
    found: Country = module(code, "country").COUNTRY
    return found


def find_country(code: str) -> Country | None:
    """The record of a country; None if it has no adapter."""
    return country(code) if code in _entries() else None


@cache
def by_currency() -> Mapping[str, Country]:
    """The countries with an adapter, by currency; if two share a currency, the first by code."""
    return {found.currency: found for found in map(country, reversed(countries()))}


def entries() -> list[EntryPoint]:
    """The entry points of the installed rails; the value of each is its package."""
    return list(_entries().values())


def module(country: str, name: str) -> ModuleType:
    """A module of a country's adapter.

    Raises:
        NotFound: no adapter for this country.

    """
    return import_module(f"{_entry(country).module}.{name}")


def _entry(country: str) -> EntryPoint:
    found = _entries().get(country)
    if found is None:
        raise NotFound(f"no adapter for {country}")
    return found


@cache
def _entries() -> dict[str, EntryPoint]:
    """By country; the installed packages do not change while a process runs."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}
