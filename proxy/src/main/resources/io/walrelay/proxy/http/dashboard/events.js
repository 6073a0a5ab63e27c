// What happened, the newest first.

import { clock } from './format.js';
import { byId, h } from './html.js';

/** As many as the relay remembers. */
const MOST = 500;

let list = null;

/** A stream begins: it brings the recent ones again. */
export function clearEvents() {
  list?.replaceChildren();
}

export function addEvent(event) {
  if (!list) {
    list = h('ol');
    byId('events').append(list);
    byId('events-quiet').addEventListener('change', (change) => list.classList.toggle('quiet', change.target.checked));
  }
  const newest = list.firstElementChild;
  // A standby that is sent away comes back each few seconds, from another port.
  const same = `${event.severity} ${event.kind} ${event.text.replace(/:\d+/g, '')}`;
  if (newest?.same === same) {
    newest.remove();
  }
  const times = newest?.same === same ? newest.times + 1 : 1;
  const item = h(
    'li',
    { class: event.severity },
    h('time', { datetime: event.at, title: event.at }, clock(event.at)),
    h(
      'b',
      {},
      h('span', { class: 'hidden' }, `${event.severity}: `),
      event.kind,
      times > 1 ? h('span', { class: 'times' }, `${times} times`) : null,
    ),
    h('p', {}, event.text.replace(/ (?=(DETAIL|HINT): )/g, '\n')),
  );
  list.prepend(Object.assign(item, { same, times }));
  if (list.childElementCount > MOST) {
    list.lastElementChild.remove();
  }
}
