const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The origin that a `LTY_QWEATHER_HOST` means: a bare host is `https://`; `http://` is for the loopback interface only, since
 * the key travels in a header. Undefined when the text is anything but a host with an optional scheme and port.
 *
 * @example qweatherOrigin("abc1234xyz.def.qweatherapi.com") // "https://abc1234xyz.def.qweatherapi.com"
 */
export function qweatherOrigin(host: string): string | undefined {
  const url = URL.parse(/^https?:\/\//i.test(host) ? host : `https://${host}`);
  if (!url || url.username || url.password || url.pathname !== "/" || url.search || url.hash) return undefined;
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname)) return undefined;
  return url.origin;
}
