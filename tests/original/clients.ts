import { join } from "node:path";
import { ROOT } from "../e2e/support/command.ts";
import { pythonWithWebsockets } from "../e2e/support/python.ts";

/** A listing made into a program: it runs until it is stopped, and prints what its client receives. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly file: string;
  readonly source: string;
  /** What its output has to show, in any order; the push is sent once the first is there. */
  readonly shows: Readonly<Record<string, string>>;
}

const PACKAGE = join(ROOT, "clients", "python", "src");

interface Access {
  readonly wsUrl: string;
  readonly token: string;
}

/** What is pushed to both. */
export const NOTICE = "晚饭好了";

/** Puts `value` in place of `placeholder`. @throws Error when the listing does not have it */
function fill(listing: string, placeholder: string, value: string): string {
  if (!listing.includes(placeholder)) throw new Error(`the listing does not contain ${placeholder}`);
  return listing.replaceAll(placeholder, value);
}

/** The JavaScript listing runs as it is printed, usage and all: only the token and the address are filled in. */
export function javascriptProgram(listing: string, { wsUrl, token }: Access, runtime: string): Program {
  return {
    name: `JavaScript, under ${runtime === process.execPath ? "Bun" : runtime}`,
    command: [runtime],
    file: "client.mjs",
    source: fill(fill(listing, "your-auth-token", token), "ws://localhost:8000", wsUrl),
    shows: {
      connection_status: "连接状态: connected",
      chat: "AI回复: 收到消息:你好,请介绍一下自己",
      weather: '天气信息: {city:{name:"北京"',
      sing: '"type":"sing_response"',
      push: NOTICE,
    },
  };
}

/**
 * The Python class runs as it is printed, under a `main` of ours. Two things of the listing cannot work as printed: it uses
 * `datetime` and imports it nowhere, so it is given it here; and its `main` awaits `connect()`, which returns only when the connection
 * ends, so that nothing after it is ever sent: here it runs as a task.
 */
export async function pythonProgram(listing: string, { wsUrl, token }: Access): Promise<Program> {
  const [printed = ""] = listing.split(/^# 使用示例/m);
  const driver = `

from datetime import datetime


async def drive():
    client = DeviceWebSocketClient(${JSON.stringify(token)}, ${JSON.stringify(wsUrl)})
    connected = asyncio.Event()

    def show(kind):
        async def handler(data):
            print(json.dumps(data, ensure_ascii=False), flush=True)
            if kind == "connection_status":
                connected.set()
        return handler

    for kind in ("connection_status", "chat_response", "weather_response", "sing_response", "notice"):
        client.register_handler(kind, show(kind))
    receiving = asyncio.create_task(client.connect())
    await asyncio.wait([receiving, asyncio.create_task(connected.wait())], return_when=asyncio.FIRST_COMPLETED)
    await client.send_chat_message("你好")
    await client.request_weather("上海")
    await client.request_sing("青花瓷", "周杰伦")
    await receiving


asyncio.run(drive())
`;
  return {
    name: "Python",
    command: [await pythonWithWebsockets()],
    file: "client.py",
    source: printed + driver,
    shows: {
      connection_status: '"status": "connected"',
      chat: '"message": "收到消息:你好"',
      weather: '"city": {"name": "上海"}',
      sing: '"message": "开始播放:青花瓷 - 周杰伦"',
      push: NOTICE,
    },
  };
}

/** The usage of the Python listing as it is printed, with our class in place of the printed one: only the import is changed. */
export async function movedPythonProgram(listing: string, { wsUrl, token }: Access): Promise<Program> {
  const usage = listing.slice(listing.search(/^# 使用示例/m));
  const program = fill(usage, "'your-auth-token'", `${JSON.stringify(token)}, ${JSON.stringify(wsUrl)}`);
  return {
    name: "Python, with the class of qy_lty",
    command: [await pythonWithWebsockets()],
    file: "moved.py",
    source: `import asyncio\nimport sys\n\nsys.path.insert(0, ${JSON.stringify(PACKAGE)})\nfrom qy_lty import DeviceWebSocketClient\n\n${program}`,
    shows: { chat: "AI回复: 收到消息:你好", weather: "天气: 晴, 温度: 25°C" },
  };
}

/** The JavaScript runtimes here that have a `WebSocket` of their own. */
export async function javascriptRuntimes(): Promise<string[]> {
  const probe = Bun.spawn(["node", "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"], {
    stdout: "ignore",
    stderr: "ignore",
  });
  return (await probe.exited) === 0 ? [process.execPath, "node"] : [process.execPath];
}

/** Where a program of `folder` is. */
export const pathOf = (folder: string, { file }: Program) => join(folder, file);
