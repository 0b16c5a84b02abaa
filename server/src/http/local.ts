/** What proxies write into a request. One is enough: who asked them is not known to be on this machine. */
const FORWARDING = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

const LOOPBACK_ADDRESS = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;
const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Whether a request was made on this machine, by no detour: its TCP connection comes from the loopback interface, no proxy
 * passed it on, and it was made to a loopback name. The last is for browsers: a page whose name was pointed at this machine
 * (DNS rebinding) could otherwise read what is open to it.
 */
export function isLocal(request: Request, peer: string): boolean {
  if (!LOOPBACK_ADDRESS.test(peer) || FORWARDING.some((name) => request.headers.has(name))) return false;
  return LOOPBACK_HOST.test(new URL(request.url).hostname);
}
