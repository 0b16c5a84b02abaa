/** What a request says beside its method and path. */
export interface Call {
  /** Goes into the `Authorization` header; null for none. */
  readonly token?: string | null;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of the body, `{}` where it is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Told of every answer: `secrets.test.ts` reads along. */
export const answers = { heard: (_answer: HttpAnswer) => {} };

/** One HTTP request. */
export async function request(url: string, method: string, path: string, call: Call = {}): Promise<HttpAnswer> {
  const headers = new Headers(call.headers);
  if (call.token) headers.set("authorization", headers.get("authorization") ?? `Bearer ${call.token}`);
  const body = call.raw ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
  if (body !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
  const response = await fetch(url + path, {
    method,
    headers,
    ...(body !== undefined && { body }),
    redirect: "manual",
  });
  const text = await response.text();
  const answer = { status: response.status, headers: response.headers, text, body: parsed(text) };
  answers.heard(answer);
  return answer;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
