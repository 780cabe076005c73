/** The TypeScript client of payswitch: see `Client`. */

export { Client, type ClientOptions, type Payment } from "./client.js";
export * from "./messages.js";
export * from "./problems.js";
export { SigningKey, sign, signatureBase, type Signer, type Unsigned } from "./signing.js";
export { ASKED, verifyAnswer, type Answered } from "./answers.js";
export { NotVerified, verifyWebhook, type Event } from "./webhooks.js";
export type { components, operations, paths } from "./description.js";
