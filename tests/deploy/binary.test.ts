import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildBinary, EmptyFolder, GOOD_ROUND_TRIP, roundTrip, Shipped } from "./support/program.ts";

test("the binary does its work in an empty folder, with nothing beside it", async () => {
  using built = new EmptyFolder();
  const binary = join(built.path, "lty");
  await buildBinary(binary);
  using empty = new EmptyFolder();
  await using program = new Shipped(binary, empty.path);
  expect(await program.run("--version")).toMatch(/^\d+\.\d+\.\d+$/);
  expect(await roundTrip(program)).toEqual(GOOD_ROUND_TRIP);

  // What lies where it is run is none of its business.
  const strange = join(empty.path, "strange");
  mkdirSync(strange);
  writeFileSync(join(strange, ".env"), "LTY_PORT=nonsense\n");
  writeFileSync(join(strange, "bunfig.toml"), 'preload = ["./nonsense.ts"]\n');
  await using elsewhere = new Shipped(binary, strange);
  expect(await elsewhere.run("check-config")).toContain("LTY_PORT");
}, 120_000);
