import { GatewayError } from "@qy-lty/protocol";

/** What is known of a failure beside its reason. */
export interface UpstreamFailure extends ErrorOptions {
  /** The HTTP status, or the status that a body gave in its `code`. Absent: there was no answer to read one from. */
  readonly status?: number;
}

/**
 * A weather service did not answer well. The reason is always a text of ours: a service's own words may hold the key that
 * it was asked with, so they are neither shown nor kept in the cause, which is logged.
 */
export class UpstreamError extends GatewayError {
  readonly status: number | undefined;

  constructor(reason: string, { status, ...options }: UpstreamFailure = {}) {
    super("UPSTREAM_FAILED", reason, { message: "Weather query failed", ...options });
    this.status = status;
  }
}
