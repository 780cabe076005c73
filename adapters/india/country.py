"""India as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import SUNDAY, BusinessCalendar
from adapters.country import ECDSA, Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar(
    "IN", weekend=frozenset({SUNDAY}), saturdays_off=frozenset({2, 4}), closings=((4, 1),)
)
"""Since September 2015 banks work full days on the first, third and fifth Saturdays of a month.

Banks close their annual accounts on 1 April, or on the next working day if it is a day off: Monday 2 April in
2018. RTGS and NEFT were closed with them until they began to run around the clock (RBI/2020-21/70). That
treasuries confirm nothing on that day is inferred from the holiday.
"""

COUNTRY: Final = Country(
    code="IN",
    names=CountryNames(en="India", ru="Индия", zh="印度"),
    currency="INR",
    zone="Asia/Kolkata",
    calendar=CALENDAR,
    place=(530, 360),
    per_sdr="114.6",
    large_payment=850_000,
    banks=(
        SandboxBank("asha-bank", "Asha Bank", "ASHAINBB"),
        SandboxBank("ganga-bank", "Ganga Bank", "GANGINBB", algorithm=ECDSA),
    ),
)
