// Which view the address asks for.
// broker/pages/console/: #/topics, #/topic/NAME?tab=…, #/cursors, #/broker.

/** {view, name, parameters}; view is undefined if there is none of it. */
export function parseRoute(hash) {
  const [path, search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parameters = new URLSearchParams(search);
  const [view, ...rest] = path.split('/');
  if (view === '') return { view: 'topics', parameters };
  if (view === 'topic') {
    const name = decode(rest.join('/'));
    return name ? { view, name, parameters } : { view: undefined, parameters };
  }
  const known = ['topics', 'cursors', 'broker'].includes(view) && rest.length === 0;
  return { view: known ? view : undefined, parameters };
}

/** The address of a topic's page. Slashes stay, as people write them. */
export function topicRoute(name, tab) {
  return `#/topic/${name.split('/').map(encodeURIComponent).join('/')}${tab ? `?tab=${tab}` : ''}`;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Calls `open(route)` now and whenever the address changes. Anchors within the page are passed over. */
export function startRouter(open) {
  const follow = () => {
    const { hash } = location;
    if (hash === '' || hash.startsWith('#/')) open(parseRoute(hash));
  };
  addEventListener('hashchange', follow);
  follow();
}
