"""Russia as data: its clock, its calendar, and what the sandbox and the map show of it."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("RU")
"""Saturday and Sunday, but for Saturdays to which the government moves a working day."""

COUNTRY: Final = Country(
    code="RU",
    names=CountryNames(en="Russia", ru="Россия", zh="俄罗斯"),
    currency="RUB",
    zone="Europe/Moscow",
    calendar=CALENDAR,
    place=(330, 60),
    per_sdr="110.2",
    large_payment=900_000,
    banks=(SandboxBank("volga-bank", "Volga Bank", "VOLGRUMM"),),
)
