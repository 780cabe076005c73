"""Tajikistan as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("TJ")
"""Saturday and Sunday: the National Bank settles on five days a week."""

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
