/** Whether `value`, itself level 1 if it is an object or array, nests deeper than `levels`. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    if (typeof member === "object" && member !== null && isDeeperThan(member, levels - 1)) return true;
  }
  return false;
}
