/** Milliseconds since the epoch as the API writes them: UTC ISO 8601 with `Z`; null stays null. */
export function toIso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** The same for a person, to the minute: `2026-03-01 08:15Z`, or `–` for never. */
export function toMinute(at: number | null): string {
  return at === null ? "–" : `${new Date(at).toISOString().slice(0, 16).replace("T", " ")}Z`;
}
