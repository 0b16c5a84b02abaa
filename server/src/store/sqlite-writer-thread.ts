/** The thread of `ThreadWriter`: opens the database it is told first, then runs calls in order. */
import { Database } from "bun:sqlite";
import type { Quota } from "./log-store.ts";
import { CallQueue, configure, type WriterAnswer, type WriterRequest } from "./sqlite-writer.ts";

declare const self: Worker;

/** The first message. */
interface Opening {
  readonly path: string;
  readonly quota: Quota;
}

let queue: CallQueue | undefined;

self.onmessage = ({ data }: MessageEvent<string | WriterRequest | Opening>) => {
  if (typeof data === "string") {
    // What came as text is answered as text.
    run(JSON.parse(data) as WriterRequest, (answer) => self.postMessage(JSON.stringify(answer)));
    return;
  }
  if ("path" in data) {
    const database = new Database(data.path, { readwrite: true, strict: true });
    configure(database);
    queue = new CallQueue(database, data.quota);
    return;
  }
  run(data, (answer) => self.postMessage(answer));
};

function run({ id, name, args }: WriterRequest, post: (answer: WriterAnswer) => void): void {
  if (queue === undefined) post(answer(id, notOpened));
  else queue.run(name, args, (work) => post(answer(id, work)));
}

function answer(id: number, work: () => unknown): WriterAnswer {
  try {
    return { id, result: work() };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    return { id, error: { message: error instanceof Error ? error.message : String(error), code } };
  }
}

function notOpened(): never {
  throw new Error("the writer was not opened");
}
