import type { z } from "zod";
import type { Clock } from "../../platform/clock.ts";
import { readText } from "./bounded-body.ts";
import { UpstreamError } from "./upstream-error.ts";

/** How long one question may take, over all the requests that it needs. */
const DEADLINE_MS = 5_000;

/** How a request differs from the plain one. */
export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses beside 2xx whose body is an answer too, if it fits the schema. */
  readonly statuses?: readonly number[];
}

/**
 * Fetches JSON that fits `schema`, which names the fields that are used and no others.
 * @throws UpstreamError for everything else; redirects are not followed, since only the configured hosts are to be asked
 */
export type Get = <Answer>(url: URL, schema: z.ZodType<Answer>, options?: GetOptions) => Promise<Answer>;

/**
 * The only way out to a weather service: runs `work` with a `get` that ends, as does everything it started, when the work is
 * done, when `signal` aborts, or after 5 s.
 * @throws UpstreamError, or whatever else `work` throws
 */
export async function ask<Answer>(
  clock: Clock,
  signal: AbortSignal,
  work: (get: Get) => Promise<Answer>,
): Promise<Answer> {
  const end = new AbortController();
  const timer = clock.after(DEADLINE_MS, () => end.abort(new UpstreamError("the weather service is too slow")));
  const leave = () => end.abort(new UpstreamError("the request was abandoned"));
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await work((url, schema, options) => get(url, schema, options, end.signal));
  } finally {
    timer.stop();
    signal.removeEventListener("abort", leave);
    // Bodies that nobody read still hold a connection.
    end.abort();
  }
}

async function get<Answer>(
  url: URL,
  schema: z.ZodType<Answer>,
  { headers, statuses = [] }: GetOptions = {},
  signal: AbortSignal,
): Promise<Answer> {
  const request: RequestInit & { decompress: boolean } = {
    headers: { ...headers, accept: "application/json", "accept-encoding": "gzip", "user-agent": "qy-lty" },
    redirect: "manual",
    decompress: false,
    signal,
  };
  try {
    const response = await fetch(url, request);
    const { status } = response;
    if (!response.ok && !statuses.includes(status)) {
      throw new UpstreamError("the weather service refused", { status });
    }
    const answer = schema.safeParse(parse(await readText(response), status));
    if (answer.success) return answer.data;
    // The issues name paths and expected types, never what was received.
    throw new UpstreamError("the weather service's answer is not understood", { status, cause: answer.error });
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    if (signal.aborted) throw signal.reason;
    throw new UpstreamError("the weather service cannot be reached", { cause: withoutAddress(error) });
  }
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not as a cause: a syntax error quotes what it stumbled over.
    throw new UpstreamError("the weather service's answer is unreadable", { status });
  }
}

/** A network error carries the whole address, which may hold the credentials of a base URL; its code says enough. */
function withoutAddress(error: unknown): Error {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return new Error(typeof code === "string" ? code : "network error");
}
