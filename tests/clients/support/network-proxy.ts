import { createConnection, createServer, type Server, type Socket } from "node:net";

/** A network between clients and a server, which can fall silent without either end being told. */
export class NetworkProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #legs = new Set<{ readonly near: Socket; readonly far: Socket }>();

  private constructor(target: number) {
    this.#server = createServer((near) => {
      const far = createConnection({ host: "127.0.0.1", port: target });
      const leg = { near, far };
      this.#legs.add(leg);
      near.pipe(far);
      far.pipe(near);
      for (const socket of [near, far]) socket.on("error", () => socket.destroy());
      near.on("close", () => {
        far.destroy();
        this.#legs.delete(leg);
      });
    });
  }

  /** To the server at that port. */
  static async start(target: number): Promise<NetworkProxy> {
    const proxy = new NetworkProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  }

  /** Everything that is connected now is connected to nothing: the server sees them gone, the clients see silence. */
  sever(): void {
    for (const { near, far } of this.#legs) {
      near.unpipe(far);
      far.unpipe(near);
      far.destroy();
      near.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { near } of this.#legs) near.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
