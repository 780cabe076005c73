"""Belarus as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank
from adapters.identifiers import Iban

IBAN: Final = Iban("BY", r"[A-Z0-9]{4}\d{4}[A-Z0-9]{16}")

CALENDAR: Final = BusinessCalendar("BY")
"""Saturday and Sunday, except the Saturdays to which the government moves a working day."""

COUNTRY: Final = Country(
    code="BY",
    names=CountryNames(en="Belarus", ru="Беларусь", zh="白俄罗斯"),
    currency="BYN",
    zone="Europe/Minsk",
    calendar=CALENDAR,
    iban=IBAN,
    place=(90, 90),
    per_sdr="4.47",
    large_payment=30_000,
    banks=(SandboxBank("neman-bank", "Neman Bank", "NEMABY2X"),),
)
