"""Creates a new adapter package from the templates in this directory; it works at once with its simulator."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from schemas.money import EXPONENTS

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .&-]{0,39}", re.ASCII)
_SUFFIX: Final = ".tmpl"
_LANGUAGES: Final = {"english": "en", "russian": "ru", "chinese": "zh"}
_BESIDE: Final = {"pyproject.toml", "README.md"}
"""Files of the distribution; all other files are in the package."""


def make(country: str, name: str, directory: Path, currency: str | None = None) -> list[Path]:
    """Write the distribution of a new adapter into `directory`; returns the written files in order.

    Args:
        country: Two letters.
        name: The name of the rail.
        directory: The target, created if it is missing. No existing file is overwritten.
        currency: ISO 4217; by default the code that begins with the country's letters.

    Raises:
        ValueError: an invalid country, name or currency, or a file that exists.

    """
    if not _COUNTRY.fullmatch(country):
        raise ValueError("a country is two capital letters, for example AM")
    if not _NAME.fullmatch(name):
        raise ValueError("a name is up to 40 ASCII letters, digits, blanks and .&-")
    values = {
        "country": country,
        "name": name,
        "currency": currency or _currency_of(country),
        "package": f"payswitch_{country.lower()}",
        "distribution": f"payswitch-{country.lower()}",
        "lower": country.lower(),
        **{language: _name_of(country, code) for language, code in _LANGUAGES.items()},
    }
    if values["currency"] not in EXPONENTS:
        raise ValueError("a currency is a code of ISO 4217, for example AMD")
    made = {_place(directory, file, values["package"]): text for file, text in _templates()}
    if existing := [path for path in made if path.exists()]:
        raise ValueError(f"{existing[0]} exists")
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(values), encoding="utf-8")
    return list(made)


def _templates() -> list[tuple[str, str]]:
    """The name of each file to write, and its template."""
    found = [
        file for file in files("adapters").joinpath("templates").iterdir() if file.name.endswith(_SUFFIX)
    ]
    return [
        (file.name.removesuffix(_SUFFIX), file.read_text(encoding="utf-8"))
        for file in sorted(found, key=lambda file: file.name)
    ]


def _place(directory: Path, file: str, package: str) -> Path:
    return directory / file if file in _BESIDE else directory / package / file


def _name_of(country: str, language: str) -> str:
    """The name of the country in a language; its code if no name is known."""
    from babel import Locale  # noqa: PLC0415 - only a new package needs it

    return str(Locale(language).territories.get(country, country))


def _currency_of(country: str) -> str:
    """The only currency whose code begins with the country's letters."""
    found = [code for code in EXPONENTS if code.startswith(country)]
    if len(found) != 1:
        raise ValueError(f"state the currency: {', '.join(found) or 'none'} may be that of {country}")
    return found[0]
