// Keys: those of the whole console, and those of the view that is open.
// broker/pages/console/: never while somebody types, and they can be turned off.
import { openDialog } from './dialogs.js';
import { h } from './dom.js';

const KEY = 'tidemark:console:shortcuts';
const SECOND_KEY_MS = 1500;

const GLOBAL = [
  {
    keys: 'g t',
    does: 'Topics',
    run: () => {
      location.hash = '#/topics';
    },
  },
  {
    keys: 'g c',
    does: 'Cursors',
    run: () => {
      location.hash = '#/cursors';
    },
  },
  {
    keys: 'g b',
    does: 'Broker',
    run: () => {
      location.hash = '#/broker';
    },
  },
];

export class Shortcuts {
  #ofView = () => [];
  #first = '';
  #timer;
  #on = wanted();
  #always;

  /** `more`: [{keys, does, run}] beside those of going somewhere. */
  constructor(more) {
    this.#always = [...GLOBAL, ...more, { keys: '?', does: 'This list', run: () => this.help() }];
    addEventListener('keydown', (event) => this.#pressed(event));
  }

  /** A function that gives those of the view that is open. */
  use(ofView) {
    this.#ofView = ofView;
  }

  help() {
    if (document.querySelector('dialog[open]')) return;
    const lists = [
      ['Everywhere', this.#always],
      ['In this view', this.#ofView()],
    ]
      .filter(([, list]) => list.length > 0)
      .map(([title, list]) =>
        h(
          'section',
          {},
          h('h3', {}, title),
          h(
            'dl',
            { class: 'keys' },
            list.map(({ keys, does }) =>
              h(
                'div',
                {},
                h(
                  'dt',
                  {},
                  keys.split(' ').map((key) => h('kbd', {}, key)),
                ),
                h('dd', {}, does),
              ),
            ),
          ),
        ),
      );
    const on = h('input', { type: 'checkbox', on: { change: () => this.#turn(on.checked) } });
    on.checked = this.#on;
    const close = h('button', { type: 'button', on: { click: () => dialog.close() } }, 'Close');
    const dialog = openDialog({
      title: 'Keyboard shortcuts',
      className: 'wide',
      body: h(
        'div',
        {},
        h('div', { class: 'key-lists' }, lists),
        h('label', { class: 'check' }, on, 'Shortcuts of single keys are on'),
      ),
      actions: [close],
    });
    close.focus();
  }

  #turn(on) {
    this.#on = on;
    try {
      localStorage.setItem(KEY, on ? 'on' : 'off');
    } catch {
      // Storage is forbidden here: it holds until the page is gone.
    }
  }

  #pressed(event) {
    if (!this.#on || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const keys = this.#first ? `${this.#first} ${event.key}` : event.key;
    const all = [...this.#ofView(), ...this.#always];
    this.#first = '';
    clearTimeout(this.#timer);
    const found = all.find((shortcut) => shortcut.keys === keys);
    if (found) {
      event.preventDefault();
      found.run();
    } else if (all.some((shortcut) => shortcut.keys.startsWith(`${keys} `))) {
      this.#first = keys;
      this.#timer = setTimeout(() => {
        this.#first = '';
      }, SECOND_KEY_MS);
    }
  }
}

function wanted() {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true; // as above
  }
}

function isTyping(target) {
  return (
    target instanceof Element &&
    target.closest('input, textarea, select, [contenteditable]') !== null
  );
}
