import { SUBPROTOCOL } from "@qy-lty/protocol";
import { type FrameDocument, frameCatalogue } from "../skills/catalogue.ts";
import { OPENAPI_INFO } from "./openapi.ts";

const CHANNEL = "#/channels/device";

/** What is said over the WebSocket, as AsyncAPI 3.0: from the server's side, which receives what clients send. */
export function asyncApi(): object {
  const frames = frameCatalogue();
  return {
    asyncapi: "3.0.0",
    info: {
      title: "qy-lty WebSocket",
      version: OPENAPI_INFO.info.version,
      description:
        "One JSON object in one text frame. The answer to a frame that has an `id` has it too. Frames that are marked so are of the subprotocol `lty.v1` alone.",
      license: OPENAPI_INFO.info.license,
    },
    defaultContentType: "application/json",
    channels: {
      device: {
        address: "/ws/device/",
        description: `A WebSocket; reliable delivery by offering the subprotocol \`${SUBPROTOCOL}\`.`,
        messages: Object.fromEntries(frames.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: "GET", query: QUERY, headers: HEADERS, bindingVersion: "0.1.0" } },
      },
    },
    operations: Object.fromEntries(frames.flatMap(operations)),
    components: { messages: Object.fromEntries(frames.map((frame) => [frame.name, message(frame)])) },
  };
}

const text = (description: string) => ({ type: "string", description });

const QUERY = {
  type: "object",
  properties: {
    ticket: text("A socket ticket: for browsers, which can set no header."),
    token: text("A token; the header is better, since addresses end up in logs."),
    role: { enum: ["app", "device"], description: "What a user's token is used as." },
    device: text("With the role `device`: which of the user's."),
    client_id: text("Names an app (`lty.v1`): `[A-Za-z0-9_-]{1,64}`."),
    epoch: text("Where the client stands (`lty.v1`): the epoch it knows,"),
    seq: text("the `seq` that it handled last,"),
    last: text("and that message's `message_id`."),
  },
};

const HEADERS = {
  type: "object",
  properties: {
    Authorization: text("`Bearer <token>` or `Token <token>`."),
    "Sec-WebSocket-Protocol": text(`\`${SUBPROTOCOL}\`, or nothing.`),
  },
};

function message({ name, summary, isReliable, schema, examples }: FrameDocument) {
  return {
    name,
    summary: isReliable ? `${summary} (\`${SUBPROTOCOL}\`)` : summary,
    payload: schema,
    examples: examples.map((example) => ({ name: example.name, payload: example.frame })),
  };
}

/** Answers are part of what they answer; everything else that the server says is an operation of its own. */
function operations({ name, from, asks, summary }: FrameDocument, _: number, all: readonly FrameDocument[]) {
  if (from === "server" && all.some((other) => other.asks?.reply === name)) return [];
  const operation = {
    action: from === "client" ? "receive" : "send",
    channel: { $ref: CHANNEL },
    summary,
    messages: [reference(name)],
    ...(asks && { reply: { channel: { $ref: CHANNEL }, messages: [reference(asks.reply), reference("error")] } }),
  };
  return [[name, operation] as const];
}

function reference(name: string) {
  return { $ref: `${CHANNEL}/messages/${name}` };
}
