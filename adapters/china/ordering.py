"""The messages with which the simulated CNAPS orders payments of the switch, and reads its answers.

It writes its own ibps.101 and does not use what the adapter reads it with.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.china import codes, messages, sandbox
from adapters.china.messages import local, text_at, text_of
from adapters.china.text import element
from adapters.china.wire import (
    BEIJING,
    NPC,
    CnapsHeader,
    CnapsMessage,
    document,
    open_own,
    open_sealed,
    seal,
    with_broken_signature,
)
from adapters.port import Outcome
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from schemas.money import Money

_PAYER: Final = "\u738b\u5c0f\u660e"
_BRANCH: Final = "\u6c99\u76d2\u94f6\u884c"
_REMITTANCE: Final = "\u7ed9\u5bb6\u4eba"
_NUMBERS: Final = 10**8
_AMOUNT = re.compile(r'(<IntrBkSttlmAmt Ccy="CNY">)[^<]*')
_SAID: Final = {
    codes.PAID: Outcome.DONE,
    codes.PROCESSED: Outcome.DONE,
    codes.REJECTED: Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True)
class CnapsOrders:
    """See `OrderMessages`."""

    member: str
    """The switch's CNAPS code."""
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payer: str = sandbox.account("").other or ""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: ibps.101 of the payer's bank."""
        ref = _id(wish.made_at, wish.id)
        at, clock = local(wish.made_at), wish.expires_at.astimezone(BEIJING).strftime("%H:%M:%S.%f")[:-3]
        coded = [f"/BENB/{wish.bank}", wish.member and f"/BENM/{wish.member}", "/PURP/FAMI"]
        coded.append(wish.quote and f"/QTID/{wish.quote}")
        content = (
            f"<FIToFICstmrCdtTrf><GrpHdr><MsgId>{ref}</MsgId><CreDtTm>{at}</CreDtTm>"
            f"<BtchBookg>false</BtchBookg><NbOfTxs>1</NbOfTxs><IntrBkSttlmDt>{at[:10]}</IntrBkSttlmDt>"
            "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr><CdtTrfTxInf>"
            f"<PmtId><EndToEndId>{ref[-20:]}</EndToEndId><TxId>{ref}</TxId></PmtId>"
            "<PmtTpInf><InstrPrty>NORM</InstrPrty><CtgyPurp><Prtry>C200</Prtry></CtgyPurp></PmtTpInf>"
            f'<IntrBkSttlmAmt Ccy="CNY">{wish.amount.text}</IntrBkSttlmAmt>'
            f"<SttlmTmReq><RjctTm>{clock}</RjctTm></SttlmTmReq>"
            f"<AccptncDtTm>{at}</AccptncDtTm><ChrgBr>DEBT</ChrgBr>"
            f"<Dbtr><Nm>{_PAYER}</Nm><CtctDtls><EmailAdr></EmailAdr></CtctDtls></Dbtr>"
            f"<DbtrAcct><Id><Othr><Id>{self.payer}</Id><Issr>{_BRANCH}</Issr></Othr></Id>"
            f"<Tp><Prtry>AT00</Prtry></Tp></DbtrAcct>{_agent('DbtrAgt', sandbox.BANK)}"
            f"{_agent('CdtrAgt', self.member)}<Cdtr>{element('Nm', wish.payee)}</Cdtr>"
            f"<CdtrAcct><Id><Othr>{element('Id', wish.account)}</Othr></Id></CdtrAcct>"
            f"<Purp><Prtry>02001</Prtry></Purp>"
            f"<RmtInf>{''.join(element('Ustrd', line) for line in (_REMITTANCE, *coded))}</RmtInf>"
            "</CdtTrfTxInf></FIToFICstmrCdtTrf>"
        )
        body = document(messages.PACS_008, content)
        header = self._header(messages.ORDER, sandbox.BANK, wish.made_at, ref[-20:])
        return ref, seal(header, body, self.rail_key)

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        header, _, rest = order.partition(b"\r\n")
        unsigned = re.sub(r"<EmailAdr>[^<]*", "<EmailAdr>", rest.decode())
        body = _AMOUNT.sub(rf"\g<1>{amount.text}", unsigned)
        return seal(CnapsHeader.of(header), body, self.rail_key)

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_signature(order)

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: ibps.305."""
        now, ref = datetime.now(UTC), _ref(open_own(order))
        identity = _id(now, uuid4().hex)
        content = (
            f"<TxStsReq>{messages.own_group(identity, now)}<InstgPty>{sandbox.BANK}</InstgPty>"
            f"<InstdPty>{self.member}</InstdPty><OrgnlMsgInf><OrgnlSndrId>{sandbox.BANK}</OrgnlSndrId>"
            f"<OrgnlMsgId>{ref}</OrgnlMsgId></OrgnlMsgInf><DgtSgntr></DgtSgntr></TxStsReq>"
        )
        header = self._header(messages.STATUS_REQUEST, NPC, now, identity[-20:])
        return seal(header, document(messages.OWN + messages.STATUS_REQUEST, content), self.rail_key)

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: ibps.307."""
        now, original = datetime.now(UTC), open_own(order)
        ref, identity = _ref(original), _id(now, uuid4().hex)
        amount = text_of(original.root, "CdtTrfTxInf/IntrBkSttlmAmt")
        reference = text_of(original.root, "CdtTrfTxInf/PmtId/EndToEndId")
        agent = "<Agt><FinInstnId><ClrSysMmbId><MmbId>{}</MmbId></ClrSysMmbId></FinInstnId></Agt>"
        content = (
            f"<FIToFIPmtCxlReq><Assgnmt><Id>{identity}</Id><Assgnr>{agent.format(sandbox.BANK)}</Assgnr>"
            f"<Assgne>{agent.format(self.member)}</Assgne><CreDtTm>{local(now)}</CreDtTm></Assgnmt>"
            f"<Case><Id>{identity}</Id><Cretr><Pty><Nm>{_BRANCH}</Nm>"
            "<CtctDtls><EmailAdr></EmailAdr></CtctDtls></Pty></Cretr></Case>"
            f"<Undrlyg><TxInf><CxlId>{identity}</CxlId><OrgnlGrpInf><OrgnlMsgId>{ref}</OrgnlMsgId>"
            f"<OrgnlMsgNmId>{messages.ORDER}</OrgnlMsgNmId></OrgnlGrpInf>"
            f"<OrgnlEndToEndId>{reference}</OrgnlEndToEndId><OrgnlTxId>{ref}</OrgnlTxId>"
            f'<OrgnlIntrBkSttlmAmt Ccy="CNY">{amount}</OrgnlIntrBkSttlmAmt>'
            "<CxlRsnInf><Rsn><Prtry>CUST</Prtry></Rsn></CxlRsnInf></TxInf></Undrlyg></FIToFIPmtCxlReq>"
        )
        header = self._header(messages.CANCELLATION, sandbox.BANK, now, identity[-20:])
        return seal(header, document(messages.CAMT_056, content), self.rail_key)

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: ibps.309."""
        now = datetime.now(UTC)
        identity = _id(now, uuid4().hex)
        remarks = f"/BENB/{wish.bank}/AMT/{wish.amount.currency}{wish.amount.text}/PURP/FAMI"
        content = (
            f"<AthtctnAcctInfReq>{messages.own_group(identity, now)}<InstgPty>{sandbox.BANK}</InstgPty>"
            f"<InstdPty>{self.member}</InstdPty><QryInf>{element('Acct', wish.account)}"
            f"<AcctTp>AT00</AcctTp></QryInf>{element('RmkInf', remarks)}<DgtSgntr></DgtSgntr>"
            "</AthtctnAcctInfReq>"
        )
        header = self._header(messages.ACCOUNT_REQUEST, sandbox.BANK, now, identity[-20:])
        return seal(header, document(messages.OWN + messages.ACCOUNT_REQUEST, content), self.rail_key)

    def read_payee(self, status: int, raw: bytes) -> str | None:  # noqa: ARG002 - the message says it
        """See `OrderMessages.read_payee`: ibps.310."""
        root = open_sealed(raw, self.participant_key).root
        return text_at(root, "QryRslt/AcctRslt/DbtAcct/Ntry/TpNm") or None

    def read_quote(self, raw: bytes) -> str:
        """See `QuotingMessages.read_quote`: `/QTID/`."""
        remarks = text_at(open_sealed(raw, self.participant_key).root, "RmkInf")
        return messages.remarks(remarks).get("QTID", "")

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: ibps.102, ibps.306 or ibps.308; a ccms.990 is a receipt."""
        message = open_sealed(raw, self.participant_key)
        kind, root = message.header.kind, message.root
        if kind == messages.COMMUNICATED:
            return None
        if kind == messages.STATUS_ANSWER:
            ref = text_of(root, "RspsnInf/OrgnlMsgInf/OrgnlMsgId")
            if text_of(root, "RspsnInf/ProcCd") == codes.NOT_FOUND:
                return SwitchSaid(ref, Outcome.NOT_FOUND, codes.NOT_FOUND)
            outcome = _SAID.get(text_of(root, "RspsnInf/ProcSts"), Outcome.PENDING)
            return SwitchSaid(ref, outcome, text_at(root, "RspsnInf/PtyProcCd"))
        outcome = _SAID.get(text_of(root, "TxInfAndSts/StsId"), Outcome.PENDING)
        code = text_at(root, "TxInfAndSts/StsRsnInf/Rsn/Prtry")
        reversal = kind == messages.CANCELLATION_ANSWER
        return SwitchSaid(text_of(root, "TxInfAndSts/OrgnlTxId"), outcome, code, reversal=reversal)

    def _header(self, kind: str, sender: str, at: datetime, identity: str) -> CnapsHeader:
        return CnapsHeader(sender, self.member, at, kind, identity, identity, "D")


def _id(at: datetime, of: str) -> str:
    """28 digits: the payer's bank, the day, and a number that is made of 32 hexadecimal digits."""
    return messages.transaction_id(sandbox.BANK, at, int(of, 16) % _NUMBERS)


def _ref(order: CnapsMessage) -> str:
    return text_of(order.root, "CdtTrfTxInf/PmtId/TxId")


def _agent(tag: str, bank: str) -> str:
    return (
        f"<{tag}><FinInstnId><ClrSysMmbId><MmbId>{bank}</MmbId></ClrSysMmbId></FinInstnId>"
        f"<BrnchId><Id>{bank}</Id></BrnchId></{tag}>"
    )
