/** A page of React: bundled by support/browser.ts, set up by its query. */
import { createElement, useState } from "react";
import { createRoot } from "react-dom/client";
import { useLtyClient, useLtyMessage, useLtyState } from "../../../clients/typescript/src/react.ts";

declare const document: { readonly body: Element; readonly title: string };
declare const location: { readonly search: string };

const query = new URLSearchParams(location.search);

function Messages() {
  const url = query.get("url") ?? "";
  const client = useLtyClient({ url, token: query.get("token") ?? "", role: "app", clientId: "react" });
  const { state } = useLtyState(client);
  const [messages, setMessages] = useState<readonly string[]>([]);
  // Another function at each render: the last one counts.
  useLtyMessage(client, "note", ({ message }) => setMessages([...messages, String(message)]));
  return createElement("p", null, `${state}: ${messages.join(", ")}`);
}

const root = createRoot(document.body as never);
root.render(createElement(Messages));
Object.assign(globalThis, { leave: () => root.unmount() });
