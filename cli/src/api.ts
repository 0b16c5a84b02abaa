import type { ClientConfig } from "@qy-lty/server/config/config.ts";
import { loadClientConfig } from "@qy-lty/server/config/load.ts";
import { Failure, UsageError } from "./exit.ts";

/** How long a server may take to answer, milliseconds. */
const TIMEOUT_MS = 15_000;

/**
 * Asks the server of `LTY_URL`, as the owner of `LTY_TOKEN`, to take `body`; answers the `data` of its answer.
 * @param path below the base URL, which may have a path of its own
 * @throws UsageError without `LTY_TOKEN`; Failure when the server cannot be reached or refuses
 */
export async function post(path: string, body: unknown): Promise<unknown> {
  const { config, token } = requireToken();
  const response = await request(config, path, token, body);
  const answer = await readAnswer(response);
  if (response.ok && answer?.status === "success") return answer.data;
  if (answer?.status === "error") throw refusal(answer, response.headers.get("retry-after"));
  throw new Failure(`${originOf(config)} answered ${response.status}, not as a gateway does; check LTY_URL`);
}

/** Which server to speak to, and as whom. @throws UsageError without `LTY_TOKEN` */
export function requireToken(): { readonly config: ClientConfig; readonly token: string } {
  const config = loadClientConfig();
  if (config.token === undefined) {
    throw new UsageError(
      "LTY_TOKEN is not set: the token to present; `lty token create --user NAME --quiet` makes one",
    );
  }
  return { config, token: config.token };
}

async function request(config: ClientConfig, path: string, token: string, body: unknown): Promise<Response> {
  try {
    return await fetch(new URL(path, config.url.endsWith("/") ? config.url : `${config.url}/`), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      // A redirect would take the token along.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    const why = late ? `did not answer within ${TIMEOUT_MS / 1000} s` : "cannot be reached; is it running? (LTY_URL)";
    throw new Failure(`the server at ${originOf(config)} ${why}`);
  }
}

interface Answer {
  readonly status?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly data?: unknown;
}

async function readAnswer(response: Response): Promise<Answer | undefined> {
  try {
    const answer: unknown = await response.json();
    return typeof answer === "object" && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

function refusal({ message, code }: Answer, retryAfter: string | null): Failure {
  const later = retryAfter === null ? "" : `; try again in ${retryAfter} s`;
  return new Failure(`the server refused: ${String(message)} (${String(code)})${later}`);
}

/** Without user name and password. */
function originOf({ url }: ClientConfig): string {
  return new URL(url).origin;
}
