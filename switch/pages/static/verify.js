// Verifies a signed report in the reader's browser: a package (ZIP), or a file with its .jws file. Nothing is sent.
// The texts of the results are in the page (data-...).
"use strict";
(() => {
  const check = document.getElementById("check");
  const said = check.dataset;
  const verdict = document.getElementById("verdict");
  const facts = document.getElementById("facts");
  const drop = document.getElementById("drop");
  const keys = Array.from(document.querySelectorAll("script.key"), (each) => JSON.parse(each.textContent));
  const known = new Set(Array.from(document.querySelectorAll("code.known"), (each) => each.textContent));
  const MAX = Number(said.max);
  const JWS = ".jws";
  const CANNOT = new Error("cannot");

  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const ofBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const ofUrl = (text) => ofBase64(text.replace(/-/g, "+").replace(/_/g, "/"));
  const text = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

  const show = (words, name) => {
    verdict.textContent = words;
    verdict.className = name;
  };

  const fact = (title, value) => {
    const [name, cell] = [document.createElement("dt"), document.createElement("dd")];
    name.textContent = title;
    cell.textContent = value;
    facts.append(name, cell);
  };

  // The bytes of a compressed member, at most MAX of them.
  const inflated = async (packed) => {
    if (typeof DecompressionStream === "undefined") throw CANNOT;
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const parts = [];
    let size = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > MAX) throw new Error("too large");
      parts.push(part.value);
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  };

  // The members of a ZIP file by name, from its central directory (APPNOTE 4.3.12); packages have four.
  const members = async (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let end = bytes.length - 22;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
    if (end < 0 || view.getUint16(end + 10, true) > 16) throw new Error("not a package");
    const found = new Map();
    let place = view.getUint32(end + 16, true);
    for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
      if (view.getUint32(place, true) !== 0x02014b50) throw new Error("not a package");
      const [method, packed] = [view.getUint16(place + 10, true), view.getUint32(place + 20, true)];
      const lengths = [28, 30, 32].map((offset) => view.getUint16(place + offset, true));
      const name = text(bytes.subarray(place + 46, place + 46 + lengths[0]));
      const local = view.getUint32(place + 42, true);
      const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const body = bytes.subarray(start, start + packed);
      if (method !== 0 && method !== 8) throw new Error("not a package");
      found.set(name, method === 8 ? await inflated(body) : body);
      place += 46 + lengths[0] + lengths[1] + lengths[2];
    }
    return found;
  };

  const isZip = (bytes) => bytes.length > 3 && hex(bytes.subarray(0, 4)) === "504b0304";

  // Name, bytes and token of the signed file among the chosen ones; null if there is no signature.
  const signedAmong = async (files) => {
    const chosen = new Map();
    for (const file of files) {
      if (file.size > MAX) throw new Error("too large");
      chosen.set(file.name, new Uint8Array(await file.arrayBuffer()));
    }
    let found = chosen;
    if (chosen.size === 1 && isZip(chosen.values().next().value)) found = await members(chosen.values().next().value);
    for (const [name, bytes] of found) {
      if (found.has(name + JWS)) return { name, bytes, token: text(found.get(name + JWS)).trim() };
    }
    return null;
  };

  // Whether a key signed it: a detached JWS (RFC 7797), whose header is the only one that the switch writes.
  const signer = async (signed) => {
    const [, head, signature] = signed.token.match(/^([A-Za-z0-9_-]{1,512})\.\.([A-Za-z0-9_-]{86})$/) || [];
    if (!head) return null;
    const header = JSON.parse(text(ofUrl(head)));
    const named = ["Ed25519", "EdDSA"].includes(header.alg) && header.b64 === false;
    if (!named || JSON.stringify(header.crit) !== '["b64"]' || Object.keys(header).length !== 4) return null;
    const content = await new Blob([`${head}.`, signed.bytes]).arrayBuffer();
    for (const key of keys) {
      const der = ofBase64(key.pem.replace(/-----[^-]+-----|\s/g, ""));
      let imported;
      try {
        imported = await crypto.subtle.importKey("spki", der, { name: "Ed25519" }, false, ["verify"]);
      } catch (error) {
        throw CANNOT;
      }
      if (await crypto.subtle.verify({ name: "Ed25519" }, imported, ofUrl(signature), content)) return key;
    }
    return null;
  };

  const run = async (files) => {
    facts.replaceChildren();
    show("", "");
    const signed = await signedAmong(files);
    if (signed === null) return show(said.unsigned, "problem");
    const sha256 = hex(await crypto.subtle.digest("SHA-256", signed.bytes));
    fact(said.file, signed.name);
    fact("SHA-256", sha256);
    const named = signed.name.match(/-([0-9a-f]{64})\./);
    const key = await signer(signed);
    if (key === null || (named !== null && named[1] !== sha256)) return show(said.invalid, "problem");
    fact(said.key, key.sha256);
    if (!said.content) return show(said.valid, "done");
    const printed = known.has(sha256) || sha256 === said.content;
    return show(`${said.valid}. ${printed ? said.printed : said.other}`, printed ? "done" : "problem");
  };

  const chosen = async (files) => {
    try {
      if (files.length > 0) await run(files);
    } catch (error) {
      show(error === CANNOT ? said.cannot : said.unreadable, "problem");
    }
  };

  if (crypto.subtle === undefined) { // only if the page was loaded by https or from this machine
    show(said.cannot, "problem");
  }
  check.hidden = false;
  document.getElementById("file").addEventListener("change", (event) => chosen(event.target.files));
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    chosen(event.dataTransfer.files);
  });
})();
