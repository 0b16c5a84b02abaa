import { gunzipSync } from "node:zlib";
import { UpstreamError } from "./upstream-error.ts";

/** Real answers are below 4 KiB; beyond this somebody else is talking. */
const MAX_BYTES = 64 * 1024;

/**
 * The text of a body that arrived as it was sent (`decompress: false`), of at most 64 KiB on the line and 64 KiB unpacked.
 *
 * Unpacking is ours because the runtime's own runs ahead of its reader: a bomb of 400 KB had filled 200 MB before the first
 * chunk could be counted.
 * @throws UpstreamError when the body is larger, in another encoding than gzip, or no UTF-8
 */
export async function readText(response: Response): Promise<string> {
  const packed = await readBytes(response);
  const encoding = response.headers.get("content-encoding") ?? "identity";
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(unpack(packed, encoding));
  } catch {
    throw new UpstreamError("the weather service's answer is unreadable", { status: response.status });
  }
}

async function readBytes(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream, which closes the connection.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) {
      throw new UpstreamError("the weather service's answer is too large", { status: response.status });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unpack(bytes: Uint8Array, encoding: string): Uint8Array {
  if (encoding === "identity") return bytes;
  if (encoding === "gzip") return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  throw new Error(`unexpected content encoding`);
}
