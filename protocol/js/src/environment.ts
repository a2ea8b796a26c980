// What the platform knows of the network and of being looked at.
// protocol/js/: a page's own; React Native gives its NetInfo and AppState by the same interface.

/** What has changed; `resumed`: it ran nothing for a while (a frozen page, a device asleep). */
export type Change = 'online' | 'offline' | 'visible' | 'hidden' | 'resumed';

/** The platform's word on the network, and on whether anybody is looking. */
export interface Environment {
  /** False: there is certainly no network. */
  online(): boolean;
  /** True: nobody is looking. */
  hidden(): boolean;
  /** Calls `changed` from now on; the function returned ends that. */
  watch(changed: (change: Change) => void): () => void;
}

/** Of the page this runs in; elsewhere always online and looked at. */
export function platformEnvironment(): Environment {
  const page = typeof document === 'object' ? document : undefined;
  const target = typeof addEventListener === 'function' ? globalThis : undefined;
  const hidden = () => page?.visibilityState === 'hidden';
  return {
    online: () => typeof navigator !== 'object' || navigator.onLine !== false,
    hidden,
    watch(changed) {
      const end = new AbortController();
      const hear = (on: EventTarget | undefined, name: string, change?: Change) =>
        on?.addEventListener(name, () => changed(change ?? (hidden() ? 'hidden' : 'visible')), end);
      hear(target, 'online', 'online');
      hear(target, 'offline', 'offline');
      hear(target, 'pageshow', 'resumed');
      hear(page, 'resume', 'resumed');
      hear(page, 'visibilitychange');
      return () => end.abort();
    },
  };
}
