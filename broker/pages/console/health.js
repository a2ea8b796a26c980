// Whether the broker answers, and since when it does not.
// broker/pages/console/: told by every request, shown in the bar and the banner.
import { Signal } from './signal.js';

export class Health {
  /** {state: 'unknown' | 'here' | 'gone', since} */
  state = new Signal({ state: 'unknown', since: Date.now() });

  here() {
    if (this.state.value.state !== 'here') this.state.set({ state: 'here', since: Date.now() });
  }

  gone() {
    if (this.state.value.state !== 'gone') this.state.set({ state: 'gone', since: Date.now() });
  }
}
