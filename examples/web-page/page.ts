/** A page that talks to the companion and shows what is pushed. Its server gives it `?token=`; a real one would ask for a login. */
import { LtyClient } from "../../clients/typescript/src/index.ts";

interface Element {
  textContent: string | null;
  append(child: unknown): void;
  addEventListener(name: string, listener: (event: { preventDefault(): void }) => void): void;
  value: string;
}
declare const document: { querySelector(selector: string): Element; createElement(name: string): Element };
declare const location: { readonly search: string };
declare const localStorage: { getItem(key: string): string | null; setItem(key: string, text: string): void };

const query = new URLSearchParams(location.search);
const client = new LtyClient({
  url: query.get("url") ?? "http://127.0.0.1:8000",
  token: query.get("token") ?? "",
  role: "app",
  clientId: "page",
  storage: localStorage,
});

function show(text: string): void {
  const line = document.createElement("li");
  line.textContent = text;
  document.querySelector("#messages").append(line);
}

client.onState(({ state }) => {
  document.querySelector("#state").textContent = state;
});
client.on("notice", ({ message }) => show(String(message)));
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { message } = await client.request("chat_message", document.querySelector("input").value);
  show(message);
});
await client.connect();
