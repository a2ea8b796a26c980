// Dialogs that ask before something is lost, and the words at the foot of the page.
// broker/pages/console/: the platform's <dialog>, which keeps the focus and closes with Escape.
import { h, setText } from './dom.js';

const TOAST_MS = 6000;

let lastId = 0;

/** An id for a label to refer to. */
export const newId = (what) => `${what}-${++lastId}`;

/** Shows a dialog; it is gone from the page once it is closed. */
export function openDialog({ title, body, actions, className = '' }) {
  const id = newId('dialog');
  const dialog = h(
    'dialog',
    { class: `dialog ${className}`, 'aria-labelledby': id },
    h('h2', { id }, title),
    body,
    h('div', { class: 'actions' }, actions),
  );
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
  return dialog;
}

/**
 * Asks, then does it. `fields` stand between the text and the buttons; `ready()` says whether the
 * button may be pressed, and is asked again with each input; `run()` does it, and what it rejects
 * with is told by `words(error)` while the dialog stays. Fulfilled with whether it was done.
 */
export function askAndDo({
  title,
  text,
  fields = [],
  action,
  danger = false,
  ready = () => true,
  run,
  words,
}) {
  return new Promise((fulfil) => {
    let done = false;
    const failed = h('p', { class: 'failure', role: 'alert', hidden: true });
    const yes = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, action);
    const no = h('button', { type: 'button', on: { click: () => dialog.close() } }, 'Cancel');
    const check = () => {
      yes.disabled = !ready();
    };
    const submit = async (event) => {
      event.preventDefault();
      if (yes.disabled) return;
      yes.disabled = true;
      failed.hidden = true;
      try {
        await run();
        done = true;
        dialog.close();
      } catch (error) {
        setText(failed, words(error));
        failed.hidden = false;
        check();
      }
    };
    const form = h(
      'form',
      { novalidate: true, on: { submit, input: check } },
      text,
      fields,
      failed,
      h('div', { class: 'actions' }, no, yes),
    );
    const dialog = openDialog({ title, body: form, actions: [] });
    dialog.addEventListener('close', () => fulfil(done));
    check();
    (form.querySelector('input, textarea, select') ?? no).focus();
  });
}

/** A labelled input with a hint below it. */
export function field(label, input, hint) {
  const id = newId('field');
  input.id = id;
  if (hint) input.setAttribute('aria-describedby', `${id}-hint`);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null,
  );
}

/** Says something at the foot of the page for a while. */
export function toast(text) {
  const message = h('p', { class: 'toast' }, text);
  document.getElementById('toasts').append(message);
  setTimeout(() => message.remove(), TOAST_MS);
}
