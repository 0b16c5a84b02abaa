/** A system call, and where in the trace it began and ended. */
interface SystemCall {
  readonly name: string;
  /** Its arguments as the tracer wrote them. */
  readonly args: string;
  readonly start: number;
  readonly end: number;
  readonly result: number;
}

/** A page that was written to the write-ahead log. */
interface Frame {
  readonly page: Buffer;
  /** The last one of its transaction. */
  readonly commits: boolean;
  readonly end: number;
}

export interface SyncTrace {
  /** What it found for each marker: null, or why the answer is not covered. */
  readonly problems: ReadonlyMap<string, string | null>;
  readonly commits: number;
  readonly syncs: number;
}

/** A first argument that is the write-ahead log: file names are in hexadecimal, too, and its name ends in `-wal`. */
const WAL = /^\d+<[^>]*\\x2d\\x77\\x61\\x6c>/;
/** SQLite's header of a page in the write-ahead log; bytes 4 to 7 are not zero in the last one of a transaction. */
const FRAME_HEADER_BYTES = 24;

/**
 * Reads a trace and says of each marker, which a push carried, whether its 2xx was written after a completed sync of the
 * write-ahead log that began after the last page of the transaction with that push was written.
 */
export function readTrace(text: string, markers: readonly string[]): SyncTrace {
  const calls = parseCalls(text);
  const wal = calls.filter(({ args }) => WAL.test(args));
  const frames = framesOf(wal);
  const syncs = wal.filter(({ name, result }) => name.endsWith("sync") && result === 0);
  const answers = calls.filter(({ name }) => /^(write|send)/.test(name)).map((call) => ({ call, data: dataOf(call) }));
  const success = answers.filter(({ data }) => data.includes("HTTP/1.1 200"));
  const verdict = (marker: string): string | null => {
    const answer = success.find(({ data }) => data.includes(marker))?.call;
    if (answer === undefined) return "no 2xx was seen";
    const first = frames.findIndex(({ page }) => page.includes(marker));
    if (first < 0) return "it was never written to the log";
    const commit = frames.slice(first).find(({ commits }) => commits);
    if (commit === undefined) return "its transaction was never committed";
    const sync = syncs.find(({ start }) => start > commit.end);
    if (sync === undefined) return "nothing was synced after its commit";
    return sync.end < answer.start ? null : `answered at line ${answer.start}, synced at line ${sync.end}`;
  };
  return {
    problems: new Map(markers.map((marker) => [marker, verdict(marker)])),
    commits: frames.filter(({ commits }) => commits).length,
    syncs: syncs.length,
  };
}

/** The calls of all threads, in the order in which they began. What another thread interrupted stands on two lines. */
function parseCalls(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const begun = new Map<string, { name: string; args: string; start: number; at: number }>();
  for (const [line, content] of text.split("\n").entries()) {
    const whole = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/.exec(content);
    const first = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/.exec(content);
    const second = /^(\d+) +<\.\.\. \w+ resumed>.*\) += (-?\d+)/.exec(content);
    if (second !== null) {
      const [, thread = "", result = ""] = second;
      const call = begun.get(thread);
      if (call !== undefined) calls[call.at] = { ...call, end: line, result: Number(result) };
      begun.delete(thread);
    } else if (first !== null) {
      const [, thread = "", name = "", args = ""] = first;
      begun.set(thread, { name, args, start: line, at: calls.length });
      calls.push({ name, args, start: line, end: Number.POSITIVE_INFINITY, result: -1 });
    } else if (whole !== null) {
      const [, , name = "", args = "", result = ""] = whole;
      calls.push({ name, args, start: line, end: line, result: Number(result) });
    }
  }
  return calls;
}

/** The pages that were written, each behind its header. */
function framesOf(wal: readonly SystemCall[]): Frame[] {
  const frames: Frame[] = [];
  let header: Buffer | undefined;
  for (const call of wal) {
    if (call.name !== "pwrite64") continue;
    const data = dataOf(call);
    if (data.length === FRAME_HEADER_BYTES) header = data;
    else if (header !== undefined) {
      frames.push({ page: data, commits: header.readUInt32BE(4) !== 0, end: call.end });
      header = undefined;
    }
  }
  return frames;
}

/** The bytes that a call wrote, which the tracer shows as `"\x68\x69"`. */
function dataOf({ args }: SystemCall): Buffer {
  const texts = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)];
  return Buffer.concat(texts.map(([, text = ""]) => Buffer.from(text.replaceAll("\\x", ""), "hex")));
}
