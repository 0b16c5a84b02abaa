import { readdirSync } from "node:fs";

export const ROOT = new URL("../../../", import.meta.url).pathname;

/** The pages of the clients' packages. */
const CLIENTS = ["clients/python/README.md", "clients/python/README.zh-CN.md"];

/** Every file below `docs/`, relative to the repository's root, without what is installed there. */
export function documents(): string[] {
  const files = readdirSync(`${ROOT}docs`, { recursive: true, encoding: "utf8" });
  return files.filter((file) => !file.includes("node_modules")).map((file) => `docs/${file}`);
}

/** Every page a reader may follow, relative to the repository's root. */
export function pages(): string[] {
  const ofDocs = documents().filter((file) => file.endsWith(".md"));
  return ["README.md", "README.zh-CN.md", ...CLIENTS, ...ofDocs.sort()];
}

/** The pages of the repository's root, beside those that are followed. */
export const LEAVES = ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

export function readPage(page: string): Promise<string> {
  return Bun.file(ROOT + page).text();
}
