// The button that turns the colours: as the system has it, light, dark.
// broker/pages/console/: theme.js takes up what is chosen here before the next page is painted.
import { s, show } from './dom.js';

const KEY = 'tidemark:console:theme';
const NEXT = { system: 'light', light: 'dark', dark: 'system' };
const NAMES = { system: 'as the system', light: 'light', dark: 'dark' };
const ICONS = {
  system: () => [
    s('circle', { cx: 12, cy: 12, r: 8 }),
    s('path', { class: 'filled', d: 'M12 4a8 8 0 0 1 0 16z' }),
  ],
  light: () => [
    s('circle', { cx: 12, cy: 12, r: 4 }),
    s('path', {
      d: 'M12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3l1.8 1.8M16.9 16.9l1.8 1.8M18.7 5.3l-1.8 1.8M7.1 16.9l-1.8 1.8',
    }),
  ],
  dark: () => [s('path', { d: 'M20 14.5A8.3 8.3 0 0 1 9.5 4 8.3 8.3 0 1 0 20 14.5z' })],
};

const root = document.documentElement;

export function turnTheme(button) {
  const next = NEXT[root.dataset.theme ?? 'system'];
  if (next === 'system') delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage is forbidden here: it holds until the page is gone.
  }
  showTheme(button);
}

export function showTheme(button) {
  const theme = root.dataset.theme ?? 'system';
  const text = `Colours: ${NAMES[theme]}`;
  button.setAttribute('aria-label', text);
  button.title = `${text} (t)`;
  show(
    button,
    s(
      'svg',
      { viewBox: '0 0 24 24', width: 18, height: 18, 'aria-hidden': 'true' },
      ICONS[theme](),
    ),
  );
}
