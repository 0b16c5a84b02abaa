import { createServer } from "node:net";
import type { Config } from "@qy-lty/server/config/config.ts";
import { Failure } from "../../exit.ts";
import { explainListenError } from "../serve/listen-error.ts";
import { type Finding, findings } from "./finding.ts";

/** How long whoever holds the port may take to say who it is, milliseconds. */
const TIMEOUT_MS = 2_000;
const { ok, fail } = findings("port");

/** Whether the gateway could listen, or does. */
export async function examinePort(config: Pick<Config, "host" | "port">): Promise<Finding> {
  const { host, port } = config;
  const error = await tryToListen(host, port);
  if (error === undefined) {
    return ok(port === 0 ? "any that is free, as the setting says" : `${port} on ${host} is free`);
  }
  if (error.code === "EADDRINUSE" && (await isOurs(host, port)))
    return ok(`${port} on ${host}: a gateway serves there`);
  const explained = await explainListenError(error, config);
  const [detail = ""] = (explained instanceof Failure ? explained.message : error.message).split("; ");
  return fail(detail, "choose another address with LTY_HOST and LTY_PORT");
}

function tryToListen(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Whether it answers as a gateway does. */
async function isOurs(host: string, port: number): Promise<boolean> {
  const reachable =
    host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  try {
    const response = await fetch(`http://${reachable}:${port}/healthz`, {
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = (await response.json()) as { readonly status?: unknown } | null;
    return response.ok && body?.status === "success";
  } catch {
    return false;
  }
}
