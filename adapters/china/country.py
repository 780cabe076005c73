"""China as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("CN")
"""Saturday and Sunday, except the working weekends that the State Council announces: HVPS works on those."""

COUNTRY: Final = Country(
    code="CN",
    names=CountryNames(en="China", ru="Китай", zh="中国"),
    currency="CNY",
    zone="Asia/Shanghai",
    calendar=CALENDAR,
    place=(710, 220),
    per_sdr="9.72",
    large_payment=70_000,
    banks=(SandboxBank("jade-bank", "Jade River Bank", "JADECNBJ"),),
)
