// Verifies the proof in a page in the reader's browser: recalculates every hash and checks every signature of the
// bundle, like ledger/offline_verifier.py. The texts of the results are in the page (data-...).
"use strict";
(() => {
  const bundle = JSON.parse(document.getElementById("bundle").textContent);
  const keys = document.getElementById("keys");
  const witnessKeys = document.getElementById("witness-keys");
  const verdict = document.getElementById("verdict");
  const HASHED = crypto.subtle !== undefined; // only if the page was loaded by https or from this machine

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const same = (left, right) => hex(left) === hex(right);
  const bytesOf = (text) => Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  const ofBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part)));
  const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
  const node = (left, right) => sha256([1], left, right);
  const half = (number) => Math.floor(number / 2); // sizes can exceed 32 bits, to which >> would truncate them
  const odd = (number) => number % 2 === 1;

  const isPowerOfTwo = (number) => {
    while (!odd(number)) number = half(number);
    return number === 1;
  };

  const whole = (number, bytes) => {
    if (!Number.isSafeInteger(number)) throw new Error("a number is too large");
    const view = new DataView(new ArrayBuffer(8));
    view.setBigInt64(0, BigInt(number));
    return new Uint8Array(view.buffer).slice(8 - bytes);
  };

  const leafOf = (event) => {
    const kind = new TextEncoder().encode(event.kind);
    const [change, body] = [bytesOf(event.change), bytesOf(event.body)];
    return sha256([0], whole(event.seq, 8), whole(event.number, 8), whole(event.at, 8), whole(kind.length, 2), kind,
      whole(change.length, 4), change, whole(body.length, 4), body);
  };

  // RFC 9162, section 2.1.3.2.
  const included = async (leaf, index, size, proof, root) => {
    if (index < 0 || index >= size) return false;
    let [fn, sn, found] = [index, size - 1, leaf];
    for (const part of proof) {
      if (sn === 0) return false;
      if (odd(fn) || fn === sn) {
        found = await node(part, found);
        while (fn && !odd(fn)) [fn, sn] = [half(fn), half(sn)];
      } else {
        found = await node(found, part);
      }
      [fn, sn] = [half(fn), half(sn)];
    }
    return sn === 0 && same(found, root);
  };

  // RFC 9162, section 2.1.4.2.
  const consistent = async (first, second, firstRoot, secondRoot, proof) => {
    if (first === second) return proof.length === 0 && same(firstRoot, secondRoot);
    if (first <= 0 || first > second || proof.length === 0) return false;
    const path = isPowerOfTwo(first) ? [firstRoot, ...proof] : [...proof];
    let [fn, sn] = [first - 1, second - 1];
    while (odd(fn)) [fn, sn] = [half(fn), half(sn)];
    let [older, newer] = [path[0], path[0]];
    for (const part of path.slice(1)) {
      if (sn === 0) return false;
      if (odd(fn) || fn === sn) {
        [older, newer] = [await node(part, older), await node(part, newer)];
        while (fn && !odd(fn)) [fn, sn] = [half(fn), half(sn)];
      } else {
        newer = await node(newer, part);
      }
      [fn, sn] = [half(fn), half(sn)];
    }
    return sn === 0 && same(older, firstRoot) && same(newer, secondRoot);
  };

  const LOG = 1; // algorithm bytes of verifier keys: a log's signature, a witness's cosignature
  const WITNESS = 4;

  // The name and the public key of a verifier key, and what a line has after the key id; null if they do not belong together.
  const partsOf = async (line, key, kind) => {
    const [, name, id, encoded] = key.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/) || [];
    if (!name) return null;
    const known = ofBase64(encoded);
    const digest = await sha256(new TextEncoder().encode(`${name}\n`), known);
    if (known[0] !== kind || hex(digest).slice(0, 8) !== id) return null;
    if (!line.startsWith(`\u2014 ${name} `)) return null;
    const signature = ofBase64(line.slice(name.length + 3));
    return hex(signature.slice(0, 4)) === id ? { known: known.slice(1), signature: signature.slice(4) } : null;
  };

  const verifies = async (known, signature, text) => {
    const imported = await crypto.subtle.importKey("raw", known, { name: "Ed25519" }, false, ["verify"]);
    return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, new TextEncoder().encode(text));
  };

  const signedBy = async (text, line, key) => {
    const parts = await partsOf(line, key, LOG);
    return parts !== null && verifies(parts.known, parts.signature, text);
  };

  // C2SP tlog-cosignature, version 1: eight bytes of time before the signature.
  const cosignedBy = async (text, line, key) => {
    const parts = await partsOf(line, key, WITNESS);
    if (parts === null || parts.signature.length !== 72) return false;
    const time = new DataView(parts.signature.buffer).getBigUint64(0);
    return verifies(parts.known, parts.signature.slice(8), `cosignature/v1\ntime ${time}\n${text}`);
  };

  // The size of the newest checkpoint of the bundle that the witness cosigned; 0 if there is none.
  const witnessedUpTo = async (key) => {
    for (const note of [bundle.checkpoint, ...bundle.older.map((older) => older.checkpoint).reverse()]) {
      const cut = note.lastIndexOf("\n\n");
      const text = `${note.slice(0, cut)}\n`;
      for (const line of note.slice(cut + 2).split("\n")) {
        if (await cosignedBy(text, line, key)) return Number(text.split("\n")[1]);
      }
    }
    return 0;
  };

  const showWitnesses = async () => {
    const list = document.getElementById("witnessed");
    const found = [];
    for (const key of witnessKeys.value.split("\n").map((line) => line.trim()).filter(Boolean)) {
      const entry = document.createElement("li");
      const size = await witnessedUpTo(key);
      entry.textContent = `${key.split("+")[0]}: ${size ? `${list.dataset.size} ${size}` : list.dataset.none}`;
      entry.className = size ? "good" : "bad";
      found.push(entry);
    }
    list.replaceChildren(...found);
  };

  const opened = async (note, lines) => {
    const cut = note.lastIndexOf("\n\n");
    const text = `${note.slice(0, cut)}\n`;
    const [, size, root] = text.split("\n");
    let signed = false;
    for (const line of note.slice(cut + 2).split("\n")) {
      for (const key of lines) signed = signed || await signedBy(text, line, key);
    }
    return { size: Number(size), root: ofBase64(root), signed };
  };

  const report = (place, holds) => {
    place.textContent = holds ? verdict.dataset.holds : verdict.dataset.fails;
    place.className = holds ? "good" : "bad";
    return holds;
  };

  const check = async () => {
    const lines = keys.value.split("\n").map((line) => line.trim()).filter(Boolean);
    const newest = await opened(bundle.checkpoint, lines);
    let holds = report(document.getElementById("signature"), newest.signed);
    for (const [place, older] of bundle.older.entries()) {
      const first = await opened(older.checkpoint, lines);
      const extends_ = first.signed
        && await consistent(first.size, newest.size, first.root, newest.root, older.proof.map(bytesOf));
      holds = report(document.getElementById(`older-${place}`), extends_) && holds;
    }
    let previous = 0;
    for (const event of bundle.events) {
      const leaf = await leafOf(event);
      const proof = event.proof.map(bytesOf);
      const there = event.seq > previous && await included(leaf, event.seq - 1, newest.size, proof, newest.root);
      previous = event.seq;
      holds = report(document.getElementById(`event-${event.seq}`), there) && holds;
    }
    await showWitnesses();
    verdict.textContent = holds ? verdict.dataset.all : verdict.dataset.not;
    verdict.className = holds ? "done" : "problem";
  };

  const run = async () => {
    if (!HASHED) {
      verdict.textContent = verdict.dataset.cannot;
      return;
    }
    try {
      await check();
    } catch (error) { // a browser without Ed25519, or an invalid bundle: no result is stated
      verdict.textContent = verdict.dataset.cannot;
      verdict.className = "problem";
    }
  };
  document.getElementById("again").addEventListener("click", run);
  run();
})();
