/**
 * Build the messages that a participant sends, as ISO 20022 in JSON.
 *
 * Each function makes new ids. Keep the message until you have its answer: a repetition must be the same bytes.
 */

import type { components } from "./description.js";

/** A message and its version: `Message<"pacs.008.001.08">`. */
export type Message<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** An amount as decimal text. */
export interface Money {
  amount: string;
  currency: string;
}

/** Who asks whom: BICs. */
export interface Agents {
  fromAgent: string;
  toAgent: string;
}

/** A customer credit transfer: agents are BICs, accounts an IBAN, another number, or a proxy such as `asha@okbank`. */
export interface Transfer extends Money {
  debtorAgent: string;
  debtor: string;
  debtorAccount: string;
  creditorAgent: string;
  /** The agent's id in the clearing system of its country, which some rails also need. */
  creditorAgentMember?: string;
  creditor: string;
  creditorAccount: string;
  /** An ISO purpose code, which some countries require. */
  purpose?: string;
  /** At most 140 characters. */
  remittance?: string;
  /** Id of a firm quote (`POST /v1/quotes`): its `interbank_settlement_amount` is the amount, its purpose the purpose. */
  quote?: string;
  uetr?: string;
}

/** A request to pay; agents are BICs. */
export interface Wish extends Money {
  creditorAgent: string;
  creditor: string;
  creditorAccount: string;
  debtorAgent: string;
  debtor: string;
  endToEndId: string;
}

const SETTLEMENT = { SttlmMtd: "CLRG" as const, ClrSys: { Prtry: "PAYSWITCH" } };

/** Make a pacs.008: one customer credit transfer. Keep it until the payment is final. */
export function creditTransfer(transfer: Transfer): Message<"pacs.008.001.08"> {
  const uetr = transfer.uetr ?? crypto.randomUUID();
  const id = uetr.replaceAll("-", "");
  const now = instant();
  return {
    $type: "pacs.008.001.08",
    Document: {
      FIToFICstmrCdtTrf: {
        GrpHdr: { MsgId: id, CreDtTm: now, NbOfTxs: "1", SttlmInf: SETTLEMENT },
        CdtTrfTxInf: [
          {
            PmtId: { EndToEndId: id, TxId: id, UETR: uetr },
            IntrBkSttlmAmt: money(transfer),
            IntrBkSttlmDt: now.slice(0, 10),
            AccptncDtTm: now,
            ChrgBr: "SLEV",
            Dbtr: { Nm: transfer.debtor },
            DbtrAcct: account(transfer.debtorAccount),
            DbtrAgt: agent(transfer.debtorAgent),
            CdtrAgt: agent(transfer.creditorAgent, transfer.creditorAgentMember),
            Cdtr: { Nm: transfer.creditor },
            CdtrAcct: account(transfer.creditorAccount),
            ...(transfer.quote ? { InstrForNxtAgt: [{ InstrInf: `/QTID/${transfer.quote}` }] } : {}),
            ...(transfer.purpose ? { Purp: code(transfer.purpose) } : {}),
            ...(transfer.remittance ? { RmtInf: { Ustrd: [transfer.remittance] } } : {}),
          },
        ],
      },
    },
  };
}

/** Make a pacs.028: request the status of a payment. The answer is a pacs.002. */
export function statusRequest(uetr: string): Message<"pacs.028.001.03"> {
  const content = { GrpHdr: { MsgId: reference(), CreDtTm: instant() }, TxInf: [{ OrgnlUETR: uetr }] };
  return { $type: "pacs.028.001.03", Document: { FIToFIPmtStsReq: content } };
}

