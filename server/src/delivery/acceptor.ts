import type { AcceptOutcome, LogStore, NewMessage } from "../store/log-store.ts";
import { BatchSizes } from "./counts.ts";
import type { Gathering } from "./gathering.ts";
import { GroupCommit } from "./group-commit.ts";

/** Told of every message that was taken, in order of `seq` within a user; before or after its sender (`GroupCommit`). */
export type Accepted = (message: NewMessage, seq: number | null) => void;

/** Takes messages into the log, those of one turn in one transaction. */
export class Acceptor {
  readonly batchSizes = new BatchSizes();
  readonly #commits: GroupCommit<NewMessage, AcceptOutcome>;

  constructor(log: LogStore, accepted: Accepted, failed: (error: unknown) => void, gathering?: Gathering) {
    this.#commits = new GroupCommit({
      commit: (messages) => {
        this.batchSizes.add(messages.length);
        return log.accept(messages);
      },
      bytesOf: ({ bytes }) => bytes,
      // Who is not told here, because telling failed, is told by the sweep.
      settled: (message, outcome) => {
        if (outcome.kind === "accepted") accepted(message, outcome.seq);
      },
      failed,
      gathering,
    });
  }

  /** @throws GatewayError `UNAVAILABLE` when the disk is too far behind, or the store cannot write */
  accept(message: NewMessage): Promise<AcceptOutcome> {
    return this.#commits.add(message);
  }
}
