"""What the writer answers: one enum, one text each, and every outcome of the ledger among them."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from ledger.books import LedgerVerdict
from switch.pages.language import Language
from switch.writer.commands import Frame, Reply, frame_decoder
from switch.writer.verdicts import OF_LEDGER, TEXTS, Verdict


@pytest.mark.parametrize("verdict", list(LedgerVerdict))
def test_the_writer_answers_an_outcome_of_the_ledger_by_its_name(verdict: LedgerVerdict) -> None:
    assert OF_LEDGER[verdict].value == verdict.value


@pytest.mark.parametrize("verdict", list(Verdict))
def test_people_read_a_text_and_never_a_name_with_underscores(verdict: Verdict) -> None:
    assert verdict.text
    assert "_" not in verdict.text


def test_no_text_is_left_over() -> None:
    assert set(TEXTS) == set(Verdict)


def test_a_verdict_comes_over_the_socket_as_the_member_itself() -> None:
    frame = msgspec.msgpack.encode(Frame([(1, Reply(Verdict.CAP_EXCEEDED))], []))

    assert frame_decoder.decode(frame).replies[0][1].verdict is Verdict.CAP_EXCEEDED


def test_a_notification_without_a_verdict_is_not_decoded() -> None:
    frame = msgspec.msgpack.encode([[[1, ["cap exceeded"]]], []])

    with pytest.raises(msgspec.ValidationError):
        frame_decoder.decode(frame)


def test_a_text_before_a_verdict_is_translated_with_it() -> None:
    russian = Language("ru", ZoneInfo("UTC"))

    said = russian.detail(f"the cap cannot be set: {Verdict.CAP_BELOW_EXPOSURE.text}")

    assert said == "лимит не может быть установлен: лимит был бы ниже текущего использования"
