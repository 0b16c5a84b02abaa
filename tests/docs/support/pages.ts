import { readdirSync } from "node:fs";

export const ROOT = new URL("../../../", import.meta.url).pathname;

/** The pages of the clients' packages. */
const CLIENTS = ["clients/python/README.md", "clients/python/README.zh-CN.md"];

/** Every page a reader may follow, relative to the repository's root. */
export function pages(): string[] {
  const files = readdirSync(`${ROOT}docs`, { recursive: true, encoding: "utf8" });
  const ofDocs = files.filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`);
  return ["README.md", "README.zh-CN.md", ...CLIENTS, ...ofDocs.sort()];
}

/** The pages of the repository's root, beside those that are followed. */
export const LEAVES = ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

export function readPage(page: string): Promise<string> {
  return Bun.file(ROOT + page).text();
}
