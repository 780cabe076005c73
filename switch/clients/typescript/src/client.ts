/**
 * The client: send messages, learn their outcome, follow events.
 *
 * The UETR is made before anything is sent, and a retry sends the same bytes again, so no network failure can pay
 * twice. `NoAnswer` means that the outcome is unknown: read the payment, or send the same message again.
 */

import { ASKED, verifyAnswer } from "./answers.js";
import type { components } from "./description.js";
import type { Message } from "./messages.js";
import { NoAnswer, NotAllowed, NotAuthentic, type Problem, refusalOf, RequestRefused } from "./problems.js";
import { type Signer, sign, utf8 } from "./signing.js";
import { type Event, NotVerified } from "./webhooks.js";

export type Payment = components["schemas"]["Payment"];
type AnyMessage = { $type: string; Document: object };

/** Give a signing key or, in a sandbox, a bearer key. */
export interface ClientOptions {
  key?: Signer;
  bearer?: string;
  /** How often a request is tried; 5 by default. */
  tries?: number;
  /** The public keys of the switch (PEM) by key id. Then every answer must be signed; any other is no answer. */
  answerKeys?: Record<string, string>;
}

interface Request {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
  waitS: number;
  /** Whether a second one would be the same thing, and not a second thing. */
  repeated: boolean;
  /** Whether only an ISO 20022 message answers it: without one, its outcome is unknown. */
  message?: boolean;
}

interface Answer {
  status: number;
  mediaType: string;
  link: string;
  /** Seconds to wait before a repetition; 0 if it does not say. */
  statedS: number;
  text: string;
}

/** There was no response, and why. */
class Lost extends Error {}

const NOTHING = new Uint8Array(0);
const JSON_TYPE = "application/json";
const STREAM = "text/event-stream";
const PROBLEM = "application/problem+json";
const PAUSE_S = 0.2;
const PAUSE_S_MAX = 5;
const STATED_S_MAX = 10; // the longest pause that a response can ask for; more is for the caller to decide
const GRACE_S = 10;
const SILENCE_S = 45; // the switch sends a heartbeat every 15 s

/** A participant's connection to the switch. */
export class Client {
  private readonly tries: number;

  constructor(
    private readonly base: string,
    private readonly options: ClientOptions,
  ) {
    if ((options.key === undefined) === (options.bearer === undefined)) {
      throw new TypeError("give either a signing key or a bearer key");
    }
    this.tries = options.tries ?? 5;
  }

  /** Send one pacs.008, and wait up to `waitS` seconds for it to become final. A rejection is a status, no error. */
  async pay(message: Message<"pacs.008.001.08">, { waitS = 0 } = {}): Promise<{ uetr: string; status: string; reason?: string }> {
    const report = (await this.post(message, waitS)) as Message<"pacs.002.001.10">;
    const transaction = report.Document.FIToFIPmtStsRpt.TxInfAndSts?.[0];
    if (!transaction?.OrgnlUETR || !transaction.TxSts) throw new NoAnswer("the answer states no status", undefined);
    const reason = transaction.StsRsnInf?.[0]?.Rsn as { Cd?: string } | undefined;
    const found = { uetr: transaction.OrgnlUETR, status: transaction.TxSts };
    return reason?.Cd ? { ...found, reason: reason.Cd } : found;
  }

  /** Send any other message; get the message that answers it. */
  send(message: AnyMessage): Promise<AnyMessage> {
    return this.post(message, 0);
  }

  /** Read a payment with its history; wait up to `waitS` seconds for it to become final. */
  async payment(uetr: string, { waitS = 0 } = {}): Promise<Payment> {
    const query = waitS ? { wait: String(waitS) } : {};
    return (await this.json(this.reading(`payments/${uetr}`, query, waitS))) as Payment;
  }

  /** Wait until a payment is final, or `withinS` seconds are over. */
  async wait(uetr: string, withinS: number): Promise<Payment> {
    const ends = Date.now() + withinS * 1000;
    for (;;) {
      const leftS = Math.max(0, Math.min(20, Math.round((ends - Date.now()) / 1000)));
      const found = await this.payment(uetr, { waitS: leftS });
      if (found.final || Date.now() >= ends) return found;
    }
  }

  /** Read any other resource under `/v1`, such as `rails`. */
  read(resource: string, query: Record<string, string> = {}): Promise<unknown> {
    return this.json(this.reading(resource, query, 0));
  }

