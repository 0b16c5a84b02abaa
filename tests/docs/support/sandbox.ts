import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./pages.ts";

/** What a fresh checkout does not have, or has of its own here. */
const OWN = new Set([".git", ".cache", "data", "node_modules", "scripts"]);

/**
 * A folder that looks like a fresh, installed checkout: what a reader's commands leave behind stays in it. `npm start`
 * works in it, and finds nothing to install.
 */
export class Sandbox implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "qy-lty-docs-"));

  constructor() {
    link(ROOT, this.path, (name) => !OWN.has(name));
    for (const folder of ["node_modules", "scripts"]) {
      mkdirSync(join(this.path, folder));
      link(join(ROOT, folder), join(this.path, folder), (name) => !["install.mjs", ".installed-lock"].includes(name));
    }
    // A copy, because it takes the folder it lies in for the checkout.
    cpSync(join(ROOT, "scripts/install.mjs"), join(this.path, "scripts/install.mjs"));
    cpSync(join(ROOT, "package-lock.json"), join(this.path, "node_modules/.installed-lock"));
  }

  /** Whether a block has written the file. */
  has(file: string): boolean {
    return existsSync(join(this.path, file));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function link(from: string, to: string, wanted: (name: string) => boolean): void {
  for (const name of readdirSync(from)) if (wanted(name)) symlinkSync(join(from, name), join(to, name));
}
