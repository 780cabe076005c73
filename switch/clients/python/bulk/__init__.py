"""Send a customer's pain.001 of any size: each line an ordinary payment, once, whatever ends the program.

from payswitch_client import bulk

done = bulk.send(client, Path("salaries.xml"))
bulk.report(Path("salaries.xml"), Path("answer.xml"))
"""

from .lines import FileRefused, PaymentLine
from .pain_002 import report
from .sending import LineOutcome, Progress, cancel, journal_of, reading, send

__all__ = [
    "FileRefused",
    "LineOutcome",
    "PaymentLine",
    "Progress",
    "cancel",
    "journal_of",
    "reading",
    "report",
    "send",
]
