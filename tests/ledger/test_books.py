"""Every outcome of the books, one row a rule, read aloud.

account  NAME CURRENCY [CAP]                opens an account
reserve  ID LEGS [~CONTENT]        VERDICT  LEGS: A>B:60 or A>B:60+B>C:5:fee
move, correct ID ID, fail, post, void, cap, close, window   likewise
balance  NAME dp dd cp cc                   what the four counters must be
batch                                       commits, and forgets what was loaded
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from ledger.books import Books, Decision, LedgerVerdict, Leg, NotLoaded, TransferState
from schemas.errors import NotFound

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
SPACE = UUID(int=0)


def new_books() -> Books:
    books = Books()
    books.begin(NOW, [], [])
    return books


class Table:
    """Runs rows of the table language against the books."""

    def __init__(self) -> None:
        self.books = new_books()
        self.accounts: dict[str, int] = {}
        self.seen: set[LedgerVerdict] = set()
        self.verbs: dict[str, Callable[..., object]] = {
            "reserve": lambda id_, *rest: self.set(self.books.reserve, id_, *rest),
            "move": lambda id_, *rest: self.set(self.books.move, id_, *rest),
            "correct": lambda id_, other, *rest: self.books.correct(
                self.id(id_), self.id(other), fingerprint=content(rest)
            ),
            "fail": lambda id_, *rest: self.books.fail(self.id(id_), fingerprint=content(rest)),
            "post": lambda id_: self.books.post(self.id(id_)),
            "void": lambda id_: self.books.void(self.id(id_)),
            "cap": lambda name, cap: self.books.set_cap(
                self.account(name), None if cap == "none" else int(cap)
            ),
            "close": lambda name: self.books.close_account(self.account(name)),
        }

    def run(self, text: str) -> None:
        for line in text.strip().splitlines():
            words = line.split("#")[0].split()
            if words:
                self.row(line, *words)

    def row(self, line: str, verb: str, *words: str) -> None:
        match verb:
            case "account":
                name, currency, *cap = words
                self.accounts[name] = self.books.open_account(
                    name, currency, "position", int(cap[0]) if cap else None
                )
            case "balance":
                found = self.books.account(self.accounts[words[0]])
                assert found is not None
                assert found.counters[:4] == tuple(map(int, words[1:])), line
            case "batch":
                self.books.seal()
                self.books.settle()
            case "window":
                self.books.close_window(words[0])
                self.books.seal()
                self.books.settle()
            case _:
                decision = self.verbs[verb](*words[:-1])
                assert decision.verdict == words[-1], line
                self.seen.add(decision.verdict)

    def set(self, command, id_, legs, *rest):
        return command(self.id(id_), self.legs(legs), fingerprint=content(rest))

    def id(self, name: str) -> UUID:
        id_ = uuid5(SPACE, name)
        self.books.begin(NOW, self.books.missing([id_]), [])
        return id_

    def account(self, name: str) -> int:
        return self.accounts.get(name, 10**6)

    def legs(self, text: str) -> list[Leg]:
        legs = []
        for part in text.split("+") if text != "-" else ():
            names, amount, *purpose = part.split(":")
            debit, credit = names.split(">")
            legs.append(
                Leg(self.account(debit), self.account(credit), int(amount), *(purpose or ["principal"]))
            )
        return legs


def content(rest: tuple[str, ...]) -> bytes:
    return rest[0].encode() if rest else b"same"


A_PAYMENT = """
  account  A INR 100
  account  B INR
  reserve  P1  A>B:60           created
  balance  A   60 0 0 0
  balance  B   0 0 60 0
  post     P1                   posted
  balance  A   0 60 0 0
  balance  B   0 0 0 60
  post     P1                   already_posted    # a second one changes nothing
  void     P1                   already_posted
  balance  A   0 60 0 0
"""
A_RELEASE = """
  account  A INR 100
  account  B INR
  reserve  P1  A>B:100          created
  reserve  P2  A>B:1            cap_exceeded
  void     P1                   voided
  void     P1                   already_voided
  post     P1                   already_voided
  reserve  P2  A>B:1            already_failed    # it failed once, it stays failed
  reserve  P3  A>B:1            created
  balance  A   1 0 0 0
