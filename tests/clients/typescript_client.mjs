// What the built TypeScript client does on a sandbox and against a server of the test; prints what it saw, as JSON.
import { pathToFileURL } from "node:url";

const [folder, plan] = [process.argv[2], JSON.parse(process.argv[3])];
const client = await import(pathToFileURL(`${folder}/dist/index.js`));
const { Client, SigningKey } = client;

const of = async ({ keyid, private_key }) =>
  new Client(plan.url, { key: await SigningKey.fromPem(keyid, private_key), tries: 3 });

async function failure(action) {
  try {
    return await action();
  } catch (error) {
    return { name: error.name, message: error.message, status: error.status, type: error.type };
  }
}

const transfer = {
  debtorAgent: plan.asha?.bic, debtor: "Asha Rao", debtorAccount: "50100012345678",
  creditorAgent: plan.indus?.bic, creditor: "Bilal Khan", creditorAccount: "PK60SAND0000000000000001",
  ...(plan.indus?.member_id ? { creditorAgentMember: plan.indus.member_id } : {}),
  amount: "100.00", currency: "INR", purpose: "FAMI", remittance: "invoice 7",
};

const jobs = {
  /** Pay, ask, recall, refuse the recall, return; verify an account; request a payment, and answer it. */
  async messages() {
    const [asha, indus] = [await of(plan.asha), await of(plan.indus)];
    const { next } = await asha.read("events", { limit: "1000" });
    const message = client.creditTransfer(transfer);
    const first = await asha.pay(message, { waitS: 20 });
    const again = await asha.pay(message, { waitS: 20 });
    const payment = await indus.payment(first.uetr);
    const [there, back] = [
      { fromAgent: plan.asha.bic, toAgent: plan.indus.bic },
      { fromAgent: plan.indus.bic, toAgent: plan.asha.bic },
    ];
    const wish = client.requestToPay({
      creditorAgent: plan.indus?.bic, creditor: "Bilal Khan", creditorAccount: "PK60SAND0000000000000001",
      debtorAgent: plan.asha.bic, debtor: "Asha Rao", amount: "100.00", currency: "INR", endToEndId: "INVOICE-8",
    });
    const ask = client.investigation(first.uetr, { type: "RQFI", reason: "PURP" }, there);
    const wishId = wish.Document.CdtrPmtActvtnReq.GrpHdr.MsgId;
    const answers = [];
    for (const [who, what] of [
      [asha, client.statusRequest(first.uetr)],
      [asha, client.recall(first.uetr, there)],
      [indus, client.recallRefusal(first.uetr, back, "AC04")],
      [asha, ask],
      [indus, client.investigationAnswer(ask, { text: "for goods" })],
      [indus, client.paymentReturn(first.uetr, payment.credited_amount, "AC04")],
      [asha, client.verification({ account: "PK60SAND0000000000000001", name: "Bilal Khan" }, there)],
      [indus, wish],
      [asha, client.requestToPayAnswer(wishId, "ACCP", { name: "Asha Bank", creditorAgent: plan.indus.bic })],
      [asha, client.accountsRequest()],
    ]) answers.push((await who.send(what)).$type.slice(0, 8));
    const types = [];
    for await (const event of asha.events(Math.max(0, next))) {
      if (event.subject === first.uetr) types.push(event.type);
      if (event.type === "payment.returned" && event.subject === first.uetr) break;
    }
    const rails = [];
    for await (const rail of asha.entries("rails", { limit: "1" })) rails.push(rail.country);
    const letters = [];
    for await (const letter of asha.entries("messages", { limit: "1" })) letters.push(letter.seq);
    const returned = (await asha.wait(first.uetr, 20)).returned;
    const quote = await asha.change("POST", "quotes", {
      creditor_agent: plan.indus.bic, amount: "3000.00", currency: "PKR", fixed: "destination", purpose: "FAMI",
    });
    const terms = { ...quote.interbank_settlement_amount, quote: quote.id };
    const quoted = await asha.pay(client.creditTransfer({ ...transfer, ...terms }), { waitS: 20 });
    const { used_by: usedBy } = await asha.read(`quotes/${quote.id}`);
    return { first, again, answers, types, rails, letters, returned, quoted, usedBy };
  },

  /** Another bank pays with its key on P-256. */
  async es256() {
    const payer = await of(plan.payer);
    return payer.read("positions");
  },

  async problems() {
    const asha = await of(plan.asha);
    const stranger = new Client(plan.url, { bearer: "sk_test_nobody" });
    return {
      unknown: await failure(() => asha.payment("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7")),
      stranger: await failure(() => stranger.read("rails")),
      invalid: await failure(() => asha.send({ $type: "pacs.028.001.03", Document: {} })),
      amount: await failure(() => client.creditTransfer({ ...transfer, amount: "1,000" })),
      cursor: await failure(async () => { for await (const _ of asha.events(2 ** 50)) break; }),
      kinds: Object.keys(client.KINDS),
    };
  },

  /** A server that cuts and refuses before it answers: the same bytes, each time newly signed. */
  async retries() {
    const asha = await of({ ...plan.asha });
    return [
      await asha.pay(client.creditTransfer(transfer), { waitS: 1 }),
      await asha.pay(client.creditTransfer(transfer)),
      await failure(() => asha.change("POST", "webhooks", { url: "https://bank.example" })),
      await failure(() => asha.read("rails")),
      await (async () => {
        const began = Date.now();
        await failure(() => asha.read("rails"));
        return Date.now() - began;
      })(),
    ];
  },

  /** A sandbox that signs its answers, and one whose answers are not by the known key. */
  async answers() {
    const key = await SigningKey.fromPem(plan.asha.keyid, plan.asha.private_key);
    const vectors = [];
    for (const { url, headers, body, ...answer } of plan.vectors) {
      const verified = client.verifyAnswer(plan.test_keys, {
        ...answer, url: new URL(url), headers: new Headers(headers), body: new TextEncoder().encode(body),
      });
      vectors.push(await failure(async () => { await verified; return "verified"; }));
    }
    const [known, other] = [plan.keys, plan.wrong].map((answerKeys) => new Client(plan.url, { key, tries: 2, answerKeys }));
    return {
      vectors,
      paid: (await known.pay(client.creditTransfer(transfer), { waitS: 20 })).status,
      positions: (await known.read("positions", { limit: "1" })).length,
      unknown: await failure(() => known.payment("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7")),
      other: await failure(() => other.read("positions")),
    };
  },

  async webhooks() {
    const found = [];
    for (const [headers, body, keys] of plan.deliveries) {
      found.push(await failure(async () => (await client.verifyWebhook(headers, body, keys)).type));
    }
    return found;
  },
};

process.stdout.write(JSON.stringify(await jobs[plan.job]()));
process.exit(0);
