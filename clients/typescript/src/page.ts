/** What is used of a page, where there is one. */
interface PageLike {
  addEventListener?(name: string, listener: () => void): void;
  removeEventListener?(name: string, listener: () => void): void;
  readonly document?: PageLike & { readonly visibilityState: string };
}

/** Calls `back` when the network or the page's visibility comes back. Answers what ends that. */
export function watchPage(back: () => void): () => void {
  const page = globalThis as PageLike;
  const { document } = page;
  const visible = () => {
    if (document?.visibilityState === "visible") back();
  };
  page.addEventListener?.("online", back);
  document?.addEventListener?.("visibilitychange", visible);
  return () => {
    page.removeEventListener?.("online", back);
    document?.removeEventListener?.("visibilitychange", visible);
  };
}
