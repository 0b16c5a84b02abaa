import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A way to a service of this machine on which connections can be made to swallow everything, as a network does that broke. */
export class SilentProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #silent = 0;

  private constructor(private readonly target: number) {
    this.#server = createServer((socket) => this.#take(socket));
  }

  static async start(target: number): Promise<SilentProxy> {
    const proxy = new SilentProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next so many connections are taken, and nothing comes through them. */
  silenceNext(count: number): void {
    this.#silent = count;
  }

  /** Nothing comes through the connections that are there, in either direction; those that come later are as ever. */
  silenceAll(): void {
    for (const socket of this.#sockets) socket.unpipe();
    for (const socket of this.#sockets) socket.resume().removeAllListeners("end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(socket: Socket): void {
    this.#keep(socket);
    if (this.#silent > 0) {
      this.#silent -= 1;
      socket.resume();
      return;
    }
    const behind = connect(this.target, "127.0.0.1");
    this.#keep(behind);
    socket.pipe(behind).pipe(socket);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
