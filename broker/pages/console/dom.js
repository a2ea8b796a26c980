// Elements in a line each, and lists that keep the elements they have.
// broker/pages/console/: text from outside becomes text nodes only, never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An element. Attributes: `on` holds listeners, `data` the dataset; null and false leave one out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, { on = {}, data = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  Object.assign(element.dataset, data);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...present(children));
  return element;
}

function present(children) {
  return children
    .flat(2)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces what an element holds. */
export function show(element, ...children) {
  element.replaceChildren(...present(children));
}

/** Changes a text only if it is another, so that selections and screen readers are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same of an attribute; null removes it. */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * A parent whose children stand for items by key: elements are kept, moved, made and removed as
 * the items change, so that focus and selection outlive every poll.
 */
export class KeyedList {
  #parent;
  #make;
  #entries = new Map();

  /** `make(item)` gives {node, update(item)}. */
  constructor(parent, make) {
    this.#parent = parent;
    this.#make = make;
  }

  show(items, keyOf) {
    const kept = new Map();
    let place = this.#parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      const entry = this.#entries.get(key) ?? this.#make(item);
      entry.update(item);
      kept.set(key, entry);
      if (entry.node === place) place = place.nextSibling;
      else this.#parent.insertBefore(entry.node, place);
    }
    for (const [key, { node }] of this.#entries) if (!kept.has(key)) node.remove();
    this.#entries = kept;
  }
}
