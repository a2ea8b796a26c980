// A page's script that follows a topic with a plain EventSource and keeps all it is told.
// tests/browser/: put into a page by event_source.test.mjs, which also lends it report().

/** What came, in order; `ids` holds the one of each event. */
const board = { numbers: [], ids: [], gaps: [], opened: 0 };

// eslint-disable-next-line no-unused-vars -- called by the test
function follow(url) {
  const source = new EventSource(url);
  source.onopen = () => ++board.opened;
  source.onerror = () => {
    // Any other state: the connection is lost, and the browser itself is about to make a new one.
    if (source.readyState === EventSource.CLOSED) report('given up', null);
  };
  source.addEventListener('data', (event) => {
    board.ids.push(event.lastEventId);
    for (const { n } of JSON.parse(event.data)) {
      board.numbers.push(n);
      report('number', n);
    }
  });
  source.addEventListener('control', (event) => board.ids.push(event.lastEventId));
  source.addEventListener('gap', (event) => {
    board.ids.push(event.lastEventId);
    board.gaps.push({ after: board.numbers.length, ...JSON.parse(event.data) });
  });
}
