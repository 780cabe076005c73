"""Kazakhstan as data: its clock, its calendar, and what the sandbox and the map show of it."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank
from adapters.identifiers import Iban

IBAN: Final = Iban("KZ", r"\d{3}[A-Z0-9]{13}")

CALENDAR: Final = BusinessCalendar("KZ")
"""Saturday and Sunday, but for days to which the government moves a working day."""

COUNTRY: Final = Country(
    code="KZ",
    names=CountryNames(en="Kazakhstan", ru="Казахстан", zh="哈萨克斯坦"),
    currency="KZT",
    zone="Asia/Almaty",
    calendar=CALENDAR,
    iban=IBAN,
    place=(420, 150),
    per_sdr="712.4",
    large_payment=5_000_000,
    banks=(SandboxBank("steppe-bank", "Steppe Bank", "STEPKZKA"),),
)
