import type { Disk } from "./disk.ts";
import type { Reference } from "./reference.ts";

/** Copies of a disk, with what the reference knew when they were made. */
export class Copies {
  readonly #copies: (() => Promise<void>)[] = [];

  constructor(
    private readonly disk: Disk,
    private readonly reference: Reference,
  ) {}

  async take(as: "copy" | "backup"): Promise<void> {
    const [disk, reference] = [await this.disk.copy(as), this.reference.copy()];
    this.#copies.push(async () => {
      await disk();
      reference();
    });
  }

  /** Puts one back while nobody serves the disk; answers whether there is any. */
  async restore(which: number): Promise<boolean> {
    const copy = this.#copies[which % this.#copies.length];
    await copy?.();
    return copy !== undefined;
  }
}