  /** Read every entry of a list under `/v1`, page after page. */
  async *entries(resource: string, query: Record<string, string> = {}): AsyncGenerator<unknown> {
    let request: Request | undefined = this.reading(resource, query, 0);
    while (request !== undefined) {
      const answer: Answer = await this.ask(request);
      const page: unknown[] | object = JSON.parse(answer.text); // a list, or an object with one: events, messages
      yield* (Array.isArray(page) ? page : Object.values(page).find(Array.isArray)) as unknown[];
      const next: string | undefined = /<([^>]+)>;\s*rel="next"/.exec(answer.link)?.[1];
      const url: URL | undefined = next === undefined ? undefined : new URL(next, request.url);
      request = url?.origin === request.url.origin ? { ...request, url } : undefined;
    }
  }

  /** Change a resource that is not a message. A POST is sent once: look before you repeat it. */
  change(method: "POST" | "PUT" | "PATCH" | "DELETE", resource: string, content?: object): Promise<unknown> {
    const body = content === undefined ? NOTHING : utf8(JSON.stringify(content));
    const headers: Record<string, string> = body.length ? { "Content-Type": JSON_TYPE } : {};
    const repeated = method !== "POST";
    return this.json({ method, url: this.url(resource, {}), headers: { Accept: JSON_TYPE, ...headers }, body, waitS: 0, repeated });
  }

  /** Follow events after a cursor, for ever; a broken stream is resumed without a gap. Keep the id of the last one. */
  async *events(after = 0): AsyncGenerator<Event> {
    let [last, failures] = [String(after), 0];
    for (;;) {
      const headers = { Accept: STREAM, "Last-Event-ID": last };
      const request = { method: "GET", url: this.url("events", {}), headers, body: NOTHING, waitS: 0, repeated: true };
      let [failure, refusal]: [string, RequestRefused | undefined] = ["the stream ended", undefined];
      let stated = 0;
      try {
        const quiet = new Silence();
        const response = await sent(request, await this.proved(request), quiet.signal);
        const answer = mediaTypeOf(response) === STREAM ? undefined : (await answerOf(response))[0];
        refusal = answer && refusalIn(answer, STREAM);
        stated = answer?.statedS ?? 0;
        if (refusal !== undefined && !refusal.retryable) throw refusal;
        if (refusal !== undefined) failure = summary(refusal);
        else {
          failures = 0;
          for await (const event of eventsIn(response, quiet)) {
            last = event.id;
            yield event;
          }
        }
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        failure = error.message;
      }
      failures += 1;
      if (failures >= this.tries) throw new NoAnswer(`no stream in ${failures} tries: ${failure}`, refusal);
      await pause(failures, stated);
    }
  }

  private async post(message: AnyMessage, waitS: number): Promise<AnyMessage> {
    const headers: Record<string, string> = { "Content-Type": JSON_TYPE, Accept: JSON_TYPE };
    if (waitS) headers["Prefer"] = `wait=${waitS}`;
    const url = this.url(`iso20022/${message.$type.slice(0, 8)}`, {});
    const body = utf8(JSON.stringify(message));
    return (await this.json({ method: "POST", url, headers, body, waitS, repeated: true, message: true })) as AnyMessage;
  }

  private reading(resource: string, query: Record<string, string>, waitS: number): Request {
    const url = this.url(resource, query);
    return { method: "GET", url, headers: { Accept: JSON_TYPE }, body: NOTHING, waitS, repeated: true };
  }

