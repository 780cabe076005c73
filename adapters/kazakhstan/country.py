"""Kazakhstan as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank
from adapters.identifiers import Iban

IBAN: Final = Iban("KZ", r"\d{3}[A-Z0-9]{13}", bank_length=3)

CALENDAR: Final = BusinessCalendar("KZ")
"""Saturday and Sunday, except the days to which the government moves a working day."""

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
