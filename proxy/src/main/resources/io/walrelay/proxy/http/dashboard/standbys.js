// All standbys in a table: how far each is in every respect, so that a slow network and a slow replay can be told apart.

import { age, bytes, seconds } from './format.js';
import { lagSeconds } from './downstream.js';
import { byId, h, keyed, say, set } from './html.js';
import { openWhy } from './why.js';

/** So many rows change each second without effort; whoever looks for one of more filters. */
const MOST_ROWS = 200;

const COLUMNS = [
  { title: 'Standby', of: (one) => one.name },
  { title: 'State', of: (one) => one.word },
  { title: 'Sent', of: (one) => stage(one, 'sent'), number: true },
  { title: 'Written', of: (one) => stage(one, 'write'), number: true },
  { title: 'Flushed', of: (one) => stage(one, 'flush'), number: true },
  { title: 'Replayed', of: (one) => stage(one, 'replay'), number: true },
  { title: 'Last reply', of: (one, now) => (one.session ? seconds(age(one.session.last_reply, now)) : ''), number: true },
];

/** Behind by what, of a column with a stage. */
function stage(one, name) {
  const at = one.session?.[name];
  return at?.position ? `${bytes(at.lag_bytes)}\n${seconds(lagSeconds(one.session, name))}` : '';
}

const SORTS = {
  Standby: (one) => one.name.toLowerCase(),
  Sent: (one) => -(one.session?.sent.lag_bytes ?? -1),
  Written: (one) => -(one.session?.write.lag_bytes ?? -1),
  Flushed: (one) => -(one.session?.flush.lag_bytes ?? -1),
  Replayed: (one) => -(one.session?.replay.lag_bytes ?? -1),
};

let table = null;
let sort = null;
let last = null;

/** Shows `all`, as `downstreams` sorted them, at the relay's time `now`. */
export function drawStandbys(all, now) {
  last = [all, now];
  if (!table) {
    build();
  }
  const words = byId('standbys-filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = words.length === 0 ? all : all.filter((one) => words.every((word) => text(one).includes(word)));
  const sorted = sort
    ? [...matching].sort((a, b) => (SORTS[sort](a) < SORTS[sort](b) ? -1 : SORTS[sort](a) > SORTS[sort](b) ? 1 : 0))
    : matching;
  const streaming = all.filter((one) => one.session).length;
  say(byId('standbys-count'), `${streaming} connected${all.length > streaming ? `, ${all.length - streaming} not` : ''}`);
  keyed(
    table.body,
    sorted.slice(0, MOST_ROWS),
    (one) => one.key,
    createRow,
    (row, one) => updateRow(row, one, now),
  );
  const left = sorted.length - MOST_ROWS;
  say(
    table.note,
    left > 0
      ? `${left} more: filter to see them.`
      : sorted.length === 0
        ? all.length === 0
          ? 'Nobody is connected, and there is no slot.'
          : 'None matches.'
        : '',
  );
}

function text(one) {
  return [one.name, one.session?.relay ? 'relay' : '', one.word, one.client, one.slot?.name, one.session?.slot, one.session?.state]
    .filter(Boolean)
    .join(' ')
    .toLowerCase();
}

function build() {
  const heads = COLUMNS.map(({ title, number }) =>
    h('th', { scope: 'col', class: number ? 'number' : null }, SORTS[title] ? sorter(title) : title),
  );
  table = { body: h('tbody'), heads, note: h('p', { class: 'note' }) };
  byId('standbys-table').append(
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, 'Standbys, with how far each is behind the relay'),
      h('thead', {}, h('tr', {}, ...heads, h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Why')))),
      table.body,
    ),
  );
  byId('standbys-table').after(table.note);
  byId('standbys-filter').addEventListener('input', redraw);
}

function sorter(title) {
  return h(
    'button',
    {
      type: 'button',
      class: 'sort',
      click: () => {
        sort = sort === title ? null : title;
        COLUMNS.forEach((column, i) =>
          set(table.heads[i], { 'aria-sort': column.title === sort ? (column.number ? 'descending' : 'ascending') : null }),
        );
        redraw();
      },
    },
    title,
  );
}

function redraw() {
  drawStandbys(...last);
}

function createRow(one) {
  const cells = COLUMNS.map(({ title, number }, i) =>
    h(
      i === 0 ? 'th' : 'td',
      { scope: i === 0 ? 'row' : null, class: number ? 'number' : null, 'data-title': title },
      h('span'),
      h('small'),
    ),
  );
  const button = h('button', { type: 'button', class: 'quiet', 'aria-label': `why ${one.name}`, click: () => openWhy(one.name) }, 'why');
  return h('tr', {}, ...cells, h('td', { class: 'action' }, button));
}

function updateRow(row, one, now) {
  set(row, { class: one.level });
  COLUMNS.forEach((column, i) => {
    const [main, small] = row.children[i].children;
    const [first, second] = column.number ? column.of(one, now).split('\n') : [column.of(one), beside(one, column.title)];
    say(main, first);
    say(small, second ?? '');
  });
}

/** What stands smaller below. */
function beside(one, title) {
  if (title === 'Standby') {
    return [one.session?.relay ? 'relay' : '', one.slot ? (one.slot.name === one.name ? 'own slot' : `slot ${one.slot.name}`) : 'no slot', one.client]
      .filter(Boolean)
      .join(' · ');
  }
  return one.session ? `timeline ${one.session.timeline ?? '–'}` : one.refused ? `at ${one.refused.at.slice(11, 19)} UTC` : '';
}
