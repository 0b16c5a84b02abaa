import { expect, test } from "bun:test";
import { Mailbox } from "@qy-lty/testkit";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { useLtyClient, useLtyMessage, useLtyState } from "./react.ts";

test("on a server, the hooks render and connect nothing", () => {
  const seen = new Mailbox<string>();
  function Page() {
    const client = useLtyClient({ url: "http://127.0.0.1:9", token: "t" });
    const { state } = useLtyState(client);
    useLtyMessage(client, "notice", () => seen.push("notice"));
    return createElement("p", null, state);
  }
  expect(renderToString(createElement(Page))).toBe("<p>idle</p>");
});
