import { UsageError } from "./exit.ts";

/** Longest password, bytes: far beyond anything typed, and short to hash. */
const MAX_BYTES = 1_024;
const NEWLINE = 0x0a;

/**
 * The first line of stdin, without its line ending.
 * @throws UsageError when it is empty, too long or not UTF-8
 */
export async function readPassword(input: AsyncIterable<Uint8Array> = Bun.stdin.stream()): Promise<string> {
  const line = await firstLine(input);
  if (line.length > MAX_BYTES) throw new UsageError(`the password is longer than ${MAX_BYTES} bytes`);
  const password = decode(line);
  if (password === "")
    throw new UsageError("the password is empty; --password-stdin reads it from the first line of stdin");
  return password;
}

/** Stops reading where the line ends, or is known to be too long. */
async function firstLine(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let line = Buffer.alloc(0);
  for await (const chunk of input) {
    line = Buffer.concat([line, chunk]);
    const end = line.indexOf(NEWLINE);
    if (end >= 0) return withoutReturn(line.subarray(0, end));
    if (line.length > MAX_BYTES + 1) break;
  }
  return withoutReturn(line);
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

function decode(line: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
  } catch {
    throw new UsageError("the password is not UTF-8 text");
  }
}
