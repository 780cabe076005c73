/** What can go wrong: one error for each type of problem (RFC 9457), and one for no answer. */

import type { components } from "./description.js";

/** A problem as the switch sends it. */
export type Problem = components["schemas"]["Problem"] & { resume?: number; retry_after_ms?: number };

/** The switch refused the request. `name` is the type of the problem, as in `/docs/problems`. */
export class RequestRefused extends Error {
  constructor(
    readonly status: number,
    /** The whole problem; undefined if the response is not of the switch. */
    readonly problem: Problem | undefined,
  ) {
    const errors = Array.isArray(problem?.errors) ? problem.errors : []; // a problem of a proxy has members of its own
    const places = errors.map((error) => `\n  at ${error?.path}: ${error?.message}`).join("");
    super(`${status} ${problem?.reason ?? "NARR"}: ${problem?.detail ?? "not a response of the switch"}${places}`);
    this.name = new.target.name;
  }

  /** The ISO reason code, such as `AC04`. */
  get reason(): string {
    return this.problem?.reason ?? "NARR";
  }

  /** The fragment of the problem's `type`, such as `duplicate-uetr`; empty if the response is not of the switch. */
  get type(): string {
    return nameOf(this.problem);
  }

  /** Whether the same request, unchanged, can succeed later. */
  get retryable(): boolean {
    return this.problem?.retryable ?? this.status >= 500;
  }
}

/** Every try failed: the request may have been carried out. Read the payment, or send the same message again. */
export class NoAnswer extends Error {
  override name = "NoAnswer";

  constructor(
    message: string,
    /** The last refusal; undefined if the last try had no response. */
    readonly last: RequestRefused | undefined,
  ) {
    super(message);
  }
}

export class SwitchError extends RequestRefused {}
export class InvalidMessage extends RequestRefused {}
export class MessageTooLarge extends InvalidMessage {}
export class UnsupportedRepresentation extends InvalidMessage {}
export class InvalidParameter extends InvalidMessage {}
export class InvalidAmount extends InvalidMessage {}
export class NotAuthentic extends RequestRefused {}
export class NotAllowed extends RequestRefused {}
export class NotFound extends RequestRefused {}
export class NotAcceptable extends RequestRefused {}
export class Changed extends RequestRefused {}
export class Refused extends RequestRefused {}
export class DuplicateUetr extends Refused {}
export class EffectChanged extends Refused {}
export class TooManyRequests extends RequestRefused {}
export class Unavailable extends RequestRefused {}
export class BooksFrozen extends Unavailable {}
export class Restoring extends Unavailable {}
export class OutcomeUnknown extends RequestRefused {}

/** The switch has more to do than it can; this request did nothing. Send less at once. */
export class Overloaded extends Unavailable {
  get retryAfterMs(): number {
    return this.problem?.retry_after_ms ?? 0;
  }
}

/** The log does not have this cursor: continue with `resume`, and drop what you concluded after it. */
export class CursorAhead extends RequestRefused {
  get resume(): number {
    return this.problem?.resume ?? 0;
  }
}

/** Name of a problem -> its error. */
export const KINDS: Readonly<Record<string, new (status: number, problem: Problem) => RequestRefused>> = {
  "switch-error": SwitchError,
  "invalid-message": InvalidMessage,
  "message-too-large": MessageTooLarge,
  "unsupported-representation": UnsupportedRepresentation,
  "invalid-parameter": InvalidParameter,
  "invalid-amount": InvalidAmount,
  "not-authentic": NotAuthentic,
  "not-allowed": NotAllowed,
  "not-found": NotFound,
  "not-acceptable": NotAcceptable,
  "cursor-ahead": CursorAhead,
  changed: Changed,
  refused: Refused,
  "duplicate-uetr": DuplicateUetr,
  "effect-changed": EffectChanged,
  "too-many-requests": TooManyRequests,
  unavailable: Unavailable,
  "books-frozen": BooksFrozen,
  restoring: Restoring,
  overloaded: Overloaded,
  "outcome-unknown": OutcomeUnknown,
};

function nameOf(problem: Problem | undefined): string {
  return String(problem?.type ?? "").split("#")[1] ?? "";
}

/** The error of a problem; a type that this client does not know yet is a `RequestRefused`. */
export function refusalOf(status: number, problem: Problem): RequestRefused {
  const kind = KINDS[nameOf(problem)] ?? RequestRefused;
  return new kind(status, problem);
}
