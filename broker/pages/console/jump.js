// What is typed into “Jump to”: an offset, a moment, or a way back from now.
// broker/pages/console/: pure; the tail does the jumping.

const UNITS = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * {offset} | {time} | {last} | {from: 'earliest'}, or {problem} in words. `now` in milliseconds.
 * 4711 is an offset, -100 the last hundred, 10m ten minutes ago, 14:30 today, 2026-11-29 14:30 that day.
 */
export function parseJump(text, now) {
  const typed = text
    .trim()
    .toLowerCase()
    .replace(/\s+ago$/, '');
  if (typed === '') return { problem: 'Type an offset, a time, or how far back.' };
  if (['earliest', 'first', 'start'].includes(typed)) return { from: 'earliest' };
  const plain = typed.replace(/[,_ ](?=\d{3}\b)/g, '');
  if (/^#?\d+$/.test(plain)) {
    const offset = Number(plain.replace('#', ''));
    return Number.isSafeInteger(offset)
      ? { offset: Math.max(1, offset) }
      : { problem: 'There is no such offset.' };
  }
  if (/^-\d+$/.test(plain)) {
    const last = -Number(plain);
    return last > 0 && Number.isSafeInteger(last)
      ? { last }
      : { problem: 'Type how many, as in -100.' };
  }
  const back = /^(\d+(?:\.\d+)?)\s*(s|min|m|h|d)$/.exec(typed);
  if (back) return { time: Math.max(0, Math.round(now - Number(back[1]) * UNITS[back[2]])) };
  const time = momentOf(text.trim(), now);
  return Number.isFinite(time)
    ? { time: Math.max(0, time) }
    : { problem: 'Try 4711, -100, 10m, 14:30 or 2026-11-29 14:30.' };
}

function momentOf(text, now) {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (clock) {
    const [hour, minute, second] = [clock[1], clock[2], clock[3] ?? '0'].map(Number);
    if (hour > 23 || minute > 59 || second > 59) return NaN;
    return new Date(now).setHours(hour, minute, second, 0);
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return NaN;
  // A day alone would be taken as UTC, unlike a day with a time.
  return Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'));
}
