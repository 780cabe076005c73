"""Tajikistan as data: its clock, its calendar, and what the sandbox and the map show of it."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("TJ")
"""Saturday and Sunday: the National Bank settles on five days."""

COUNTRY: Final = Country(
    code="TJ",
    names=CountryNames(en="Tajikistan", ru="Таджикистан", zh="塔吉克斯坦"),
    currency="TJS",
    zone="Asia/Dushanbe",
    calendar=CALENDAR,
    place=(440, 265),
    per_sdr="14.71",
    large_payment=100_000,
    banks=(SandboxBank("pamir-bank", "Pamir Bank", "PAMITJ22"),),
)
