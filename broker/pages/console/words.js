// What could not be had, in words: what happened, why, and what can be done.
// broker/pages/console/: the notices and empty states of all views.
import { h } from './dom.js';

/** What a part of the console needs, for people who have not got it. */
export const RIGHTS = {
  broker:
    'the right “manage” on “**”; where no access is configured, a browser on the broker’s own machine',
  topics: 'the right “subscribe” or “manage” on them',
  topic: 'the right “subscribe” or “manage” on this topic',
  follow: 'the right “subscribe” on this topic',
  publish: 'the right “publish” on this topic',
  manage: 'the right “manage” on this topic',
  cursors: 'the right “manage” on their topics',
};

/** {title, text} of an error; `what` could not be had, and `need` is the right it takes. */
export function explain(error, what, need) {
  if (error.code === 'forbidden') {
    return { title: `You may not see ${what}`, text: `That needs ${need}.` };
  }
  if (error.code === 'unauthorized' || error.code === 'token_expired') {
    return { title: `You may not see ${what}`, text: 'The broker asks for a token.' };
  }
  if (error.code === 'unreachable') {
    return { title: 'The broker cannot be reached', text: `${error.message} Trying again.` };
  }
  return { title: `The broker could not give ${what}`, text: sentence(error.message) };
}

/** The words for a request that was to change something. */
export function refusal(error, need) {
  if (error.code === 'forbidden') return `The broker has refused: that needs ${need}.`;
  if (error.code === 'unreachable') {
    return `${error.message} Whether it was done is not known.`;
  }
  return sentence(error.message);
}

/** The broker's messages begin small and end without a full stop. */
export function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** A notice in place of what is missing. */
export function notice({ title, text }, ...more) {
  return h('div', { class: 'notice' }, h('h2', {}, title), h('p', {}, text), ...more);
}

/** There is nothing here, and that is fine. */
export function empty(title, text, ...more) {
  return h('div', { class: 'empty' }, h('h2', {}, title), h('p', {}, text), ...more);
}

/** Lists hold what a token has the right to, and say nothing of the rest. */
export function leftOut(session, text) {
  return session.token === undefined ? null : h('p', { class: 'hint' }, text);
}

/** A line somebody can type. */
export function command(text) {
  return h('pre', { class: 'command', tabindex: '0' }, h('code', {}, text));
}
