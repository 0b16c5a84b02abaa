import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { Failure } from "../../exit.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What to tell of an error that listening ended in; other errors are answered as they are. */
export async function explainListenError(error: unknown, { host, port }: Address): Promise<unknown> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      // Bun says the same of a host name that means nothing.
      if (!(await isKnown(host))) return new Failure(`${host} is no address; choose one of this machine's with --host`);
      return new Failure(`port ${port} is in use by another program; choose one with --port (0: any that is free)`);
    case "EADDRNOTAVAIL":
      return new Failure(`${host} is not an address of this machine; choose one with --host`);
    case "EACCES":
      return new Failure(`port ${port} may not be opened by this user; choose one above 1023 with --port`);
    default:
      return error;
  }
}

async function isKnown(host: string): Promise<boolean> {
  if (isIP(host) !== 0) return true;
  try {
    await lookup(host);
    return true;
  } catch {
    return false;
  }
}
