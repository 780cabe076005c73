/**
 * What a bank writes on types that were generated from the description: pay, page events, verify a webhook.
 *
 * `description.ts` comes from openapi-typescript, requests go through openapi-fetch, and `client/` is the source of
 * the client of the tree, which signs and verifies.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import createClient, { type Client, type Middleware } from "openapi-fetch";
import { SigningKey, sign } from "./client/signing.js";
import { verifyWebhook } from "./client/webhooks.js";
import type { components, paths } from "./description.js";

type Schemas = components["schemas"];
interface Plan {
  url: string;
  keyid: string;
  private_key: string;
  document: Schemas["pacs.008.001.08"];
}

/** Signs every request of openapi-fetch. */
function signature(key: SigningKey): Middleware {
  return {
    async onRequest({ request }) {
      const body = new Uint8Array(await request.clone().arrayBuffer());
      request.headers.set("Accept", "application/json");
      const added = await sign(key, {
        method: request.method,
        url: new URL(request.url),
        headers: Object.fromEntries(request.headers),
        body,
        now: Math.floor(Date.now() / 1000),
        nonce: randomUUID(),
      });
      for (const [name, value] of Object.entries(added)) request.headers.set(name, value);
      return request;
    },
  };
}

function present<T>(value: T | undefined, what: unknown): T {
  if (value === undefined) throw new Error(JSON.stringify(what));
  return value;
}

/** Send a payment and read it. */
async function paid(client: Client<paths>, document: Plan["document"]): Promise<Schemas["Payment"]> {
  const sent = await client.POST("/v1/iso20022/pacs.008", {
    params: { header: { Prefer: "wait=20" } },
    body: document,
  });
  const answer = present(sent.data, sent.error);
  if (typeof answer === "string" || answer.$type !== "pacs.002.001.10") throw new Error(JSON.stringify(answer));
  const transaction = present(answer.Document.FIToFIPmtStsRpt.TxInfAndSts?.[0], answer);
  if (transaction.TxSts !== "ACCC") throw new Error(JSON.stringify(transaction));
  const uetr = present(transaction.OrgnlUETR, transaction);
  const read = await client.GET("/v1/payments/{uetr}", { params: { path: { uetr } } });
  return present(read.data, read.error);
}

/** The pages of events after a cursor. */
async function* eventsSince(client: Client<paths>, after: number): AsyncGenerator<Schemas["EventPage"]> {
  for (;;) {
    const read = await client.GET("/v1/events", { params: { query: { after, limit: 2 } } });
    const page = present(read.data, read.error);
    if (typeof page === "string") throw new Error("not JSON");
    yield page;
    after = page.next;
    if (!page.more) return;
  }
}

interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
}

/** Add a webhook, have it tested, and verify what comes; the type of the event. */
async function delivered(client: Client<paths>): Promise<string> {
  let arrived: (delivery: Delivery) => void = () => {};
  const first = new Promise<Delivery>((resolve) => (arrived = resolve));
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      arrived({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const added = await client.POST("/v1/webhooks", { body: { url: `http://127.0.0.1:${port}/hook`, types: [] } });
  const { id } = present(added.data, added.error);
  const keys = await client.GET("/v1/webhook-keys");
  await client.POST("/v1/webhooks/{id}/test", { params: { path: { id } } });
  const { headers, body } = await first;
  const event = await verifyWebhook(
    Object.fromEntries(Object.entries(headers)),
    body,
    present(keys.data, keys.error).map((key) => key.public_key),
  );
  const removed = await client.DELETE("/v1/webhooks/{id}", { params: { path: { id } } });
  if (removed.response.status !== 204) throw new Error(JSON.stringify(removed.error));
  server.close();
  return event.type;
}

const plan = JSON.parse(process.argv[2] ?? "{}") as Plan;
const client = createClient<paths>({ baseUrl: plan.url });
client.use(signature(await SigningKey.fromPem(plan.keyid, plan.private_key)));

let cursor = 0;
for await (const page of eventsSince(client, 0)) cursor = page.next;
const payment = await paid(client, plan.document);
const pages: Schemas["Event"][][] = [];
for await (const page of eventsSince(client, cursor)) pages.push(page.events);
const unknown = await client.GET("/v1/payments/{uetr}", { params: { path: { uetr: randomUUID() } } });
console.log(
  JSON.stringify({
    state: payment.state,
    currency: payment.interbank_settlement_amount?.currency,
    pages: pages.length,
    types: pages.flat().filter((event) => event.subject === payment.uetr).map((event) => event.type),
    delivery: await delivered(client),
    unknown: unknown.error?.type,
  }),
);
process.exit(0);
