// Asks for a token when the broker wants one.
// broker/pages/console/: in place of a view; PROTOCOL.md 11 is what tokens are.
import { field } from './dialogs.js';
import { h } from './dom.js';
import { command } from './words.js';

/** `reason`: the code the one shown was refused with, if one was; `use(token)` takes the next. */
export class SignIn {
  title = 'Token';
  shortcuts = [];

  constructor(reason, use) {
    const token = h('input', {
      type: 'password',
      name: 'token',
      autocomplete: 'off',
      spellcheck: 'false',
      required: true,
      'aria-invalid': reason ? 'true' : null,
    });
    const submit = (event) => {
      event.preventDefault();
      if (token.value.trim()) use(token.value.trim());
      else token.focus();
    };
    this.node = h(
      'div',
      { class: 'view narrow' },
      h(
        'form',
        { class: 'panel sign-in', novalidate: true, on: { submit } },
        h('h1', { tabindex: '-1' }, 'This broker asks for a token'),
        reason
          ? h(
              'p',
              { class: 'failure', role: 'alert' },
              reason === 'token_expired'
                ? 'The token has expired.'
                : 'The broker does not take this token.',
            )
          : null,
        field('Token or API key', token, 'It stays in this tab and is gone with it.'),
        h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, 'Use it')),
      ),
      h(
        'details',
        { class: 'panel' },
        h('summary', {}, 'How to make one'),
        h(
          'p',
          {},
          'This makes an API key that sees and may do everything, and prints the lines for the broker’s configuration:',
        ),
        command(
          "tidemark token key --name console \\\n  --manage '**' --subscribe '**' --publish '**'",
        ),
      ),
    );
    this.focus = () => token.focus();
  }

  close() {}
}
