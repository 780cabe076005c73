/** Verify webhooks (Standard Webhooks): `v1a` with the switch's public key, or `v1` with a shared secret. */

import type { components } from "./description.js";
import { fromBase64, utf8 } from "./signing.js";

export type Event = components["schemas"]["Event"];

/** The delivery is not of the switch, was changed on its way, or is too old: answer with 400. */
export class NotVerified extends Error {
  override name = "NotVerified";
}

/** Options of `verifyWebhook`: how many seconds the clocks may differ, and now in seconds since 1970. */
export interface Tolerance {
  toleranceS?: number;
  now?: number;
}

/**
 * Verify a delivery and read its event.
 *
 * `headers` have names in any case; `body` is the text as it came: parse nothing before. `keys` are public keys
 * `whpk_...` or secrets `whsec_...`; during a rotation, the old and the new one. Rejects with `NotVerified`.
 */
export async function verifyWebhook(
  headers: Record<string, string | string[] | undefined>,
  body: string,
  keys: string | string[],
  { toleranceS = 300, now = Date.now() / 1000 }: Tolerance = {},
): Promise<Event> {
  const found = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const [id, stated, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => found[name]);
  if (typeof id !== "string" || typeof stated !== "string" || typeof signatures !== "string" || !/^\d+$/.test(stated)) {
    throw new NotVerified("a header of the signature is missing or malformed");
  }
  if (Math.abs(now - Number(stated)) > toleranceS) {
    throw new NotVerified("the time of the delivery is not now: check this machine's clock");
  }
  const signed = utf8(`${id}.${stated}.${body}`);
  for (const key of [keys].flat()) {
    for (const signature of signatures.split(" ")) {
      if (await verifies(key, signature, signed)) return JSON.parse(body) as Event;
    }
  }
  throw new NotVerified("no key verifies the signature");
}

async function verifies(key: string, signature: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const [version, text] = signature.split(",");
  try {
    const value = fromBase64(text ?? "");
    if (version === "v1a" && key.startsWith("whpk_")) {
      const bytes = fromBase64(key.slice("whpk_".length));
      const imported = await crypto.subtle.importKey("raw", bytes, { name: "Ed25519" }, false, ["verify"]);
      return await crypto.subtle.verify({ name: "Ed25519" }, imported, value, signed);
    }
    if (version === "v1" && key.startsWith("whsec_")) {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      const bytes = fromBase64(key.slice("whsec_".length));
      const imported = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]);
      return await crypto.subtle.verify("HMAC", imported, value, signed);
    }
  } catch {
    return false; // not base64, or no key
  }
  return false;
}
