// The list of what happens, newest first.
// broker/pages/demo/: bounded; older lines go.
const MOST = 60;

export class Journal {
  constructor(list) {
    this.list = list;
  }

  /** `kind`: event, own, link, gap or bad; the look of the line. */
  say(kind, words) {
    const line = document.createElement('li');
    line.dataset.kind = kind;
    const time = document.createElement('time');
    time.textContent = new Date().toLocaleTimeString('en-GB');
    const text = document.createElement('span');
    text.textContent = words;
    line.append(time, text);
    this.list.prepend(line);
    while (this.list.children.length > MOST) this.list.lastElementChild.remove();
  }
}
