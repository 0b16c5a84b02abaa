import { ROLES } from "./counts.ts";
import type { Latency } from "./latency.ts";
import type { Distribution, MetricSpec, Rows } from "./metric.ts";

/** Two digits at most, where `Latency` is exact. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const OPERATION_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64];

/** Every metric, declared once: `/metrics` and the reference page are made from it. Durations are in seconds. */
export const METRICS: readonly MetricSpec[] = [
  {
    name: "lty_connections",
    type: "gauge",
    help: "Open connections that were let in.",
    labels: ["role"],
    read: ({ registry }) => {
      const open = new Map<string, number>(ROLES.map((role) => [role, 0]));
      for (const { admission } of registry.all()) {
        if (admission !== undefined) open.set(admission.role, (open.get(admission.role) ?? 0) + 1);
      }
      return rows(open);
    },
  },
  {
    name: "lty_sockets",
    type: "gauge",
    help: "Open sockets, those that are being authenticated or closed included.",
    read: ({ registry }) => registry.sockets,
  },
  {
    name: "lty_users_online",
    type: "gauge",
    help: "Users with a connection that receives their messages.",
    read: ({ registry }) => registry.users.size,
  },
  {
    name: "lty_devices_online",
    type: "gauge",
    help: "Devices with a connection that receives their messages.",
    read: ({ registry }) => registry.devices.size,
  },
  {
    name: "lty_redis_down",
    type: "gauge",
    help: "1 while Redis is away, and nodes do not hear one another at once; 0 where it answers, or is not used.",
    read: ({ broker }) => Number(!broker.isUp),
  },
  {
    name: "lty_connections_opened_total",
    type: "counter",
    help: "Connections that were let in.",
    labels: ["role"],
    read: ({ events }) => rows(events.counts.opened.entries()),
  },
  {
    name: "lty_connections_refused_total",
    type: "counter",
    help: "Connections that were refused, by error code, before the upgrade or after it.",
    labels: ["code"],
    read: ({ events }) => rows(events.counts.refused.entries()),
  },
  {
    name: "lty_connections_closed_total",
    type: "counter",
    help: "Sockets that ended, refused ones included, by close code; 1006 is one that was lost.",
    labels: ["code"],
    read: ({ events }) => rows(events.counts.closed.entries()),
  },
  {
    name: "lty_frames_received_total",
    type: "counter",
    help: "Frames that came, by message type; `other` is no known type, or was not read because of the rate.",
    labels: ["type"],
    read: ({ events: { counts }, dispatcher }) =>
      rows([
        ...Array.from(dispatcher.skills, ({ type, received }) => [type, received] as const),
        ["ack", counts.acksReceived],
        ["auth", counts.authsReceived],
        ["other", counts.othersReceived],
      ]),
  },
  {
    name: "lty_frames_sent_total",
    type: "counter",
    help: "Frames that were sent, by message type; `message` is whatever was pushed.",
    labels: ["type"],
    read: ({ events: { counts }, dispatcher, messageLog }) =>
      rows([
        ...Array.from(dispatcher.skills, ({ reply, answered }) => [reply, answered] as const),
        ["connection_status", counts.opened.total],
        ["error", counts.socketErrors.total],
        ["message", counts.pushed - messageLog.counts.skipFrames - counts.statusesSent],
        ["device_status", counts.statusesSent],
        ["skip", messageLog.counts.skipFrames],
        ["reset", counts.resetsSent],
        ["bye", counts.byesSent],
      ]),
  },
  {
    name: "lty_errors_total",
    type: "counter",
    help: "Errors that were answered, on sockets (`websocket`) and over HTTP (`http`), by error code.",
    labels: ["over", "code"],
    read: ({ events: { counts } }) => [
      ...Array.from(counts.socketErrors.entries(), ([code, count]) => [["websocket", code], count] as const),
      ...Array.from(counts.httpErrors.entries(), ([code, count]) => [["http", code], count] as const),
    ],
  },
  {
    name: "lty_operation_duration_seconds",
    type: "histogram",
    help: "How long answers took, by what was asked for: a message type, or a method and path.",
    labels: ["operation"],
    bounds: OPERATION_SECONDS,
    read: ({ events }) =>
      Array.from(events.operations.used(), ({ name, latency }) => [[name], inSeconds(latency)] as const),
  },
  {
    name: "lty_operation_errors_total",
    type: "counter",
    help: "Answers that were errors, whosever fault it was, by what was asked for.",
    labels: ["operation"],
    read: ({ events }) => rows(Array.from(events.operations.used(), ({ name, errors }) => [name, errors] as const)),
  },
  {
    name: "lty_internal_errors_total",
    type: "counter",
    help: "Errors that are bugs of the gateway; the log has them with a request id.",
    read: ({ events }) => events.counts.internalErrors,
  },
  {
    name: "lty_background_errors_total",
    type: "counter",
    help: "Failures that nobody waited for, of the database for one; the log has them.",
    read: ({ events }) => events.counts.backgroundErrors,
  },
  {
    name: "lty_device_statuses_unchecked_total",
    type: "counter",
    help: "Devices that were said to be gone at once, maybe wrongly, because 10,000 others were waited for.",
    read: ({ events }) => events.counts.statusesUnchecked,
  },
  {
    name: "lty_pushes_total",
    type: "counter",
    help: "Pushes that were taken: `accepted` is on disk, `ephemeral` for who was connected, `duplicate` had been taken before.",
    labels: ["outcome"],
    read: ({ messageLog: { delivery } }) => {
      const { accepted, ephemeral, duplicate, broadcast } = delivery.counts;
      return rows(Object.entries({ accepted, ephemeral, duplicate, broadcast }));
    },
  },
  {
    name: "lty_pushes_refused_total",
    type: "counter",
    help: "Pushes that the message log did not take, by error code.",
    labels: ["code"],
    read: ({ messageLog }) => rows(messageLog.delivery.counts.refused.entries()),
  },
  {
    name: "lty_accepts_outstanding",
    type: "gauge",
    help: "Pushes that wait for the disk; at 10,000 further ones are refused.",
    read: ({ messageLog }) => messageLog.delivery.counts.outstanding,
  },
  {
    name: "lty_accept_duration_seconds",
    type: "histogram",
    help: "From a push being asked for until it was on disk.",
    bounds: SECONDS,
    read: ({ messageLog }) => [[[], inSeconds(messageLog.delivery.counts.acceptLatency)]],
  },
  {
    name: "lty_accept_batch_size",
    type: "histogram",
    help: "Pushes that went to the disk in one transaction.",
    bounds: BATCH_SIZES,
    read: ({ messageLog: { batchSizes } }) => {
      const { count, sum } = batchSizes;
      return [[[], { count, sum, within: (size: number) => batchSizes.upTo(size) }]];
    },
  },
  {
    name: "lty_messages_delivered_total",
    type: "counter",
    help: "Messages of the log that were sent, once for every connection.",
    read: ({ messageLog }) => messageLog.counts.delivered,
  },
  {
    name: "lty_messages_redelivered_total",
    type: "counter",
    help: "Of them, those that may have been sent before, on an earlier connection.",
    read: ({ messageLog }) => messageLog.counts.redelivered,
  },
  {
    name: "lty_messages_acknowledged_total",
    type: "counter",
    help: "Messages of the log that were acknowledged, once for every connection.",
    read: ({ messageLog }) => messageLog.counts.acknowledged,
  },
  {
    name: "lty_messages_in_flight",
    type: "gauge",
    help: "Messages of the log that were sent on an open connection and not acknowledged yet.",
    read: ({ messageLog }) => messageLog.counts.inFlight,
  },
  {
    name: "lty_messages_skipped_total",
    type: "counter",
    help: "Messages passed over: for another device (`filtered`), too old (`expired`), set aside after 5 attempts (`dead`).",
    labels: ["reason"],
    read: ({ messageLog }) => rows(Object.entries(messageLog.counts.skipped)),
  },
  {
    name: "lty_resets_total",
    type: "counter",
    help: "Clients that were told that the log no longer holds where they were.",
    read: ({ events }) => events.counts.resetsSent,
  },
  {
    name: "lty_queue_entries",
    type: "gauge",
    help: "Entries of the message queue: those that wait, and malformed ones that were set aside.",
    labels: ["state"],
    read: async ({ queue }) => {
      const { waiting, setAside } = await queue.sizes();
      return rows(Object.entries({ waiting, set_aside: setAside }));
    },
  },
  {
    name: "lty_inlet_dead_total",
    type: "counter",
    help: "Entries of the Redis list `device_messages` that were no message for a user who is there.",
    read: ({ events }) => events.counts.inletDead,
  },
  {
    name: "lty_weather_requests_total",
    type: "counter",
    help: "Questions to the weather service, past the cache: `answered`, `unknown` (no such city), `failed`.",
    labels: ["outcome"],
    read: ({ weather: { answered, unknown, failed } }) => rows(Object.entries({ answered, unknown, failed })),
  },
  {
    name: "lty_draining",
    type: "gauge",
    help: "1 while the server drains, else 0.",
    read: ({ isDraining }) => (isDraining() ? 1 : 0),
  },
  {
    name: "lty_event_loop_lag_seconds",
    type: "gauge",
    help: "The longest that the event loop was late, in the last 15 to 30 s.",
    read: ({ loopLag }) => loopLag.longestMs / 1000,
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process was started, seconds since the epoch.",
    read: () => performance.timeOrigin / 1000,
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "Processor time, of all threads, user and system.",
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Memory that the process holds.",
    read: () => process.memoryUsage.rss(),
  },
];

/** Rows of a metric with one label. */
function rows(values: Iterable<readonly [string | number, number]>): Rows<number> {
  return Array.from(values, ([label, value]) => [[String(label)], value] as const);
}

function inSeconds(latency: Latency): Distribution {
  return { count: latency.count, sum: latency.sum / 1000, within: (seconds) => latency.below(seconds * 1000) };
}