/** Make a pacs.004: return a payment that was credited to a customer of yours, in full. */
export function paymentReturn(uetr: string, credited: Money, reason: string): Message<"pacs.004.001.09"> {
  const now = instant();
  return {
    $type: "pacs.004.001.09",
    Document: {
      PmtRtr: {
        GrpHdr: { MsgId: reference(), CreDtTm: now, NbOfTxs: "1", SttlmInf: SETTLEMENT },
        TxInf: [
          {
            RtrId: reference(),
            OrgnlUETR: uetr,
            RtrdIntrBkSttlmAmt: money(credited),
            IntrBkSttlmDt: now.slice(0, 10),
            RtrRsnInf: [{ Rsn: code(reason) }],
          },
        ],
      },
    },
  };
}

/** Make a camt.056: request the cancellation of a payment of yours. The answer is a camt.029. */
export function recall(uetr: string, agents: Agents, reason = "CUST"): Message<"camt.056.001.08"> {
  const underlying = { TxInf: [{ OrgnlUETR: uetr, CxlRsnInf: [{ Rsn: code(reason) }] }] };
  const content = { Assgnmt: { Id: reference(), ...assignment(agents) }, Undrlyg: [underlying] };
  return { $type: "camt.056.001.08", Document: { FIToFIPmtCxlReq: content } };
}

/** Make a camt.029: refuse a request for cancellation. To agree, send a `paymentReturn`. */
export function recallRefusal(uetr: string, agents: Agents, reason: string): Message<"camt.029.001.09"> {
  const details = { TxInfAndSts: [{ OrgnlUETR: uetr, CxlStsRsnInf: [{ Rsn: code(reason) }] }] };
  const content = {
    Assgnmt: { Id: reference(), ...assignment(agents) },
    Sts: { Conf: "RJCR" },
    CxlDtls: [details],
  };
  return { $type: "camt.029.001.09", Document: { RsltnOfInvstgtn: content } };
}

/** A question about a payment: its type (`RQFI`), its reason (`PURP`); of reason `NARR`, `text` is the question. */
export interface Question {
  type: string;
  reason: string;
  text?: string;
}

/** An answer: a text, a reason (`NOAD`), or both. */
export interface Reply {
  status?: string;
  reason?: string;
  text?: string;
}

/** Make a camt.110: ask about a payment of yours. The answer is a camt.111. */
export function investigation(uetr: string, question: Question, agents: Agents): Message<"camt.110.001.01"> {
  const id = reference();
  const asked = {
    MsgId: id,
    RqstrInvstgtnId: id,
    InvstgtnTp: { Cd: question.type },
    Undrlyg: { IntrBk: { OrgnlUETR: uetr } },
    Rqstr: { Agt: agent(agents.fromAgent) },
    Rspndr: { Agt: agent(agents.toAgent) },
  };
  const data = { Rsn: { Cd: question.reason }, ...(question.text && { AddtlReqData: { ReqNrrtv: question.text } }) };
  return { $type: "camt.110.001.01", Document: { InvstgtnReq: { InvstgtnReq: asked, InvstgtnData: [data] } } };
}

/** Make a camt.111: answer a camt.110 that you have received. */
export function investigationAnswer(question: Message<"camt.110.001.01">, reply: Reply): Message<"camt.111.001.02"> {
  const { MsgId, RqstrInvstgtnId, InvstgtnTp, Undrlyg, Rqstr, Rspndr } = question.Document.InvstgtnReq.InvstgtnReq;
  const said = {
    MsgId: reference(),
    InvstgtnSts: { Sts: reply.status ?? "CLSD", ...(reply.reason && { StsRsn: { Cd: reply.reason } }) },
    ...(reply.text && { InvstgtnData: [{ RspnData: { RspnNrrtv: reply.text } }] }),
  };
  const original = { MsgId, ...(RqstrInvstgtnId && { RqstrInvstgtnId }), InvstgtnTp, Undrlyg, Rqstr, Rspndr };
  return { $type: "camt.111.001.02", Document: { InvstgtnRspn: { InvstgtnRspn: said, OrgnlInvstgtnReq: original } } };
}

