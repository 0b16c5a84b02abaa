/**
 * `base` + `path` + `params`. What a person typed goes into `params` and nowhere else: it is percent-encoded there, so it
 * cannot reach the host, the path or another parameter.
 */
export function endpoint(base: string, path: string, params: Readonly<Record<string, string>>): URL {
  const url = new URL(base);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  // QWeather reads a space from `%20` only; a plus sign proper is `%2B` already.
  url.search = new URLSearchParams(params).toString().replaceAll("+", "%20");
  url.hash = "";
  return url;
}