"""
THE_SAME_AGAIN = """
  account  A INR
  account  B INR
  reserve  P1  A>B:5            created
  reserve  P1  A>B:5            exists
  move     P1  A>B:5            exists
  fail     P1                   exists
  reserve  P1  A>B:5   ~other   exists_with_different_content
  reserve  P1  -       ~other   exists_with_different_content   # known before anything else is judged
  correct  P1  P1      ~other   exists_with_different_content
  fail     F1                   failed
  fail     F1                   already_failed
  fail     F1          ~other   exists_with_different_content
  reserve  F1  A>B:5            already_failed
  post     F1                   transfer_failed
  void     F1                   transfer_failed
  post     NOBODY               transfer_not_found
  void     NOBODY               transfer_not_found
  balance  A   5 0 0 0
"""
LEGS_ARE_JUDGED_IN_ORDER = """
  account  A INR 10
  account  B INR
  account  C CNY
  account  X INR
  close    X                                  closed
  reserve  R1   -                             no_legs
  reserve  R2   A>A:0                         amount_must_be_positive
  reserve  R3   A>A:-5                        amount_must_be_positive
  reserve  R4   A>A:100000000000000001        amount_too_large
  reserve  R5   A>A:1:gift                    debit_equals_credit
  reserve  R6   A>NOBODY:1:gift               unknown_purpose
  reserve  R7   X>NOBODY:1                    account_not_found
  reserve  R8   NOBODY>X:1                    account_not_found
  reserve  R9   X>C:1                         account_closed
  reserve  R10  A>X:1                         account_closed
  reserve  R11  A>C:11                        currency_mismatch
  reserve  R12  A>B:11                        cap_exceeded
  reserve  R13  A>B:10+A>C:1                  currency_mismatch   # the first leg is taken back
  reserve  R14  A>B:11+A>A:0                  cap_exceeded        # the first leg that is refused decides
  balance  A    0 0 0 0
  reserve  R15  A>B:10                        created
"""
LINKED_LEGS = """
  account  A INR 100
  account  FX INR
  account  FY CNY 1000
  account  B CNY
  account  T INR
  reserve  X1  A>FX:90:conversion+FY>B:7:principal+A>T:10:fee   created
  balance  A   100 0 0 0
  reserve  X2  A>FX:1                  cap_exceeded
  post     X1                          posted
  balance  B   0 0 0 7
  balance  T   0 0 0 10
  move     M1  FX>A:50:funding+A>T:50:fee    cap_exceeded   # a set's own credits do not count, in any order
  move     M2  A>T:50:fee+FX>A:50:funding    cap_exceeded
  move     M3  FX>A:50:funding               created
  move     M4  A>T:50:fee                    created
"""
PENDING_CREDITS_NEVER_COUNT = """
  account  A INR 0
  account  B INR
  reserve  P1  B>A:10     created
  reserve  P2  A>B:10     cap_exceeded
  post     P1             posted
  reserve  P3  A>B:10     created
  reserve  P4  A>B:1      cap_exceeded
"""
CORRECTIONS = """
  account  A INR 10
  account  B INR 0
  reserve  P1  A>B:10     created
  correct  C1  P1         transfer_not_posted
  post     P1             posted
  correct  C1  P1         already_failed
  correct  C2  NOBODY     transfer_not_found
  correct  C3  P1         created
  correct  C3  P1         exists
  correct  C4  P1         already_corrected
  correct  C5  C3         correction_of_correction
  post     C3             transfer_not_pending
  void     C3             transfer_not_pending
  balance  A   0 10 0 10
  move     M1  A>B:10     created
  move     M2  B>A:10     created
  correct  C6  M1         cap_exceeded          # the money is gone: a correction passes no cap either
  fail     F1             failed
  correct  C7  F1         transfer_not_posted
"""
CAPS = """
  account  A INR 10
  account  B INR
  cap      NOBODY 5       account_not_found
  reserve  P1  A>B:10     created
  cap      A 9            cap_below_exposure
  cap      A 10           cap_set
  cap      A none         cap_set
  reserve  P2  A>B:90     created
  cap      A 99           cap_below_exposure
  cap      A 100          cap_set
  reserve  P3  A>B:1      cap_exceeded
"""
CLOSING = """
  account  A INR
  account  B INR
  close    NOBODY         account_not_found
  reserve  P1  A>B:10     created
  close    A              account_not_empty
  post     P1             posted
  close    A              account_not_empty
  move     M1  B>A:10     created
  close    A              closed
  close    A              account_closed
  cap      A 5            account_closed
  move     M2  B>A:10     account_closed
"""
OVERFLOW = """
  account  A INR
  account  B INR
