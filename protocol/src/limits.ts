/** Bounds that are part of the protocol, not of one installation. */
export const Limits = {
  /** Largest WebSocket frame, bytes. Above: close 1009. */
  frameBytes: 64 * 1024,
  /** Largest HTTP request body, bytes. Above: 413. */
  bodyBytes: 64 * 1024,
  /** Deepest JSON nesting, the envelope being 1. */
  jsonDepth: 32,
  /** Longest `type` of a pushed message, characters. */
  typeChars: 64,
} as const;

/** The WebSocket subprotocol of reliable delivery; the server answers this or nothing. */
export const SUBPROTOCOL = "lty.v1";
