import { SUBPROTOCOL } from "@qy-lty/protocol";
import { LightSocket } from "./light-socket.ts";
import type { LoadNode } from "./steady-load.ts";

const CONNECT_MS = 3_000;

/**
 * Another connection of a device that has one, at another node: it takes over, or waits until it can. It acknowledges
 * nothing, so that all it is sent comes again elsewhere.
 */
export class Rival {
  #isIn = false;
  #isOpen = false;
  #socket: LightSocket | undefined;

  constructor(readonly name: string) {}

  /** Whether it was let in. */
  get isIn(): boolean {
    return this.#isIn;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when it is let in, refused, or given up; a node that cannot be reached is no error. */
  async open({ host, port }: LoadNode, token: string): Promise<void> {
    const settled = Promise.withResolvers<void>();
    const headers = { Authorization: `Bearer ${token}`, "Sec-WebSocket-Protocol": SUBPROTOCOL };
    const address = { port, path: "/ws/device/", headers, connectMs: CONNECT_MS, ...(host !== undefined && { host }) };
    const timer = setTimeout(settled.resolve, CONNECT_MS);
    try {
      this.#socket = await LightSocket.open(address, {
        text: (text) => {
          if (text.includes('"type":"connection_status"')) this.#isIn = this.#isOpen = true;
          settled.resolve();
        },
        closed: () => {
          this.#isOpen = false;
          settled.resolve();
        },
      });
      await settled.promise;
    } catch {
      // There is no way there.
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket?.cut();
  }
}