""" + "\n".join(
    f"  move N{n} A>B:100000000000000000{'+A>B:100000000000000000' * 22}  {verdict}"
    for n, verdict in enumerate(["created", "created", "overflow"])
)
TABLES = {name: text for name, text in globals().items() if name.isupper() and isinstance(text, str)}


@pytest.mark.parametrize("name", TABLES)
def test_table(name):
    Table().run(TABLES[name])


def test_every_verdict_is_in_a_table():
    table = Table()
    seen = set()
    for text in TABLES.values():
        table = Table()
        table.run(text)
        seen |= table.seen

    assert set(LedgerVerdict) - seen == {LedgerVerdict.TOO_MANY_LEGS}


def test_a_set_has_a_hundred_legs_at_most():
    books = new_books()
    a, b = (books.open_account(name, "INR", "position", None) for name in "AB")
    ids = [UUID(int=n) for n in (1, 2)]
    books.begin(NOW, ids, [])

    assert (
        books.reserve(ids[0], [Leg(a, b, 1, "fee")] * 100, fingerprint=b"").verdict is LedgerVerdict.CREATED
    )
    assert (
        books.reserve(ids[1], [Leg(a, b, 1, "fee")] * 101, fingerprint=b"").verdict
        is LedgerVerdict.TOO_MANY_LEGS
    )


def test_what_was_not_loaded_is_never_guessed():
    books = new_books()

    with pytest.raises(NotLoaded):
        books.reserve(UUID(int=1), [], fingerprint=b"")
    with pytest.raises(NotLoaded):
        books.find(UUID(int=1))


def test_the_sequence_numbers_everything_without_a_gap():
    books = new_books()
    a, b = (books.open_account(name, "INR", "position", None) for name in "AB")
    id_ = UUID(int=1)
    books.begin(NOW, [id_], [])
    decision = books.reserve(id_, [Leg(a, b, 1, "principal")], fingerprint=b"")
    noted = books.record(decision.number, "NOTE", b"")
    books.post(id_)

    assert (a, b, decision.number, noted, books.next_seq) == (1, 3, 4, 5, 7)
    assert len(books.batch) == 6


def test_find_reports_the_outcome_of_a_set():
    books = new_books()
    a, b = (books.open_account(name, "INR", "position", None) for name in "AB")
    id_ = UUID(int=1)
    books.begin(NOW, [id_, UUID(int=2)], [])
    books.reserve(id_, [Leg(a, b, 1, "principal")], fingerprint=b"")

    assert books.find(id_) == Decision(LedgerVerdict.EXISTS, 4, TransferState.PENDING)
    books.void(id_)
    assert books.find(id_) == Decision(LedgerVerdict.VOIDED, 4, TransferState.VOIDED)
    assert books.find(UUID(int=2)) is None


def test_opening_an_account_again_finds_it():
    books = new_books()
    first = books.open_account("A", "INR", "position", 5)

    assert books.open_account("A", "INR", "position", 9) == first
    assert books.find_account("A", "INR", "position") == first
    assert books.account(first).cap == 5
    assert books.find_account("A", "CNY", "position") is None


@pytest.mark.parametrize(
    "arguments", [("", "INR", "p", 0), ("A", "inr", "p", 0), ("A", "INR", "", 0), ("A", "INR", "p", -1)]
)
def test_an_account_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ValueError, match=r"account needs|cap must be between"):
        new_books().open_account(*arguments)


def test_a_window_without_accounts_cannot_be_closed():
    with pytest.raises(NotFound):
        new_books().close_window("INR")


def test_nothing_is_posted_after_a_window_closed_in_the_same_batch():
    books = new_books()
    a, b = (books.open_account(name, "INR", "position", None) for name in "AB")
    books.close_window("INR")
    books.begin(NOW, [UUID(int=1)], [])

    with pytest.raises(AssertionError, match="after it closed"):
        books.move(UUID(int=1), [Leg(a, b, 1, "funding")], fingerprint=b"")


def test_time_never_goes_back():
    books = new_books()
    books.begin(datetime(2020, 1, 1, tzinfo=UTC), [], [])

    assert books.now == NOW


def test_money_is_never_a_float():
    books = new_books()
    a, b = (books.open_account(name, "INR", "position", None) for name in "AB")
    books.begin(NOW, [UUID(int=1)], [])

    with pytest.raises(AssertionError):
        books.reserve(UUID(int=1), [Leg(a, b, 1.5, "principal")], fingerprint=b"")


@pytest.mark.parametrize("kind", ["", "two words", 'quote"', "comma,", "brace}", "line\n", "é", "9to5"])
def test_the_kind_of_an_event_is_one_plain_term(kind):
    with pytest.raises(ValueError, match="plain word"):
        new_books().record(1, kind, b"")
