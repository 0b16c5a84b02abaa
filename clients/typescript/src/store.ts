import type { LtyClientOptions, Storage } from "./options.ts";
import { Place } from "./place.ts";

/** The place in the program's storage. The server keeps it too: what goes wrong here is told, and ends nothing. */
export class Store {
  readonly #storage: Storage | undefined;
  readonly #key: string;

  /** `host` and who the client is make the name that the place has there. */
  constructor(
    { storage, role, device, clientId }: LtyClientOptions,
    host: string,
    private readonly failed: (message: string, cause: unknown) => void,
  ) {
    this.#storage = storage;
    this.#key = ["lty", host, role, device, clientId].filter((part) => part !== undefined).join(":");
  }

  async load(): Promise<Place> {
    try {
      return Place.parse(await this.#storage?.getItem(this.#key));
    } catch (cause) {
      this.failed("the place could not be read", cause);
      return new Place();
    }
  }

  /** What it returns resolves when it is there; undefined where it is at once. */
  save({ text }: Place): Promise<unknown> | undefined {
    const failed = (cause: unknown) => this.failed("the place could not be stored", cause);
    try {
      const written = this.#storage?.setItem(this.#key, text);
      return written instanceof Promise ? written.catch(failed) : undefined;
    } catch (cause) {
      failed(cause);
      return undefined;
    }
  }
}
