// Whose the WAL is, by resource manager, and how much of it is full-page images: over the past half hour, now, and in all.

import { bytes, clock, percent, rate } from './format.js';
import { drawChart, toldMoment, toldTime } from './charts.js';
import { countedSince, grown, keepPlaces, past, rateAt, rates, walRate } from './past.js';
import { byId, h, keyed, say, table } from './html.js';

const MOST_MANAGERS = 6;
const RATE_STEPS = [0, 1, 2, 3].flatMap((power) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** power));
const SHARE_HEIGHT = 92;

let places = [];

export function drawWal() {
  const now = walRate();
  say(byId('wal-rate'), now === null ? '' : `${rate(now)} now`);
  const managers = [...past.managers]
    .map(([name, counts]) => ({ name, counts, bytes: grown(counts.bytes), image_bytes: grown(counts.image_bytes) }))
    .filter((manager) => manager.bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  places = keepPlaces(
    places,
    managers.slice(0, MOST_MANAGERS).map(({ name }) => name),
  );
  const shown = managers.slice(0, MOST_MANAGERS).map((manager) => ({ ...manager, colour: `curve-${places.indexOf(manager.name) + 1}` }));
  const others = managers.slice(MOST_MANAGERS);
  if (others.length > 0) {
    shown.push({ ...sum(others), name: `${others.length} other${others.length === 1 ? '' : 's'}`, colour: 'curve-other' });
  }
  drawRates(shown, now);
  drawShare(managers);
  drawManagers(shown, sum(managers));
}

/** What is not known makes no sum. */
function plus(a, b) {
  return a === null || b === null ? null : a + b;
}

function sum(managers) {
  const added = (field) => past.at.map((_, i) => managers.reduce((all, { counts }) => plus(all, counts[field][i]), managers.length ? 0 : null));
  return {
    counts: { bytes: added('bytes'), image_bytes: added('image_bytes') },
    bytes: managers.reduce((all, one) => all + one.bytes, 0),
    image_bytes: managers.reduce((all, one) => all + one.image_bytes, 0),
  };
}

/** Areas on top of each other, the largest at the bottom, and the line of all WAL. */
function drawRates(shown, now) {
  let below = past.at.map(() => 0);
  const areas = shown.map((manager) => {
    const of = rates(manager.counts.bytes);
    below = below.map((height, i) => plus(height, of[i]));
    return { values: below, line: '--card', fill: `--${manager.colour}` };
  });
  const all = { values: rates(past.written), line: '--text' };
  const scale = { format: rate, steps: RATE_STEPS, least: 1024 };
  drawChart('wal-chart', 'WAL per second, by resource manager', [...areas.reverse(), all], scale, now === null ? null : rate(now));
}

/** Of moments without WAL there is no share. */
function drawShare(managers) {
  const { counts } = sum(managers);
  const all = rates(counts.bytes);
  const images = rates(counts.image_bytes);
  const values = past.at.map((_, i) => (all[i] ? (100 * images[i]) / all[i] : null));
  drawChart('wal-images', 'Full-page images, share of the WAL', [{ values, line: '--text', fill: '--bar' }], {
    format: (value) => `${Math.round(value)} %`,
    steps: [50, 100],
    height: SHARE_HEIGHT,
    most: 100,
  });
}

function drawManagers(shown, all) {
  const container = byId('wal-managers');
  if (!all.bytes) {
    container.replaceChildren(h('p', { class: 'note' }, 'Whose the WAL is, is told from the first that comes while the relay runs; none has yet.'));
    return;
  }
  if (!container.table) {
    const columns = [
      { title: 'Resource manager' },
      { title: 'Share', hidden: true },
      { title: 'Half hour', number: true },
      { title: 'Now', number: true },
    ];
    container.table = table('WAL by resource manager', columns, 'bars').whole;
    container.told = container.table.tHead.rows[0].lastElementChild;
    container.note = h('p', { class: 'note' });
  }
  if (!container.contains(container.table)) {
    container.replaceChildren(container.table, container.note);
  }
  keyed(
    container.table.tBodies[0],
    shown,
    (manager) => manager.colour,
    createRow,
    (row, one) => {
      const [name, share, size, perSecond] = row.children;
      name.firstChild.className = `swatch ${one.colour}`;
      say(name.lastChild, one.name);
      share.firstChild.style.width = `${(100 * one.bytes) / Math.max(...shown.map((other) => other.bytes))}%`;
      share.firstChild.firstChild.style.width = `${(100 * one.image_bytes) / one.bytes}%`;
      share.firstChild.title = `${percent(one.image_bytes, one.bytes)} full-page images`;
      say(size, `${bytes(one.bytes)} · ${percent(one.bytes, all.bytes)}`);
      say(perSecond, rate(rateAt(one.counts.bytes, toldMoment())));
    },
  );
  say(container.told, toldTime().replace('now', 'Now'));
  const since = clock(new Date(countedSince() * 1000).toISOString());
  const images = `${percent(all.image_bytes, all.bytes)} of ${bytes(all.bytes)} since ${since}`;
  say(
    container.note,
    `The strong part of each bar is full-page images: ${images}. Records are counted as the relay reads them, a moment after they come. ` +
      'The line is all WAL: headers of pages and padding are nobody’s.',
  );
}

function createRow() {
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, h('i', { 'aria-hidden': 'true' }), h('span')),
    h('td', { class: 'share' }, h('div', { class: 'bar' }, h('i'))),
    h('td', { class: 'number' }),
    h('td', { class: 'number' }),
  );
}
