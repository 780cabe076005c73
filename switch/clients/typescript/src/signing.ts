/** Sign requests: HTTP Message Signatures (RFC 9421) in the profile of docs/reference/signatures.md, by WebCrypto. */

/** What signs requests: a `SigningKey`, or an object of yours that asks a hardware security module. */
export interface Signer {
  /** The id under which the switch knows the key. */
  readonly keyid: string;
  /** Sign: 64 bytes, of Ed25519 or as raw `r || s` of ECDSA on P-256 with SHA-256. */
  sign(content: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
}

/** A private key of WebCrypto. */
export class SigningKey implements Signer {
  private constructor(
    readonly keyid: string,
    private readonly key: CryptoKey,
  ) {}

  /** Read an unencrypted private key in PEM (PKCS #8): Ed25519 or P-256. Rejects with `TypeError` if it is neither. */
  static async fromPem(keyid: string, pem: string): Promise<SigningKey> {
    const der = fromPem("PRIVATE KEY", pem);
    if (der === undefined) throw new TypeError("not an unencrypted private key in PEM (PKCS #8)");
    for (const algorithm of [{ name: "Ed25519" }, { name: "ECDSA", namedCurve: "P-256" }]) {
      try {
        return new SigningKey(keyid, await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]));
      } catch {
        continue; // a key of the other algorithm
      }
    }
    throw new TypeError("neither an Ed25519 nor a P-256 key");
  }

  async sign(content: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const algorithm = this.key.algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
    return new Uint8Array(await crypto.subtle.sign(algorithm, this.key, content));
  }
}

/** One request as it is sent. */
export interface Unsigned {
  method: string;
  url: URL;
  headers: Record<string, string>;
  /** Empty for none. */
  body: Uint8Array<ArrayBuffer>;
  /** Seconds since 1970. */
  now: number;
  /** 8 to 128 characters, new for every request. */
  nonce: string;
}

const LIFETIME_S = 300;
const MEANING = ["accept", "last-event-id", "prefer"];

/** The text that is signed: one line for each component, and the parameters. */
export function signatureBase(components: Record<string, string>, parameters: string): string {
  const lines = Object.entries(components).map(([name, value]) => `"${name}": ${value}`);
  return [...lines, `"@signature-params": ${parameters}`].join("\n");
}

/** The header `Content-Digest` of a body. */
export async function contentDigest(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha-256=:${toBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", body)))}:`;
}

/** The bytes in a PEM of this kind; undefined if there are none. Throws `DOMException` if the text is not base64. */
export function fromPem(kind: string, pem: string): Uint8Array<ArrayBuffer> | undefined {
  const text = new RegExp(`-----BEGIN ${kind}-----([A-Za-z0-9+/=\\s]+)-----END ${kind}-----`).exec(pem)?.[1];
  return text === undefined ? undefined : fromBase64(text.replace(/\s/g, ""));
}

/** Sign a request; get the headers to add. */
export async function sign(key: Signer, request: Unsigned): Promise<Record<string, string>> {
  const { url, body } = request;
  const components: Record<string, string> = {
    "@method": request.method,
    "@authority": url.host.toLowerCase(),
    "@path": url.pathname,
  };
  if (url.search) components["@query"] = url.search;
  const sent = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const added: Record<string, string> = {};
  if (body.length) {
    added["Content-Digest"] = components["content-digest"] = await contentDigest(body);
    components["content-type"] = sent["content-type"] ?? "";
  }
  for (const name of MEANING) if (sent[name] !== undefined) components[name] = sent[name];
  const covered = Object.keys(components).map((name) => `"${name}"`);
  const parameters =
    `(${covered.join(" ")});created=${request.now};expires=${request.now + LIFETIME_S}` +
    `;keyid="${key.keyid}";nonce="${request.nonce}";tag="payswitch"`;
  const signature = await key.sign(utf8(signatureBase(components, parameters)));
  return { ...added, "Signature-Input": `sig=${parameters}`, Signature: `sig=:${toBase64(signature)}:` };
}

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Throws `DOMException` if the text is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
