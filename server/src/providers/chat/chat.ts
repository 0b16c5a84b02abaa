/** Who answers when a person talks to the companion. */
export interface ChatProvider {
  /**
   * Answers `text` (never empty). Answers at once where it can, so that an echo costs no promise.
   * @throws GatewayError `UPSTREAM_FAILED` when the service behind it cannot answer; its own words are never passed on
   */
  reply(text: string, signal: () => AbortSignal): string | Promise<string>;
}

/** The companion without a language model: says what it heard, as the original system did. */
export const echo: ChatProvider = {
  reply: (text) => `收到消息:${text}`,
};
