import type { TestServer } from "./server.ts";

/** Every series of `/metrics` and its value: `lty_connections{role="app"}` → 0. */
export async function scrape(server: TestServer): Promise<ReadonlyMap<string, number>> {
  const { text } = await server.api("GET", "/metrics", { token: null });
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(series.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}
