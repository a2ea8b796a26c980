// Lines over the last ten minutes: an SVG with axes, its figures as a table, and sparklines.
// broker/pages/console/: no library; a chart is drawn anew with each poll.
import { h, s, setText, show } from './dom.js';
import * as format from './format.js';
import { WINDOW_MS } from './history.js';

const HEIGHT = 168;
const LEFT = 52;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 22;
const TABLE_STEP_MS = 30_000;

/** Two to five round numbers from 0 up to at least `top`. */
export function ticks(top) {
  if (!(top > 0)) return [0, 1];
  const rough = top / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const count = Math.ceil(top / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** The `d` of a line through points; null values are holes in it. A lone point is a dot. */
export function linePath(points, x, y) {
  let path = '';
  let pen = false;
  points.forEach(({ time, value }, index) => {
    if (value !== null) {
      const place = `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
      path += `${pen ? 'L' : 'M'}${place}`;
      const alone = !pen && (points[index + 1]?.value ?? null) === null;
      if (alone) path += 'h0.01';
    }
    pen = value !== null;
  });
  return path;
}

/** The area below it, each unbroken run by itself. */
function areaPath(points, x, y) {
  const runs = [[]];
  for (const point of points) {
    if (point.value === null) runs.push([]);
    else runs.at(-1).push(point);
  }
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const foot = y(0).toFixed(1);
      return `${linePath(run, x, y)}L${x(run.at(-1).time).toFixed(1)} ${foot}L${x(run[0].time).toFixed(1)} ${foot}Z`;
    })
    .join('');
}

export class Chart {
  #series;
  #format;
  #unit;
  #title;
  #svg = s('svg', { class: 'plot', role: 'img' });
  #figures; // of the legend
  #moment = h('span', {});
  #table = h('tbody');
  #details;
  #points = [];
  #pointed; // the time under the pointer
  #observer;

  /** `series`: [{name, points()}]; `format(value)` gives a figure's text, `unit` stands behind it. */
  constructor({ title, series, format: text, unit = '', note }) {
    this.#series = series;
    this.#format = text;
    this.#unit = unit;
    this.#title = title;
    this.#figures = series.map(() => h('b', {}));
    const legend = series.map(({ name }, index) =>
      h(
        'span',
        { class: `key series-${index}` },
        h('i', { 'aria-hidden': 'true' }),
        `${name} `,
        this.#figures[index],
      ),
    );
    const head = h(
      'tr',
      {},
      h('th', { scope: 'col' }, 'Time'),
      series.map(({ name }) => h('th', { scope: 'col' }, unit ? `${name} (${unit})` : name)),
    );
    this.#details = h(
      'details',
      { class: 'as-table', on: { toggle: () => this.#tabulate() } },
      h('summary', {}, 'As a table'),
      h(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${title} as a table` },
        h('table', {}, h('caption', { class: 'unseen' }, title), h('thead', {}, head), this.#table),
      ),
    );
    this.node = h(
      'figure',
      { class: 'chart' },
      h(
        'figcaption',
        {},
        h('h2', {}, title, unit ? h('small', {}, ` ${unit}`) : null),
        h('div', { class: 'legend' }, legend, this.#moment),
      ),
      this.#svg,
      note,
      this.#details,
    );
    this.#svg.addEventListener('pointermove', (event) => this.#point(event));
    this.#svg.addEventListener('pointerleave', () => {
      this.#pointed = undefined;
      this.#draw();
    });
    this.#observer = new ResizeObserver(() => this.#draw());
    this.#observer.observe(this.#svg);
  }

  /** Draws what the series have now. */
  update() {
    this.#points = this.#series.map(({ points }) => points());
    this.#draw();
    this.#tabulate();
  }

  close() {
    this.#observer.disconnect();
  }

  #draw() {
    const width = this.#svg.clientWidth;
    if (width === 0) return;
    const now = Date.now();
    const values = this.#points
      .flat()
      .map(({ value }) => value)
      .filter((value) => value !== null);
    const marks = ticks(Math.max(0, ...values));
    const top = marks.at(-1);
    const x = (time) => LEFT + ((time - now + WINDOW_MS) / WINDOW_MS) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    show(
      this.#svg,
      this.#axes(marks, x, y, width),
      this.#points.length === 1
        ? s('path', { class: 'area series-0', d: areaPath(this.#points[0], x, y) })
        : null,
      this.#points.map((points, index) =>
        s('path', { class: `line series-${index}`, d: linePath(points, x, y) }),
      ),
      values.length === 0
        ? s('text', { class: 'nothing', x: (LEFT + width) / 2, y: HEIGHT / 2 }, 'Nothing yet')
        : null,
      this.#crosshair(x, y),
    );
    this.#tell();
  }

  #axes(marks, x, y, width) {
    const now = Date.now();
    const minutes = width < 360 ? [10, 5, 0] : [10, 8, 6, 4, 2, 0];
    return s(
      'g',
      { class: 'axes', 'aria-hidden': 'true' },
      marks.map((mark) => [
        s('line', {
          x1: LEFT,
          x2: width - RIGHT,
          y1: y(mark),
          y2: y(mark),
          class: mark === 0 ? 'base' : 'grid',
        }),
        s('text', { x: LEFT - 8, y: y(mark) + 4, 'text-anchor': 'end' }, this.#format(mark)),
      ]),
      minutes.map((minute) =>
        s(
          'text',
          {
            x: x(now - minute * 60_000),
            y: HEIGHT - 5,
            'text-anchor': minute === 0 ? 'end' : minute === 10 ? 'start' : 'middle',
          },
          minute === 0 ? 'now' : `−${minute} min`,
        ),
      ),
    );
  }

  #crosshair(x, y) {
    if (this.#pointed === undefined) return null;
    const at = x(this.#pointed);
    return s(
      'g',
      { class: 'crosshair' },
      s('line', { x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }),
      this.#points.map((points, index) => {
        const point = points.find(({ time }) => time === this.#pointed);
        return point && point.value !== null
          ? s('circle', { class: `series-${index}`, cx: at, cy: y(point.value), r: 3.5 })
          : null;
      }),
    );
  }

  #point(event) {
    const { left, width } = this.#svg.getBoundingClientRect();
    const now = Date.now();
    const time =
      now - WINDOW_MS + ((event.clientX - left - LEFT) / (width - LEFT - RIGHT)) * WINDOW_MS;
    const points = (this.#points[0] ?? []).filter(({ value }) => value !== null);
    if (points.length === 0) return;
    this.#pointed = points.reduce((best, point) =>
      Math.abs(point.time - time) < Math.abs(best.time - time) ? point : best,
    ).time;
    this.#draw();
  }

  /** The figures of the legend, and the sentence for who cannot see the lines. */
  #tell() {
    const shown = this.#points.map((points) => {
      const point =
        this.#pointed === undefined
          ? points.at(-1)
          : points.find(({ time }) => time === this.#pointed);
      return this.#format(point?.value ?? NaN);
    });
    shown.forEach((text, index) => setText(this.#figures[index], text));
    setText(this.#moment, this.#pointed === undefined ? '' : `at ${format.clock(this.#pointed)}`);
    if (this.#pointed !== undefined) return;
    const parts = this.#series.map(({ name }, index) =>
      `${name} ${shown[index]} ${this.#unit}`.trim(),
    );
    this.#svg.setAttribute(
      'aria-label',
      `${this.#title}, last ten minutes. Now: ${parts.join(', ')}.`,
    );
  }

  #tabulate() {
    if (!this.#details.open) return;
    const rows = [];
    let before = Infinity;
    for (let index = (this.#points[0]?.length ?? 0) - 1; index >= 0; --index) {
      const { time } = this.#points[0][index];
      if (before - time < TABLE_STEP_MS) continue;
      before = time;
      rows.push(
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, format.clock(time)),
          this.#points.map((points) => h('td', {}, this.#format(points[index]?.value ?? NaN))),
        ),
      );
    }
    show(this.#table, rows);
  }
}

/** A line without axes, for a table's cell or a tile: update(points). */
export class Sparkline {
  #line = s('path', { class: 'line' });
  #area = s('path', { class: 'area' });

  constructor(width = 96, height = 24) {
    this.width = width;
    this.height = height;
    this.node = s(
      'svg',
      {
        class: 'spark',
        viewBox: `0 0 ${width} ${height}`,
        width,
        height,
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
      },
      s('path', { class: 'foot', d: `M0 ${height - 0.5}H${width}` }),
      this.#area,
      this.#line,
    );
  }

  update(points) {
    const values = points.map(({ value }) => value ?? 0);
    const top = Math.max(1e-9, ...values);
    const end = points.at(-1)?.time ?? 0;
    const start = Math.min(points[0]?.time ?? 0, end - 60_000);
    const x = (time) => ((time - start) / (end - start)) * this.width;
    const y = (value) => this.height - 1.5 - (value / top) * (this.height - 3);
    const still = points.length < 2;
    this.#line.setAttribute('d', still ? '' : linePath(points, x, y));
    this.#area.setAttribute('d', still ? '' : areaPath(points, x, y));
  }
}
