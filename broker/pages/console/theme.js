// Light or dark as last chosen here, before anything is painted; else as the system has it.
// broker/pages/console/: a plain script in the head, since modules run too late for that.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem('tidemark:console:theme');
  } catch {
    // Storage is forbidden here: the system's choice stands.
  }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
