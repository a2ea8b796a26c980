// Trims and deletes a topic, once the operator has confirmed it.
// broker/pages/console/: both say before what they would take away.
import { askAndDo, field, toast } from './dialogs.js';
import { h, setText } from './dom.js';
import * as format from './format.js';
import { refusal, RIGHTS } from './words.js';

const words = (error) => refusal(error, RIGHTS.manage);

/** Fulfilled with whether it was done. */
export async function trimTopic(app, topic) {
  const { name, earliest, head } = topic;
  const keep = h('input', {
    type: 'text',
    name: 'keep',
    inputmode: 'numeric',
    value: String(earliest),
    autocomplete: 'off',
    required: true,
  });
  const effect = h('p', { class: 'effect', role: 'status' });
  const offset = () => (/^\d+$/.test(keep.value.trim()) ? Number(keep.value.trim()) : NaN);
  const ready = () => {
    const to = offset();
    const lost = to - earliest;
    const fits = to > earliest && to <= head + 1;
    setText(
      effect,
      fits
        ? `Forgets ${format.count(lost)} of ${format.count(head + 1 - earliest)} events, for good.`
        : `Type an offset from ${format.count(earliest + 1)} to ${format.count(head + 1)}.`,
    );
    return fits;
  };
  const done = await askAndDo({
    title: `Trim ${name}`,
    text: h(
      'p',
      {},
      `It holds the events ${format.count(earliest)} to ${format.count(head)}. Readers who have not come so far are told of the gap.`,
    ),
    fields: [field('First event to keep', keep), effect],
    action: 'Trim',
    danger: true,
    ready,
    words,
    run: () => app.api.trim(name, offset()),
  });
  if (done) toast(`${name} begins at event ${format.count(offset())} now.`);
  return done;
}

/** Fulfilled with whether it was done. */
export async function deleteTopic(app, { name, earliest, head, subscribers }) {
  const typed = h('input', {
    type: 'text',
    name: 'confirm',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
  });
  const followers = subscribers ? ` ${format.count(subscribers)} who follow it now are told.` : '';
  const done = await askAndDo({
    title: `Delete ${name}`,
    text: h(
      'p',
      {},
      `Its ${format.count(head + 1 - earliest)} events, cursors and producers are gone for good.${followers}`,
    ),
    fields: [field(`Type ${name} to confirm`, typed)],
    action: 'Delete topic',
    danger: true,
    words,
    ready: () => typed.value === name,
    run: () => app.api.deleteTopic(name),
  });
  if (done) toast(`${name} is deleted.`);
  return done;
}
