// Why a standby can't stream, or is behind, in the relay's own words, with the command to paste.

import { get } from './live.js';
import { byId, h, say } from './html.js';

const PREFIX = '#why=';
let asked = null;

/** To be called once. */
export function prepareWhy() {
  const dialog = byId('why');
  byId('why-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('close', () => {
    asked = null;
    if (location.hash.startsWith(PREFIX)) {
      history.replaceState(null, '', location.pathname + location.search);
    }
  });
}

/** A link to an answer is a link to this page: opens what the address names. */
export function openLinked() {
  if (location.hash.startsWith(PREFIX)) {
    const name = location.hash.slice(PREFIX.length);
    try {
      openWhy(decodeURIComponent(name));
    } catch {
      openWhy(name); // Whoever wrote the address by hand wrote it as it is.
    }
  }
}

/** Asks about a standby by its name or its slot, and shows the answer. */
export async function openWhy(name) {
  const dialog = byId('why');
  asked = name;
  say(byId('why-title'), name);
  byId('why-body').replaceChildren(h('p', { class: 'note' }, 'asking the relay'));
  if (!dialog.open) {
    dialog.showModal();
  }
  history.replaceState(null, '', PREFIX + encodeURIComponent(name));
  let answer;
  try {
    answer = findings(await get(`api/v1/standbys/${encodeURIComponent(name)}/why`));
  } catch (error) {
    answer = [h('p', { class: 'cause bad' }, error.message)];
  }
  if (asked === name) {
    byId('why-body').replaceChildren(...answer);
  }
}

function findings({ streams, causes }) {
  const verdict = causes.length === 0 ? 'It streams, and nothing holds it back.' : streams ? 'It streams.' : 'It does not stream.';
  return [
    h('p', { class: `verdict ${streams ? (causes.length === 0 ? 'ok' : 'warn') : 'bad'}` }, verdict),
    ...causes.map((cause) =>
      h(
        'section',
        { class: `cause ${cause.stops ? 'bad' : 'warn'}` },
        h('h3', {}, cause.cause, ' ', h('span', { class: 'aside' }, cause.stops ? 'until somebody does something' : 'for now')),
        h('p', {}, cause.sentence),
        cause.command ? command(cause.command) : null,
      ),
    ),
  ];
}

function command(text) {
  const copy = h('button', { type: 'button', class: 'quiet' }, 'Copy');
  copy.addEventListener('click', async () => {
    // Browsers give the clipboard to secure pages only.
    try {
      await navigator.clipboard.writeText(text);
      say(copy, 'Copied');
    } catch {
      getSelection().selectAllChildren(copy.previousElementSibling);
      say(copy, 'Selected');
    }
  });
  return h('div', { class: 'command' }, h('code', { tabindex: 0 }, text), copy);
}
