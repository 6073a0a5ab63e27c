// Where WAL lies and who keeps it: the relay's positions, the tiers, the slots and the horizon.

import { age, bytes, lsn, percent, seconds } from './format.js';
import { nearlyFull } from './downstream.js';
import { byId, h, keyed, say, set, table } from './html.js';
import { openWhy } from './why.js';

const MINUTE = 60;
const MOST_SLOTS = 50;
const reads = [];

/** received ≥ written ≥ flushed ≥ acknowledged, and archived: what each lacks of what is before it is where WAL waits. */
export function drawPositions({ upstream, wal, archive, acknowledge }) {
  const rows = [
    { name: 'upstream’s end', at: upstream.end, note: 'as it said last' },
    { name: 'received', at: upstream.received, note: 'of this connection' },
    { name: 'written', at: wal?.written, note: 'standbys may have it' },
    { name: 'flushed', at: wal?.flushed, note: 'on the relay’s disk' },
    {
      name: 'acknowledged',
      at: upstream.acknowledged,
      note: acknowledge && acknowledge.policy !== 'own' ? acknowledge.policy : 'upstream was told',
    },
    { name: 'archived', at: archive?.archived, note: archive ? `${archive.waiting_files} files waiting` : 'no archive' },
    { name: 'oldest on disk', at: wal?.oldest, note: '' },
  ];
  const container = byId('positions');
  if (!container.body) {
    const { whole, body } = table('Positions', [{ title: 'Position' }, { title: 'LSN' }, { title: 'Behind written', number: true }]);
    container.append(whole);
    container.body = body;
  }
  const written = lsn(wal?.written);
  keyed(
    container.body,
    rows,
    (row) => row.name,
    () => h('tr', {}, h('th', { scope: 'row' }, h('span'), h('small')), h('td', { class: 'lsn' }), h('td', { class: 'number' })),
    (line, row) => {
      const [name, at, behind] = line.children;
      say(name.firstChild, row.name);
      say(name.lastChild, row.note);
      say(at, row.at ?? '–');
      const distance = row.at && written !== null ? written - lsn(row.at) : null;
      say(behind, distance === null ? '' : distance < 0 ? `${bytes(-distance)} ahead` : bytes(distance));
    },
  );
}

/** What each holds, and how much of what standbys read came from it; `at` is the time of the snapshot. */
export function drawTiers(tiers, at, archive) {
  remember(tiers, Date.parse(at) / 1000);
  const container = byId('tiers');
  if (!container.body) {
    const columns = [
      { title: 'Tier' },
      { title: 'Holds' },
      { title: 'Read, last minute', number: true },
      { title: 'Since the start', number: true },
    ];
    const { whole, body } = table('Tiers', columns, 'bars');
    container.append(whole, h('p', { class: 'note' }));
    container.body = body;
  }
  const all = tiers.reduce((sum, tier) => sum + tier.read_bytes, 0);
  const minute = lastMinute();
  const lately = minute.reduce((sum, value) => sum + value, 0);
  keyed(
    container.body,
    tiers,
    (tier) => tier.tier,
    createTier,
    (row, tier) => {
      const [name, holds, recent, total] = row.children;
      say(name.firstChild, tier.tier);
      say(name.lastChild, tier.tier === 'memory' ? 'the newest' : tier.from ? `${tier.from} to ${tier.to ?? '–'}` : '');
      set(holds.lastChild, { hidden: tier.bytes === null });
      if (tier.bytes !== null) {
        say(holds.firstChild, `${bytes(tier.bytes)} of ${bytes(tier.limit_bytes)}`);
        holds.lastChild.firstChild.style.width = `${Math.min(100, (100 * tier.bytes) / tier.limit_bytes)}%`;
        set(holds.lastChild, { class: `bar${tier.tier === 'disk' && tier.bytes > 0.9 * tier.limit_bytes ? ' warn' : ''}` });
      } else {
        const asked = tier.fetches + tier.fetch_hits;
        say(
          holds.firstChild,
          `${archive?.problem ?? 'in step'}${asked ? ` · ${percent(tier.fetch_hits, asked)} of ${asked} segments fetched ahead or kept` : ''}`,
        );
      }
      say(recent, percent(minute[tiers.indexOf(tier)], lately));
      say(total, percent(tier.read_bytes, all));
    },
  );
  say(container.lastChild, tiers.length === 0 ? 'No WAL yet.' : 'The share of the WAL that standbys’ streams read from each tier.');
}

function createTier() {
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, h('span'), h('small')),
    h('td', {}, h('span'), h('div', { class: 'bar' }, h('i'))),
    h('td', { class: 'number' }),
    h('td', { class: 'number' }),
  );
}

