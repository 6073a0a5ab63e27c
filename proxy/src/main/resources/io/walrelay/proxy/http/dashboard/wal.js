// Whose the newest WAL is, by resource manager, and how much of it is full-page images.

import { get } from './live.js';
import { bytes, lsn, lsnText, percent, rate } from './format.js';
import { walRate } from './charts.js';
import { byId, h, keyed, say, table } from './html.js';

/** The newest segments tell what is written now; the relay reads one small file for each. */
const SEGMENTS = 16;
const PERIOD_MS = 10_000;
const MOST_MANAGERS = 7;

let asking = false;
let askedAt = 0;
let stats = null;

/** Shows the rate, and asks now and then whose the WAL is. */
export async function drawWal(wal) {
  const now = walRate();
  say(byId('wal-rate'), now === null ? '' : `${rate(now)} now`);
  if (!wal || asking || Date.now() - askedAt < PERIOD_MS) {
    return;
  }
  asking = true;
  askedAt = Date.now();
  try {
    const from = Math.max(lsn(wal.oldest), lsn(wal.written) - SEGMENTS * wal.segment_size);
    stats = await get(`api/v1/stats?from=${lsnText(from)}&relations=0`);
  } catch {
    stats = null; // The stream says what is wrong; here there is only nothing to show.
  } finally {
    asking = false;
  }
  drawManagers();
}

function drawManagers() {
  const container = byId('wal-managers');
  const managers = [...(stats?.resource_managers ?? [])].filter((one) => one.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  const all = sum(managers);
  if (!all.bytes) {
    container.replaceChildren(h('p', { class: 'note' }, 'Whose the WAL is, is told by whole segments; there is none yet.'));
    return;
  }
  if (!container.table) {
    const columns = [
      { title: 'Resource manager' },
      { title: 'Share', hidden: true },
      { title: 'Bytes', number: true },
      { title: 'Now about', number: true },
    ];
    container.table = table('WAL by resource manager', columns, 'bars').whole;
    container.note = h('p', { class: 'note' });
  }
  if (!container.contains(container.table)) {
    container.replaceChildren(container.table, container.note);
  }
  const rows = managers.slice(0, MOST_MANAGERS);
  if (managers.length > MOST_MANAGERS) {
    rows.push({ name: `${managers.length - MOST_MANAGERS} others`, ...sum(managers.slice(MOST_MANAGERS)) });
  }
  const now = walRate();
  keyed(
    container.table.tBodies[0],
    rows,
    (row) => row.name,
    createRow,
    (row, one) => {
      const [name, share, size, perSecond] = row.children;
      say(name, one.name);
      share.firstChild.style.width = `${(100 * one.bytes) / rows[0].bytes}%`;
      share.firstChild.firstChild.style.width = `${(100 * one.image_bytes) / one.bytes}%`;
      share.firstChild.title = `${percent(one.image_bytes, one.bytes)} full-page images`;
      say(size, `${bytes(one.bytes)} · ${percent(one.bytes, all.bytes)}`);
      say(perSecond, now === null ? '–' : rate((now * one.bytes) / all.bytes));
    },
  );
  const from = `the newest ${stats.segments} whole segment${stats.segments === 1 ? '' : 's'}`;
  say(
    container.note,
    `Full-page images, the strong part of each bar: ${percent(all.image_bytes, all.bytes)} of ${bytes(all.bytes)} in ${from}.`,
  );
}

function sum(managers) {
  return managers.reduce((all, one) => ({ bytes: all.bytes + one.bytes, image_bytes: all.image_bytes + one.image_bytes }), {
    bytes: 0,
    image_bytes: 0,
  });
}

function createRow() {
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }),
    h('td', { class: 'share' }, h('div', { class: 'bar' }, h('i'))),
    h('td', { class: 'number' }),
    h('td', { class: 'number' }),
  );
}
