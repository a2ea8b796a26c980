// The console: its parts put together, the bar kept true, a view for each address.
// broker/pages/console/: loaded by index.html; everything else is imported from here.
import { Api } from './api.js';
import { h, setText, show } from './dom.js';
import * as format from './format.js';
import { Health } from './health.js';
import { History } from './history.js';
import { startRouter } from './router.js';
import { Session } from './session.js';
import { Shortcuts } from './shortcuts.js';
import { SignIn } from './sign_in.js';
import { showTheme, turnTheme } from './theme_button.js';
import { BrokerView } from './view_broker.js';
import { CursorsView } from './view_cursors.js';
import { TopicView } from './view_topic.js';
import { TopicsView } from './view_topics.js';
import { empty } from './words.js';

const VIEWS = { topics: TopicsView, topic: TopicView, cursors: CursorsView, broker: BrokerView };

const element = (id) => document.getElementById(id);

const session = new Session();
const health = new Health();
const api = new Api(session, health);

/** What views are given. */
const app = {
  session,
  health,
  api,
  history: new History(api),
  /** Loaded when it is needed: all but the tail is of use without it. */
  async makeClient(options) {
    const { TidemarkClient } = await import('/client/tidemark-client.js');
    return new TidemarkClient(options);
  },
};

let route;
let view;

function mount(next, { focus = true } = {}) {
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  view?.close();
  view = next;
  show(element('main'), view.node);
  document.title = `${view.title} · Tidemark`;
  // A function: a topic's view may change what its keys do.
  shortcuts.use(() => view.shortcuts);
  scrollTo(0, 0);
  if (view.focus) view.focus();
  else if (focus) view.node.querySelector('h1')?.focus();
}

function open(next) {
  const first = route === undefined;
  route = next;
  markView(next.view === 'topic' ? 'topics' : next.view);
  if (session.wanted.value) return askForToken();
  const View = VIEWS[next.view];
  mount(View ? new View(app, next) : nowhere(), { focus: !first });
}

function nowhere() {
  const node = h(
    'div',
    { class: 'view' },
    h('h1', { tabindex: '-1' }, 'Nothing here'),
    empty(
      'The console has no such page',
      'The address may have been typed wrong.',
      h('a', { class: 'button', href: '#/topics' }, 'All topics'),
    ),
  );
  return { node, title: 'Nothing here', shortcuts: [], close() {} };
}

function markView(name) {
  for (const link of document.querySelectorAll('.views a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

// ---- the token ----

function askForToken() {
  mount(
    new SignIn(session.wanted.value.reason, (token) => {
      session.use(token);
      open(route);
    }),
  );
}

session.wanted.watch((wanted) => {
  element('sign-out').hidden = session.token === undefined;
  if (wanted) askForToken();
});
element('sign-out').hidden = session.token === undefined;
element('sign-out').addEventListener('click', () => {
  session.forget();
  location.reload();
});

// ---- the broker's health ----

function showHealth() {
  const { state, since } = health.state.value;
  const texts = {
    unknown: 'Connecting',
    here: 'Connected',
    gone: `Gone since ${format.clock(since)}`,
  };
  setText(element('health'), texts[state]);
  element('health').dataset.state = state;
  const banner = element('banner');
  banner.hidden = state !== 'gone';
  setText(
    banner,
    state === 'gone'
      ? `The broker does not answer since ${format.clock(since)}. Trying again every two seconds; what is shown is from before.`
      : '',
  );
  document.body.classList.toggle('stale', state === 'gone');
}
health.state.watch(showHealth);
showHealth();

// ---- keys and colours ----

const shortcuts = new Shortcuts([
  { keys: 't', does: 'Light or dark', run: () => turnTheme(element('theme')) },
]);
element('help').addEventListener('click', () => shortcuts.help());
element('theme').addEventListener('click', () => turnTheme(element('theme')));
showTheme(element('theme'));

startRouter(open);
