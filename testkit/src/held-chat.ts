import type { ChatProvider } from "@qy-lty/server/providers/chat/chat.ts";
import { Mailbox } from "./mailbox.ts";

/** One question to the companion, which the test answers when it likes. */
export interface HeldQuestion {
  readonly text: string;
  readonly signal: AbortSignal;
  answer(text: string): void;
  fail(error: unknown): void;
}

/** A companion that says nothing by itself. */
export class HeldChat implements ChatProvider {
  readonly questions = new Mailbox<HeldQuestion>();

  reply(text: string, signal: () => AbortSignal): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.questions.push({ text, signal: signal(), answer: resolve, fail: reject });
    return promise;
  }
}
