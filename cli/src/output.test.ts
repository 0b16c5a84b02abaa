import { expect, test } from "bun:test";
import { table } from "./output.ts";

test("columns are aligned by the width that characters have at a terminal", () => {
  const text = table(
    ["ID", "NAME", "ROLE"],
    [
      ["1", "客厅", "user"],
      ["10", "alice", "admin"],
    ],
  );
  expect(text).toBe("ID  NAME   ROLE\n1   客厅   user\n10  alice  admin");
});
