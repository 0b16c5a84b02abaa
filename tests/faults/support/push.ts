import { HttpConnection } from "./http-connection.ts";

/** Who is pushed to, and what: `message` is JSON text. */
export interface Order {
  readonly userId: number;
  readonly message: string;
  /** Seconds; the server's default unless given. */
  readonly ttl?: number;
}

interface Target {
  readonly port: number;
  readonly admin: string;
}

/** Makes pushes one after another over each of so many connections; all of them must be accepted. Answers how many there were. */
export async function pushAll(server: Target, orders: Iterable<Order>, connections = 16): Promise<number> {
  const queue = orders[Symbol.iterator]();
  let pushed = 0;
  const work = async () => {
    const connection = new HttpConnection(() => server.port, server.admin);
    for (let next = queue.next(); !next.done; next = queue.next()) {
      await push(connection, next.value);
      pushed += 1;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, work));
  return pushed;
}

/** Orders for each of `users`, `each` of them, turn by turn. */
export function* ordersFor(users: readonly number[], each: number, message: (n: number) => string): Generator<Order> {
  for (let n = 0; n < each; n++) for (const userId of users) yield { userId, message: message(n) };
}

/** Pushes at fixed times, whether or not those before were answered. What it is late counts, too. */
export async function pushSteadily(
  server: Target,
  options: {
    readonly perSecond: number;
    readonly seconds: number;
    readonly connections: number;
    /** The order that is due at `due`, on the clock of `performance.now()`. */
    order(n: number, due: number): Order;
    accepted?(n: number, sinceDueMs: number): void;
  },
): Promise<number> {
  const { perSecond, seconds, connections } = options;
  const idle = Array.from({ length: connections }, () => new HttpConnection(() => server.port, server.admin));
  const all = [...idle];
  const waiting: { readonly n: number; readonly due: number }[] = [];
  const total = Math.round(perSecond * seconds);
  const done = Promise.withResolvers<void>();
  const start = performance.now();
  let issued = 0;
  let answered = 0;
  const next = () => {
    while (idle.length > 0 && waiting.length > 0) {
      const connection = idle.pop();
      const job = waiting.shift();
      if (connection === undefined || job === undefined) return;
      push(connection, options.order(job.n, job.due)).then(() => {
        options.accepted?.(job.n, performance.now() - job.due);
        idle.push(connection);
        answered += 1;
        if (answered === total) done.resolve();
        else next();
      }, done.reject);
    }
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (; issued < total && start + (issued * 1000) / perSecond <= now; issued++) {
      waiting.push({ n: issued, due: start + (issued * 1000) / perSecond });
    }
    next();
  }, 2);
  try {
    await done.promise;
  } finally {
    clearInterval(timer);
    for (const connection of all) connection.close();
  }
  return total;
}

async function push(connection: HttpConnection, { userId, message, ttl }: Order): Promise<void> {
  const lifetime = ttl === undefined ? "" : `,"ttl":${ttl}`;
  const body = `{"type":"notice","user_id":${userId},"message":${message}${lifetime}}`;
  const answer = await connection.post("/api/messages/", body);
  if (answer?.status !== 200) throw new Error(`a push was answered ${answer?.status}: ${answer?.body.slice(0, 200)}`);
}
