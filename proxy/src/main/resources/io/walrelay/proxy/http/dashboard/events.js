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
  list.prepend(
    h('li', { class: event.severity },
      h('time', { datetime: event.at, title: event.at }, clock(event.at)),
      h('b', {}, h('span', { class: 'hidden' }, `${event.severity}: `), event.kind),
      h('p', {}, event.text)));
  if (list.childElementCount > MOST) {
    list.lastElementChild.remove();
  }
}
