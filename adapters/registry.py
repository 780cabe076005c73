"""Which rails there are: the entry points of group `payswitch.adapters`, ours and third parties' alike.

An entry's name is the country, its value the adapter's package, which has these modules:

* `country` with `COUNTRY`, the country as data;
* `profile` with `PROFILE`, its rail as data;
* `client` with `adapter(connection)`;
* `qr` with `SCHEMES`, its QR schemes, the usual one first; perhaps none;
* `sandbox`, and `simulator` with `simulator(settings, callbacks)`, for the sandbox.

Each is read when it is asked for. Most processes need the data of every country and the clients of none.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Final

from adapters.country import Country
from schemas.errors import NotFound

if TYPE_CHECKING:  # settings ask which countries there are, and every command reads settings
    from adapters.port import RailAdapter, RailConnection
    from adapters.profile import RailProfile

GROUP: Final = "payswitch.adapters"


def countries() -> list[str]:
    """The countries that have an adapter."""
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


@cache
def country(code: str) -> Country:
    """A country's record.

    Raises:
        NotFound: no adapter for this country.

    """
    found: Country = module(code, "country").COUNTRY
    return found


def find_country(code: str) -> Country | None:
    """A country's record, where it has an adapter."""
    return country(code) if code in _entries() else None


@cache
def by_currency() -> Mapping[str, Country]:
    """The countries that have an adapter, by their currency; of two that share one, the first by its code."""
    return {found.currency: found for found in map(country, reversed(countries()))}


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
    """By country; what is installed does not change while we run."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}
