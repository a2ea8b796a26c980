// The board on the page: columns, notes, and what people do with them.
// broker/pages/demo/: draws Notes; tells `acts` what is wanted, and never changes a note itself.
import { COLUMNS } from './notes.js';

const template = (id) => document.getElementById(id).content.firstElementChild;

export class BoardView {
  /**
   * `acts` has add(column, text), edit(id, text), move(id, column, before), delete(id) and
   * clear(column); `before` is the id of a note, or undefined: the end.
   */
  constructor(place, acts) {
    this.acts = acts;
    this.notes = new Map(); // elements by id
    this.columns = new Map();
    this.dragged = undefined;
    for (const column of COLUMNS) {
      const made = this.#column(column);
      this.columns.set(column.id, made);
      place.append(made);
    }
  }

  draw(notes) {
    const focused = document.activeElement;
    const gone = new Set(this.notes.keys());
    for (const [column, element] of this.columns) {
      const list = element.querySelector('ul');
      const all = notes.of(column);
      all.forEach((note, at) => {
        gone.delete(note.id);
        const shown = this.#shown(note);
        if (list.children[at] !== shown) list.insertBefore(shown, list.children[at] ?? null);
      });
      element.querySelector('.count').textContent = all.length || '';
      element.querySelector('.clear').hidden = column !== 'done' || all.length === 0;
    }
    for (const id of gone) {
      // Whoever is writing in it can still save it, which brings it back.
      if (this.#editing(id)) continue;
      this.notes.get(id).remove();
      this.notes.delete(id);
    }
    // An element that moves in the page loses the focus.
    if (focused !== document.activeElement && focused?.isConnected) focused.focus();
  }

  /** Draws the eye to a note that somebody else has changed. */
  flash(id) {
    this.notes.get(id)?.animate(
      [{ boxShadow: '0 0 0 3px var(--accent)' }, { boxShadow: '0 0 0 3px transparent' }],
      { duration: 1200 },
    );
  }

  #editing(id) {
    return !this.notes.get(id).querySelector('.editor').hidden;
  }

  #column({ id, title }) {
    const element = template('column-template').cloneNode(true);
    element.dataset.column = id;
    const heading = element.querySelector('h2');
    heading.textContent = title;
    heading.id = `column-${id}`;
    element.setAttribute('aria-labelledby', heading.id);
    const clear = element.querySelector('.clear');
    clear.setAttribute('aria-label', `Delete all notes in ${title}`);
    clear.onclick = () => this.acts.clear(id);

    const form = element.querySelector('.adder');
    const input = form.querySelector('textarea');
    input.setAttribute('aria-label', `New note in ${title}`);
    form.onsubmit = (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text) this.acts.add(id, text);
      input.value = '';
      input.focus();
    };
    submitByEnter(input, form);
    this.#takesDrops(element, id);
    return element;
  }

  #takesDrops(element, column) {
    const below = (y) => [...element.querySelectorAll('.note')].find((note) => {
      const { top, height } = note.getBoundingClientRect();
      return note.dataset.note !== this.dragged && y < top + height / 2;
    });
    element.ondragover = (event) => {
      if (!this.dragged) return;
      event.preventDefault();
      element.classList.add('over');
    };
    element.ondragleave = (event) => {
      if (!element.contains(event.relatedTarget)) element.classList.remove('over');
    };
    element.ondrop = (event) => {
      element.classList.remove('over');
      if (!this.dragged) return;
      event.preventDefault();
      this.acts.move(this.dragged, column, below(event.clientY)?.dataset.note);
    };
  }

  #shown(note) {
    let element = this.notes.get(note.id);
    if (!element) this.notes.set(note.id, (element = this.#note(note.id)));
    const text = element.querySelector('.text');
    if (text.textContent !== note.text) text.textContent = note.text;
    element.querySelector('.by').textContent = note.by;
    element.style.setProperty('--hue', note.hue);
    element.dataset.column = note.column;
    element.dataset.state = note.waiting ? 'waiting' : 'logged';
    element.classList.toggle('leaving', note.leaving === true);
    const at = COLUMNS.findIndex(({ id }) => id === note.column);
    const name = note.text.length > 40 ? `${note.text.slice(0, 39)}…` : note.text;
    const label = (what, words, possible = true) => {
      const button = element.querySelector(`[data-do="${what}"]`);
      button.setAttribute('aria-label', words);
      button.title = words.split(':')[0];
      // A button that is disabled would lose the focus of whoever has just used it.
      button.setAttribute('aria-disabled', String(!possible));
    };
    label('left', `To ${COLUMNS[at - 1]?.title ?? 'the left'}: ${name}`, at > 0);
    label('right', `To ${COLUMNS[at + 1]?.title ?? 'the right'}: ${name}`, at < COLUMNS.length - 1);
    label('edit', `Edit: ${name}`);
    label('delete', `Delete: ${name}`);
    return element;
  }

  #note(id) {
    const element = template('note-template').cloneNode(true);
    element.dataset.note = id;
    element.draggable = true;
    element.ondragstart = (event) => {
      this.dragged = id;
      event.dataTransfer.effectAllowed = 'move';
      event.dataTransfer.setData('text/plain', element.querySelector('.text').textContent);
      element.classList.add('dragged');
    };
    element.ondragend = () => {
      this.dragged = undefined;
      element.classList.remove('dragged');
    };
    element.onclick = ({ target }) => {
      const button = target.closest('[data-do]');
      if (button && button.getAttribute('aria-disabled') !== 'true') this.#do(button.dataset.do, id);
    };
    element.querySelector('.text').ondblclick = () => this.#do('edit', id);
    const editor = element.querySelector('.editor');
    const input = editor.querySelector('textarea');
    editor.onsubmit = (event) => {
      event.preventDefault();
      const text = input.value.trim();
      this.#edit(element, false);
      if (text && text !== element.querySelector('.text').textContent) this.acts.edit(id, text);
      else this.acts.redraw();
    };
    editor.onkeydown = ({ key }) => {
      if (key === 'Escape') this.#do('cancel', id);
    };
    submitByEnter(input, editor);
    return element;
  }

  #do(what, id) {
    const element = this.notes.get(id);
    const at = COLUMNS.findIndex((column) => column.id === element.dataset.column);
    if (what === 'left') this.acts.move(id, COLUMNS[at - 1].id);
    else if (what === 'right') this.acts.move(id, COLUMNS[at + 1].id);
    else if (what === 'delete') this.acts.delete(id);
    else this.#edit(element, what === 'edit');
    if (what === 'cancel') this.acts.redraw(); // it may have been deleted meanwhile
  }

  #edit(element, begin) {
    const editor = element.querySelector('.editor');
    const input = editor.querySelector('textarea');
    editor.hidden = !begin;
    element.classList.toggle('edited', begin);
    element.draggable = !begin; // else the text could not be selected
    if (begin) {
      input.value = element.querySelector('.text').textContent;
      input.focus();
      input.select();
    } else {
      element.querySelector('[data-do="edit"]').focus();
    }
  }
}

function submitByEnter(input, form) {
  input.onkeydown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  };
}
