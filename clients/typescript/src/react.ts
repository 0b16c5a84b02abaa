import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { LtyClient } from "./client.ts";
import type { State } from "./effects.ts";
import type { PushedFrame } from "./frames.ts";
import type { Handler } from "./listeners.ts";
import type { LtyClientOptions } from "./options.ts";

/**
 * A client that lives as long as the component, connected once it is mounted; another `url`, role, device or name makes
 * another. Null before. Give it to other components by a context or as a prop.
 *
 * @example
 * const client = useLtyClient({ url, getToken, role: "app", clientId });
 * const { state } = useLtyState(client);
 * useLtyMessage(client, "notice", ({ message }) => show(message));
 */
export function useLtyClient(options: LtyClientOptions): LtyClient | null {
  const [client, setClient] = useState<LtyClient | null>(null);
  const latest = useRef(options);
  latest.current = options;
  const { url, role, device, clientId } = options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: these say who the client is; the other options are read when it is made
  useEffect(() => {
    const made = new LtyClient(latest.current);
    setClient(made);
    // What ends it is a state.
    made.connect().catch(() => {});
    return () => void made.close();
  }, [url, role, device, clientId]);
  return client;
}

const IDLE: State = { state: "idle" };

/** What the client is doing; `idle` while there is none. */
export function useLtyState(client: LtyClient | null): State {
  return useSyncExternalStore(
    (changed) => client?.onState(changed) ?? (() => {}),
    () => client?.state ?? IDLE,
    () => IDLE,
  );
}

/** Handles messages of a type while the component is mounted: the handler of the last render is the one that counts. */
export function useLtyMessage(client: LtyClient | null, type: string, handler: Handler<PushedFrame>): void {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => client?.on(type, (frame: PushedFrame) => latest.current(frame)), [client, type]);
}
