import { BlockList, isIP } from "node:net";
import { ConfigError } from "../config/load.ts";

/** Finds out who is at the other end when a reverse proxy stands between. */
export class TrustedProxies {
  readonly #trusted = new BlockList();
  readonly #any: boolean;

  /** @throws ConfigError when an entry is neither an address nor a CIDR range */
  constructor(entries: readonly string[]) {
    this.#any = entries.length > 0;
    for (const entry of entries) this.#add(entry);
  }

  /**
   * The client's address: of `X-Forwarded-For`, read from the right, the first that is no trusted proxy. A client can
   * write what it likes to the left of that, so only what a proxy we trust has appended is believed.
   */
  clientAddress(peer: string, forwardedFor: string | null): string {
    if (!this.#any || forwardedFor === null || !this.#trusts(peer)) return peer;
    const hops = forwardedFor.split(",").map((hop) => hop.trim());
    let address = peer;
    for (let hop = hops.pop(); hop !== undefined; hop = hops.pop()) {
      if (isIP(hop) === 0) return address;
      address = hop;
      if (!this.#trusts(hop)) return address;
    }
    return address;
  }

  #trusts(address: string): boolean {
    const plain = address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
    const version = isIP(plain);
    return version !== 0 && this.#trusted.check(plain, version === 4 ? "ipv4" : "ipv6");
  }

  #add(entry: string): void {
    const [address = "", bits, ...rest] = entry.split("/");
    const version = isIP(address);
    const width = version === 4 ? 32 : 128;
    const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
    if (version === 0 || !isRange || rest.length > 0) {
      throw new ConfigError(`LTY_TRUSTED_PROXIES: expected an address or a CIDR range, got ${JSON.stringify(entry)}`);
    }
    const family = version === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) this.#trusted.addAddress(address, family);
    else this.#trusted.addSubnet(address, Number(bits), family);
  }
}
