// Numbers, sizes and times as people read them.
// broker/pages/console/: one place, so that a figure looks the same wherever it stands.

const COUNT = new Intl.NumberFormat('en');
const ONE_DECIMAL = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** What is not known. */
export const NONE = '–';

const known = (value) => typeof value === 'number' && Number.isFinite(value);

export function count(value) {
  return known(value) ? COUNT.format(value) : NONE;
}

/** For axes and narrow places: 12.4K. */
export function short(value) {
  if (!known(value)) return NONE;
  return Math.abs(value) < 10_000 ? ONE_DECIMAL.format(value) : SHORT.format(value);
}

/** Events in a second, without the unit. */
export function rate(value) {
  if (!known(value)) return NONE;
  if (value > 0 && value < 0.1) return '< 0.1';
  if (value < 10) return ONE_DECIMAL.format(value);
  return value < 100_000 ? COUNT.format(Math.round(value)) : SHORT.format(value);
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(value) {
  if (!known(value)) return NONE;
  let step = 0;
  let size = value;
  for (; size >= 1023.5 && step < SIZES.length - 1; ++step) size /= 1024;
  const digits = step === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${size.toFixed(digits)} ${SIZES[step]}`;
}

/** A latency given in seconds. */
export function latency(seconds) {
  if (!known(seconds)) return NONE;
  const ms = seconds * 1000;
  if (ms === 0) return '0';
  if (ms < 1) return `${ms < 0.01 ? ONE_DECIMAL.format(ms * 1000) : Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${ONE_DECIMAL.format(ms / 1000)} s`;
}

const SPANS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** Two units at most: 3 d 4 h. */
export function span(ms) {
  if (!known(ms)) return NONE;
  const seconds = Math.max(0, Math.round(ms / 1000));
  const first = SPANS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  const [unit, size] = SPANS[first];
  const whole = Math.floor(seconds / size);
  const next = SPANS[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return rest && whole < 10 ? `${whole} ${unit} ${rest} ${next[0]}` : `${whole} ${unit}`;
}

/** How long ago, from ISO text or milliseconds. */
export function ago(time, now = Date.now()) {
  const at = new Date(time).getTime();
  if (!known(at)) return NONE;
  return now - at < 2000 ? 'just now' : `${span(now - at)} ago`;
}

const two = (value) => String(value).padStart(2, '0');

/** 14:03:27 */
export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** 2026-11-29 */
export function day(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The clock with milliseconds, behind the day if it is not today's. */
export function moment(ms, now = Date.now()) {
  const time = `${clock(ms)}.${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`;
  return day(ms) === day(now) ? time : `${day(ms)} ${time}`;
}

/** What retention keeps, in words. */
export function retention({ max_events: events, max_bytes: size, max_age_ms: age }) {
  const bounds = [];
  if (age) bounds.push(span(age));
  if (events) bounds.push(`${short(events)} events`);
  if (size) bounds.push(bytes(size));
  return bounds.length ? bounds.join(', ') : 'everything';
}
