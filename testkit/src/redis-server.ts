import { RedisClient } from "bun";
import { findProgram, type ServicePlace, ServiceProcess } from "./service-process.ts";

/** A Redis server of its own on a free port, which keeps nothing. It is gone when it is disposed of, or with the process. */
export async function startRedis(place?: ServicePlace): Promise<RedisServer> {
  const redis = findProgram("redis-server");
  const service = await ServiceProcess.start({
    name: "Redis",
    place,
    command: (port) => [
      ...[redis, "--port", String(port), "--save", "", "--appendonly", "no"],
      ...(place === undefined ? ["--bind", "127.0.0.1"] : ["--bind", "0.0.0.0", "--protected-mode", "no"]),
    ],
    answers: async (port) => (await send(place?.host ?? "127.0.0.1", port, "PING", [])) === "PONG",
  });
  return new RedisServer(service);
}

/** A running Redis server. */
export class RedisServer implements AsyncDisposable {
  constructor(readonly service: ServiceProcess) {}

  get url(): string {
    return `redis://${this.service.host}:${this.service.port}`;
  }

  /** Runs one command beside everybody else. */
  run(command: string, ...args: string[]): Promise<unknown> {
    return send(this.service.host, this.service.port, command, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
  }
}

/** Bun's client, for a connection that lives as long as one command. */
async function send(host: string, port: number, command: string, args: string[]): Promise<unknown> {
  const client = new RedisClient(`redis://${host}:${port}`, { connectionTimeout: 2_000, autoReconnect: false });
  try {
    await client.connect();
    return await client.send(command, args);
  } finally {
    client.close();
  }
}
