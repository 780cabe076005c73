/** Verify answers that the switch signed for the caller: the profile of docs/reference/signatures.md. */

import { contentDigest, fromBase64, fromPem, utf8 } from "./signing.js";
import { NotVerified } from "./webhooks.js";

/** The header `Accept-Signature` of a request whose answer must be signed. */
export const ASKED =
  'sig=("@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "@query";req' +
  ' "content-digest";req "signature";req);tag="payswitch-answer"';

const PARAMETERS = /^;created=\d{1,11};keyid="([a-z0-9-]{1,64})";tag="payswitch-answer"$/;
const SIGNATURE = /^sig=:([A-Za-z0-9+/]{86}==):$/;

/** An answer, and the request to which it was given. */
export interface Answered {
  method: string;
  url: URL;
  /** The headers of the request. */
  sent: Record<string, string>;
  status: number;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}

/** Verify that the switch gave this answer. `keys` are its public keys (PEM) by key id. Rejects with `NotVerified`. */
export async function verifyAnswer(keys: Record<string, string>, answer: Answered): Promise<void> {
  const { url } = answer;
  const sent = Object.fromEntries(Object.entries(answer.sent).map(([name, value]) => [name.toLowerCase(), value]));
  const components: Record<string, string> = {
    '"@status"': String(answer.status),
    '"content-digest"': await contentDigest(answer.body),
  };
  const mediaType = answer.headers.get("content-type");
  if (mediaType !== null) components['"content-type"'] = mediaType;
  components['"@method";req'] = answer.method;
  components['"@authority";req'] = url.host.toLowerCase();
  components['"@path";req'] = url.pathname;
  components['"@query";req'] = url.search || "?";
  for (const name of ["content-digest", "signature"]) {
    if (sent[name] !== undefined) components[`"${name}";req`] = sent[name];
  }
  const covered = `sig=(${Object.keys(components).join(" ")})`;
  const stated = answer.headers.get("signature-input") ?? "";
  const keyid = stated.startsWith(covered) ? PARAMETERS.exec(stated.slice(covered.length))?.[1] : undefined;
  const signature = SIGNATURE.exec(answer.headers.get("signature") ?? "")?.[1];
  if (keyid === undefined || signature === undefined) {
    throw new NotVerified("the answer has no signature over itself and the request");
  }
  const lines = Object.entries(components).map(([name, value]) => `${name}: ${value}`);
  const base = [...lines, `"@signature-params": ${stated.slice("sig=".length)}`].join("\n");
  if (!(await verifies(keys[keyid], fromBase64(signature), base))) {
    throw new NotVerified("no key of the switch verifies the answer");
  }
}

async function verifies(pem: string | undefined, signature: Uint8Array<ArrayBuffer>, base: string): Promise<boolean> {
  const der = pem === undefined ? undefined : fromPem("PUBLIC KEY", pem);
  if (der === undefined) return false;
  try {
    const key = await crypto.subtle.importKey("spki", der, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, utf8(base));
  } catch {
    return false; // no key of Ed25519
  }
}