/** Make an acmt.023: verify the holder of an account or alias. The answer is an acmt.024. */
export function verification(holder: { account: string; name: string }, agents: Agents): Message<"acmt.023.001.03"> {
  const subject = { Pty: { Nm: holder.name }, Acct: account(holder.account), Agt: agent(agents.toAgent) };
  const content = {
    Assgnmt: { MsgId: reference(), ...assignment(agents) },
    Vrfctn: [{ Id: "1", PtyAndAcctId: subject }],
  };
  return { $type: "acmt.023.001.03", Document: { IdVrfctnReq: content } };
}

/** Make a pain.013: request a payment from a customer of another bank. The answer is a pain.014. */
export function requestToPay(wish: Wish): Message<"pain.013.001.07"> {
  const now = instant();
  return {
    $type: "pain.013.001.07",
    Document: {
      CdtrPmtActvtnReq: {
        GrpHdr: {
          // Begins with the BIC: the id of a request is unique only for its sender.
          MsgId: `${wish.creditorAgent}-${reference()}`.slice(0, 35),
          CreDtTm: now,
          NbOfTxs: "1",
          InitgPty: { Nm: wish.creditor },
        },
        PmtInf: [
          {
            PmtMtd: "TRF",
            ReqdExctnDt: { Dt: now.slice(0, 10) },
            Dbtr: { Nm: wish.debtor },
            DbtrAgt: agent(wish.debtorAgent),
            CdtTrfTx: [
              {
                PmtId: { EndToEndId: wish.endToEndId },
                Amt: { InstdAmt: money(wish) },
                ChrgBr: "SLEV",
                CdtrAgt: agent(wish.creditorAgent),
                Cdtr: { Nm: wish.creditor },
                CdtrAcct: account(wish.creditorAccount),
              },
            ],
          },
        ],
      },
    },
  };
}

/** Make a pain.014: accept (`ACCP`) or refuse (`RJCT`) the request to pay with this message id. */
export function requestToPayAnswer(
  messageId: string,
  status: "ACCP" | "RJCT",
  responder: { name: string; creditorAgent?: string },
): Message<"pain.014.001.07"> {
  const to = responder.creditorAgent ? { CdtrAgt: agent(responder.creditorAgent) } : {};
  const content = {
    GrpHdr: { MsgId: reference(), CreDtTm: instant(), InitgPty: { Nm: responder.name }, ...to },
    OrgnlGrpInfAndSts: { OrgnlMsgId: messageId, OrgnlMsgNmId: "pain.013.001.07", GrpSts: status },
  };
  return { $type: "pain.014.001.07", Document: { CdtrPmtActvtnReqStsRpt: content } };
}

/** Make a camt.003: request the balances of your own accounts. The answer is a camt.004. */
export function accountsRequest(): Message<"camt.003.001.08"> {
  return { $type: "camt.003.001.08", Document: { GetAcct: { MsgHdr: { MsgId: reference() } } } };
}

function assignment({ fromAgent, toAgent }: Agents) {
  return { Assgnr: { Agt: agent(fromAgent) }, Assgne: { Agt: agent(toAgent) }, CreDtTm: instant() };
}

const reference = (): string => crypto.randomUUID().replaceAll("-", "");
const instant = (): string => new Date().toISOString().replace("Z", "+00:00");

function money({ amount, currency }: Money) {
  if (!/^(?=.*[1-9])\d{1,15}(\.\d{1,3})?$/.test(amount)) {
    throw new RangeError("an amount is a plain decimal number above zero, such as 1500.00");
  }
  return { Ccy: currency, Amt: amount };
}

const code = (text: string) => (/^[A-Z0-9]{4}$/.test(text) ? { Cd: text } : { Prtry: text });

function agent(bic: string, member?: string) {
  return { FinInstnId: { BICFI: bic, ...(member ? { ClrSysMmbId: { MmbId: member } } : {}) } };
}

function account(text: string) {
  if (/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return { Id: { IBAN: text } };
  // Version .08 requires an identification with every proxy.
  return { Id: { Othr: { Id: text } }, ...(text.includes("@") ? { Prxy: { Id: text } } : {}) };
}
