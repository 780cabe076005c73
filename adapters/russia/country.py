"""Russia as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("RU")
"""Saturday and Sunday, except the Saturdays to which the government moves a working day."""

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