  private url(resource: string, query: Record<string, string>): URL {
    const url = new URL(`${this.base.replace(/\/$/, "")}/v1/${resource}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  private async json(request: Request): Promise<unknown> {
    const { text } = await this.ask(request);
    return text ? JSON.parse(text) : undefined;
  }

  /** Send a request, and repeat it unchanged until a response is conclusive. */
  private async ask(request: Request): Promise<Answer> {
    const tries = request.repeated ? this.tries : 1;
    let [failure, last]: [string, RequestRefused | undefined] = ["", undefined];
    let stated = 0;
    for (let attempt = 0; attempt < tries; attempt++) {
      if (attempt) await pause(attempt, stated);
      stated = 0;
      try {
        const signal = AbortSignal.timeout((request.waitS + GRACE_S) * 1000);
        const answer = await this.answered(request, signal);
        const broken = request.message && !isMessage(answer.text) ? new RequestRefused(answer.status, undefined) : undefined;
        const refusal = refusalIn(answer, JSON_TYPE) ?? broken;
        if (refusal === undefined) return answer;
        // Not let in now, or no answer of the switch: this decides nothing about an earlier try, which may have been accepted.
        const notNow = refusal instanceof NotAuthentic || refusal instanceof NotAllowed || refusal.problem === undefined;
        const isSuccess = refusal.status >= 200 && refusal.status < 300; // of a proxy, or broken
        if (!refusal.retryable && !isSuccess && !(failure !== "" && notNow)) throw refusal;
        [failure, last, stated] = [summary(refusal), refusal, answer.statedS];
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        [failure, last] = [error.message, undefined];
      }
    }
    throw new NoAnswer(`no response in ${tries === 1 ? "1 try" : `${tries} tries`}: ${failure}`, last);
  }

  /** One try. An answer that must be signed and is not tells nothing: the outcome is unknown. */
  private async answered(request: Request, signal: AbortSignal): Promise<Answer> {
    const { answerKeys } = this.options;
    const asked = answerKeys === undefined ? {} : { "Accept-Signature": ASKED };
    const headers = { ...(await this.proved(request)), ...asked };
    const response = await sent(request, headers, signal);
    const [answer, body] = await answerOf(response);
    if (answerKeys === undefined) return answer;
    try {
      await verifyAnswer(answerKeys, { ...request, sent: headers, status: response.status, headers: response.headers, body });
    } catch (error) {
      throw error instanceof NotVerified ? new Lost(error.message) : error;
    }
    return answer;
  }

  /** The headers of one try. Every try is signed anew, because a nonce is used once. */
  private async proved(request: Request): Promise<Record<string, string>> {
    if (this.options.key === undefined) return { ...request.headers, Authorization: `Bearer ${this.options.bearer}` };
    const [now, nonce] = [Math.floor(Date.now() / 1000), crypto.randomUUID()];
    return { ...request.headers, ...(await sign(this.options.key, { ...request, now, nonce })) };
  }
}

/** Ends a connection that is silent for too long. */
class Silence {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  readonly signal = this.controller.signal;

  constructor() {
    this.heard();
  }

  heard(): void {
    this.end();
    this.timer = setTimeout(() => this.controller.abort(new TypeError("silence")), SILENCE_S * 1000);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

async function* eventsIn(response: Response, quiet: Silence): AsyncGenerator<Event> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw new Lost("the connection was lost");
      });
      if (done) return;
      quiet.heard();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = block.split("\n").filter((line) => line.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n")) as Event;
      }
    }
  } finally {
    quiet.end();
    await reader.cancel().catch(() => undefined); // the reader of events has enough
  }
}

async function sent(request: Request, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const { method, url } = request;
  const content = request.body.length ? { body: request.body } : {};
  try {
    return await fetch(url, { method, headers, signal, redirect: "manual", ...content });
  } catch {
    throw new Lost(`no response of ${url.origin}`);
  }
}

/** A response that was read: what it says, and its bytes. */
async function answerOf(response: Response): Promise<[Answer, Uint8Array<ArrayBuffer>]> {
  const link = response.headers.get("link") ?? "";
  try {
    const body = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(body);
    return [{ status: response.status, mediaType: mediaTypeOf(response), link, statedS: statedS(response), text }, body];
  } catch {
    throw new Lost("the connection was lost");
  }
}

const mediaTypeOf = (response: Response): string =>
  (response.headers.get("content-type") ?? "").split(";")[0]?.trim() ?? "";

function refusalIn({ status, mediaType, text }: Answer, expected: string): RequestRefused | undefined {
  const document = mediaType === STREAM ? undefined : parsed(text);
  if (mediaType === PROBLEM && typeof document === "object" && document !== null) return refusalOf(status, document as Problem);
  const isWhole = mediaType !== JSON_TYPE || text === "" || document !== undefined;
  if ((mediaType === expected && isWhole) || (!mediaType && status >= 200 && status < 300)) return undefined;
  return new RequestRefused(status, undefined);
}

/** What a text in JSON says; undefined if it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const summary = (refusal: RequestRefused): string => `http ${refusal.status} ${refusal.type}`.trim();

function isMessage(text: string): boolean {
  return typeof (parsed(text) as AnyMessage | null | undefined)?.Document === "object";
}

/** The seconds to wait that a response states: `Retry-After-Ms`, which is finer, or `Retry-After`. */
function statedS(response: Response): number {
  for (const [name, unitS] of [["retry-after-ms", 0.001], ["retry-after", 1]] as const) {
    const text = response.headers.get(name) ?? "";
    if (/^\d+$/.test(text)) return Math.min(Number(text) * unitS, STATED_S_MAX);
  }
  return 0;
}

/** A pause of its own for each client, never shorter than stated, so that they do not all come back at once. */
function pause(failures: number, stated: number): Promise<void> {
  const seconds = stated + Math.min(PAUSE_S * 2 ** failures, PAUSE_S_MAX) * (0.5 + Math.random() / 2);
  return new Promise((done) => setTimeout(done, seconds * 1000));
}
