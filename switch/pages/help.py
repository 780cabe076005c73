"""Help in words: what each page is for, and what to do first. A test finds a page without it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

_STATISTICS: Final = (
    (
        "Choose a period; a corridor in the table leads to its own charts. A payment counts once "
        "it has an outcome."
    ),
    (
        "A payment counts as returned once all that was credited has come back. The value returned "
        "includes parts."
    ),
    "P95 is the time within which 95 of 100 payments were final.",
    (
        "Shares within 10 s, 60 s and 1 h are of all payments that the switch accepted; one that was not "
        "credited counts as not in time. So they can be low while P99 is short."
    ),
)
HELP: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "": (
            (
                "The list at the top is what is wrong now, worst first. The link beside a sentence is "
                "what you can do about it."
            ),
            "The page updates itself. If it cannot, it says since when its figures are old.",
            (
                "The search above finds a payment by UETR, reference or amount, and a participant by name "
                "or BIC. Ctrl+K leads there."
            ),
        ),
        "/payments": (
            (
                "Choose a state, a corridor or a period, or search. What you filter by is in the address, "
                "so you can send it to a colleague or save it under a name."
            ),
            "An amount that is struck through did not move.",
        ),
        "/payments/{uetr}": (
            (
                "The drawing shows the way of this payment through its states. Below are the history, the "
                "entries of the ledger and the messages."
            ),
            (
                "While the outcome is unknown, the money stays reserved. Never send the payment again "
                "with another UETR: it could be paid twice."
            ),
        ),
        "/payment-files": (
            (
                "A line has ended when it is credited, refused or cancelled. Open a file to see its lines, "
                "each with its payment."
            ),
            "An age is shown until the file has ended. What is not sent within its time is rejected.",
        ),
        "/payment-files/{file}": (
            (
                "Choose a status to see only those lines. PDNG is a payment without an outcome yet: its own "
                "page says what it waits for."
            ),
            "Stopping the rest recalls nothing: what was sent goes on.",
        ),
        "/doubt": (
            (
                "The switch asks the rail again by itself. Request a manual resolution only if you have "
                "evidence of the outcome, such as a statement of the rail."
            ),
        ),
        "/held": (
            (
                "Nothing is to be done here unless the rail stays closed. When it opens, these payments "
                "are sent by themselves."
            ),
        ),
        "/breaks": (
            "A break is closed by two people: one states what was found, the other approves it.",
            "Compare with the file of the rail first. The rail is the authority on what it executed.",
        ),
        "/positions": (
            (
                "A positive position is to be received, a negative one is to be paid. Headroom is what "
                "can still be sent before the cap is reached."
            ),
            "To change a cap, open the participant: the change needs a second person.",
        ),
        "/rails": (
            (
                "Each rail is probed every 15 seconds. Open or close a rail, or a corridor, by a request "
                "that a second person approves."
            ),
        ),
        "/queues": (
            (
                "Queues are normally short and their oldest entry is seconds old. If one grows, see which "
                "service does not respond."
            ),
        ),
        "/cases": (
            (
                "Take a case, so that others see who works on it. It closes by itself when its matter has "
                "ended: nobody can close it by hand."
            ),
            "After the deadline, the switch notifies others: first a colleague, then everyone in the role.",
        ),
        "/cases/{number}": (
            (
                "Notes and files stay with the case for good; the log has their hashes. Do not write "
                "account numbers or names of payers into notes."
            ),
            (
                "Asking the rail again does no harm: it only asks for the outcome. The number of "
                "questions in an hour is limited."
            ),
        ),
        "/screening": (
            (
                "Open the case of a held payment to see what was found; the log records that you read it. "
                "One person requests a decision with a reason, another one approves it."
            ),
            "Do not tell the sender or your colleagues why a payment waits.",
        ),
        "/cases/notices": (
            (
                "Choose how you are notified of each kind of case. The message has a number and a "
                "link, and no data of payers."
            ),
        ),
        "/changes": (
            (
                "A request that awaits you is marked. Read its effect, the values now and after the "
                "change, before you decide."
            ),
            "A request that nobody decides on expires.",
        ),
        "/changes/{number}": (
            (
                "The person who requested a change cannot approve it. The values are read again when you "
                "vote: if they have changed meanwhile, nothing is done."
            ),
        ),
        "/changes/new/{kind}": (
            (
                "Nothing changes when you submit this form: a second person must approve it. State a "
                "reason that an auditor understands in a year."
            ),
            "Amounts may have separators: 1,250,000.50.",
        ),
        "/reports": (
            (
                "Choose a report, then its period. The ZIP file has the signature and the key beside the "
                "report, so that others can verify it."
            ),
        ),
        "/reports/{name}": (
            (
                "Dates are days in UTC; the last day is not included. The page shows the first rows, the "
                "files have all."
            ),
            "PDF is for signature and print, XLSX for your own calculations, CSV and JSON for programs.",
        ),
        "/report-deliveries": (
            (
                "Two people allow a destination, then a schedule. The caretaker makes the report when its "
                "period is over, and the messenger delivers it."
            ),
            (
                "A report that is delivered again is the same file under the same name. Its receipt is a "
                "line of its own."
            ),
        ),
        "/windows": (
            (
                "A window closes at its cut-off or by request. Then each central bank confirms the "
                "positions, and the settlement agent pays."
            ),
        ),
        "/windows/{window}": (
            (
                "The nets of all lines sum to zero. The hash of the positions is what central banks "
                "confirm: compare it with your own."
            ),
            "A line that is held was not paid. All other lines settle in full, and no payment is unwound.",
        ),
        "/statistics": _STATISTICS,
        "/own/statistics": _STATISTICS,
        "/country": (
            (
                "Here are the participants, positions and payments of your country only. What awaits your "
                "decision is at the top."
            ),
            "Confirm positions after you have compared them with your own books.",
        ),
        "/proofs": (
            (
                "Give a UETR or the number of an event. The browser works out the proof itself; the file "
                "can be checked elsewhere without the switch."
            ),
            "Keep a checkpoint from time to time: it shows later whether the log was rewritten.",
        ),
        "/proofs/show": (
            (
                "Verified means: this event is in the log under the signed root, unchanged. Compare the "
                "key with one that you received through another channel."
            ),
        ),
        "/proofs/consistency": (
            (
                "The page shows whether the later of two checkpoints continues the earlier one, with "
                "nothing changed or removed."
            ),
        ),
        "/log": ("Events are numbered without gaps. An event leads to its proof.",),
        "/participants": (
            (
                "A participant leads to its accounts, limits, keys and corridors, and to the requests "
                "that change them."
            ),
        ),
        "/indirect": (
            (
                "A payment reaches these banks over the rail, and is credited to their gateway, which "
                "settles. A file replaces the whole directory of its rail, once a second person approves."
            ),
        ),
        "/participants/{id}": (
            (
                "Each change here is a request that a second person approves. The percentage shows how "
                "much of the cap is used."
            ),
        ),
        "/participants/new": (
            (
                "Ask the bank for its BIC and for a key request that its own system made: a private key "
                "never leaves the bank."
            ),
        ),
        "/people": (
            (
                "People are added, changed and removed under Approvals. End the sessions of a person if a "
                "device is lost."
            ),
        ),
        "/me": (
            (
                "Add a passkey to sign in without a code. End a session that you do not recognise, and "
                "tell the operator."
            ),
        ),
        "/own/position": (
            (
                "Headroom is what you can still send. The peak is the time of the day at which you had "
                "used most."
            ),
        ),
        "/own/rates": (
            (
                "Each offer replaces yours for its pair at once; quotes that are open keep their terms. "
                "A rate outside the band of the operator is refused."
            ),
        ),
        "/own/statements": (
            (
                "A statement of a closed window is final; that of today is interim. XML files are camt "
                "messages for your own system."
            ),
        ),
        "/own/messages": (
            "A request that awaits your reply is marked. Your system replies through the API.",
        ),
        "/own/messages/{seq}": ("Reading a message is an event of the log.",),
        "/own/qr": (
            "Scan a code with any scanner, and paste its text. Amounts of codes are in the payee's currency.",
            "A code proves neither who made it nor who holds the account: verify the payee before you pay.",
        ),
        "/own/keys": (
            (
                "Add the new key before the old one expires: both are valid for a while, so no request "
                "fails. Revoke a key at once if it may be known to others."
            ),
        ),
        "/own/webhooks": (
            (
                "The switch sends each event to these addresses, signed. Your system answers with a "
                "status from 200 to 299, or gets it again."
            ),
        ),
        "/own/webhooks/{webhook}": (
            (
                "Send a test event first. A delivery that failed can be sent again after your system is "
                "repaired."
            ),
        ),
        "/own/tests": (
            (
                "Choose what the simulated rail does, and see the messages and events that your system "
                "would get. No real money moves."
            ),
        ),
    }
)
"""Route below `/console` -> sentences for somebody who sees the page for the first time."""