function remember(tiers, at) {
  const counts = tiers.map((tier) => tier.read_bytes);
  // After a restart of the relay it counts anew.
  if (reads.length > 0 && counts.some((count, i) => count < (reads.at(-1).counts[i] ?? 0))) {
    reads.length = 0;
  }
  reads.push({ at, counts });
  while (reads.length > 2 && reads[1].at < at - MINUTE) {
    reads.shift();
  }
}

function lastMinute() {
  return reads.at(-1).counts.map((count, i) => count - (reads[0].counts[i] ?? 0));
}

/** Those that are lost first, then those that keep most. */
export function drawSlots({ slots, at }) {
  const container = byId('slots');
  if (!container.body) {
    const { whole, body } = table('Slots', [{ title: 'Slot' }, { title: 'Keeps' }, { title: 'From' }, { title: 'State' }], 'bars');
    container.append(whole);
    container.body = body;
  }
  const rank = (slot) => (slot.wal_status === 'lost' ? Infinity : (slot.retained_bytes ?? -1));
  const most = [...slots].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)) || (a.name < b.name ? -1 : 1));
  say(
    byId('slots-count'),
    slots.length === 0
      ? 'none'
      : `${slots.length}, of which ${slots.filter((slot) => slot.active_pid !== null).length} in use${slots.length > MOST_SLOTS ? `; the ${MOST_SLOTS} that keep most` : ''}`,
  );
  keyed(
    container.body,
    most.slice(0, MOST_SLOTS),
    (slot) => slot.name,
    createSlot,
    (row, slot) => {
      const [name, keeps, from, state] = row.children;
      say(name.firstChild, slot.name);
      set(row, { class: slot.wal_status === 'lost' ? 'bad' : nearlyFull(slot) ? 'warn' : null });
      const quota = slot.safe_bytes === null ? null : slot.retained_bytes + slot.safe_bytes;
      say(keeps.firstChild, quota ? `${bytes(slot.retained_bytes)} of ${bytes(quota)}` : bytes(slot.retained_bytes));
      set(keeps.lastChild, {
        class: `bar${slot.wal_status === 'lost' || nearlyFull(slot) ? ' warn' : ''}`,
        hidden: !quota,
      });
      keeps.lastChild.firstChild.style.width = quota ? `${Math.min(100, (100 * slot.retained_bytes) / quota)}%` : '0';
      say(from, slot.restart_lsn ?? '–');
      const use = slot.mirror_of
        ? `mirror of ${slot.mirror_of}`
        : slot.active_pid !== null
          ? 'in use'
          : slot.inactive_since
            ? `unused for ${seconds(age(slot.inactive_since, at))}`
            : 'unused';
      const status = slot.wal_status && slot.wal_status !== 'reserved' ? slot.wal_status : '';
      say(state, [use, status, nearlyFull(slot) && status !== 'lost' ? 'nearly full' : ''].filter(Boolean).join(' · '));
    },
  );
}

function createSlot(slot) {
  const name = h(
    'th',
    { scope: 'row' },
    h('button', { type: 'button', class: 'name', 'aria-label': `why ${slot.name}`, click: () => openWhy(slot.name) }),
  );
  return h('tr', {}, name, h('td', {}, h('span'), h('div', { class: 'bar' }, h('i'))), h('td', { class: 'lsn' }), h('td'));
}

const HOLDERS = {
  slot: 'slot',
  'failover-slot': 'upstream’s failover slot',
  pin: 'pin',
  archive: 'what is still to be archived',
  disk: 'what the disk has',
  orphan: 'acknowledged WAL past a fork',
  import: 'the import of',
};

/** Who keeps the oldest WAL, and who holds back vacuum on the primary. */
export function drawHorizons({ wal, archive, feedback }) {
  const kept = [horizon('The disk', wal?.horizon), horizon('The archive', archive?.horizon)].filter(Boolean);
  const held = [hold('Rows', feedback.xmin.oldest), hold('Catalog rows', feedback.catalog_xmin.oldest)].filter(Boolean);
  say(byId('horizon'), [...(kept.length ? kept : ['Nobody needs WAL that is kept here.']), ...held].join(' '));
}

function horizon(where, holder) {
  return holder
    ? `${where} is kept from ${holder.from} on by ${HOLDERS[holder.kind] ?? holder.kind}${holder.name ? ` “${holder.name}”` : ''}.`
    : '';
}

function hold(what, holder) {
  const age = holder?.age === null ? '' : `, ${holder?.age} transactions old`;
  return holder ? `${what} are kept from transaction ${holder.xid} on by ${holder.holder} “${holder.name}”${age}.` : '';
}
