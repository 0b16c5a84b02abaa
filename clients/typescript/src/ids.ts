/** What no other client begins its ids with. */
export function uniquePrefix(): string {
  return Math.floor(Math.random() * 2 ** 48).toString(36) + Date.now().toString(36);
}
