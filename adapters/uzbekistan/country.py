"""Uzbekistan as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("UZ")
"""Saturday and Sunday, except the days to which a decree moves a working day."""

COUNTRY: Final = Country(
    code="UZ",
    names=CountryNames(en="Uzbekistan", ru="Узбекистан", zh="乌兹别克斯坦"),
    currency="UZS",
    zone="Asia/Tashkent",
    calendar=CALENDAR,
    place=(360, 215),
    per_sdr="17320",
    large_payment=120_000_000,
    banks=(SandboxBank("registan-bank", "Registan Bank", "REGIUZ22", funds=5_000_000_000_000),),
)
