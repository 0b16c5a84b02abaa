/** Which browser pages may open sockets: pages of this server's own origin, and those that were allowed by name. */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;

  /** `allowed` are origins such as `https://app.example.com`. */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((origin) => normalise(origin)?.href ?? origin));
  }

  /** `origin` and `host` are the headers of those names. No `Origin`: not a browser, allowed. */
  allows(origin: string | null, host: string | null): boolean {
    if (origin === null) return true;
    const page = normalise(origin);
    if (page === null) return false;
    if (this.#allowed.has(page.href)) return true;
    return host !== null && page.host === withoutDefaultPort(host.toLowerCase(), page.protocol);
  }
}

/** An origin in its serialised form (RFC 6454 §6.2), or null for `null`, other schemes, and whatever else is none. */
function normalise(origin: string): { protocol: string; host: string; href: string } | null {
  if (!/^https?:\/\/[^/?#@\s\\]+$/i.test(origin)) return null;
  try {
    const url = new URL(origin);
    return { protocol: url.protocol, host: url.host, href: `${url.protocol}//${url.host}` };
  } catch {
    return null;
  }
}

/** A proxy that ends TLS passes the Host on, so the page's scheme says which port is the default. */
function withoutDefaultPort(host: string, protocol: string): string {
  const suffix = protocol === "https:" ? ":443" : ":80";
  return host.endsWith(suffix) ? host.slice(0, -suffix.length) : host;
}
