import { InTurn } from "@qy-lty/server/store/in-turn.ts";

/** One thing after another, whoever asks: so a story goes the same way each time, also where several processes ask. */
export class Turn {
  readonly #line = new InTurn();
  #waiting = 0;

  /** Whether anything is being done. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  readonly run = <Result>(work: () => Promise<Result>): Promise<Result> => {
    this.#waiting += 1;
    return this.#line.run(work).finally(() => {
      this.#waiting -= 1;
    });
  };

  /** Resolves when what was asked for by now is done. */
  idle(): Promise<void> {
    return this.#line.run(async () => {});
  }
}
