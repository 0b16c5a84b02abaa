import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** The file of `sqlite:PATH`, as it was written. */
export function pathOf(url: string): string {
  return url.slice("sqlite:".length);
}

/** The folder of a file, or the nearest above it that is there. */
export function existingFolderOf(path: string): string {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}
