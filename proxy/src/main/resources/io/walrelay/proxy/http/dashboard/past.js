// The past half hour as columns: where WAL ended, whose it was, how far standbys were behind. The relay tells what was before the page was opened.

import { lsn } from './format.js';
import { downstreams, lagSeconds } from './downstream.js';

export const SPAN_SECONDS = 1800;
const MOST_STANDBYS = 64;
/** A rate is that of so long a time: less is noise, as WAL comes in gusts. */
const RATE_SECONDS = 5;

const LAGS = ['write_bytes', 'write_seconds', 'replay_bytes', 'replay_seconds'];
const COUNTS = ['bytes', 'image_bytes'];

/**
 * As uPlot takes them: for each time a value or null. Of each standby the lags, in bytes and seconds; of each resource manager how much it has
 * written since the relay began to count.
 */
export const past = { at: [], written: [], standbys: new Map(), managers: new Map() };

/** Begins with what the relay remembers. */
export function remember(history) {
  past.at = history.at.slice();
  past.written = history.written.slice();
  past.standbys = named(history.standbys, LAGS);
  past.managers = named(history.managers, COUNTS);
  const nothing = nothingWritten();
  for (const columns of past.managers.values()) {
    COUNTS.forEach((field) => (columns[field] = columns[field].map((value, i) => value ?? nothing[i])));
  }
}

/** What is known of a resource manager without records: that it has written 0, as long as others are counted. */
function nothingWritten() {
  const columns = [...past.managers.values()];
  return past.at.map((_, i) => (columns.some(({ bytes }) => bytes[i] !== null) ? 0 : null));
}

function named(columnsOf, fields) {
  return new Map(columnsOf.map((one) => [one.name, Object.fromEntries(fields.map((field) => [field, one[field].slice()]))]));
}

/** Adds a moment; of very many standbys only those that lag most have a past. */
export function record(snapshot) {
  const { status } = snapshot;
  const lags = new Map();
  for (const { session } of downstreams(snapshot)
    .filter((one) => one.session)
    .sort((a, b) => (b.session.replay.lag_bytes ?? 0) - (a.session.replay.lag_bytes ?? 0))
    .slice(0, MOST_STANDBYS)) {
    if (!lags.has(session.name)) {
      const { write, replay } = session;
      lags.set(session.name, {
        write_bytes: write.lag_bytes,
        write_seconds: lagSeconds(session, 'write'),
        replay_bytes: replay.lag_bytes,
        replay_seconds: lagSeconds(session, 'replay'),
      });
    }
  }
  append(Date.parse(status.at) / 1000, status.wal ? lsn(status.wal.written) : null, lags, new Map(snapshot.managers.map((one) => [one.name, one])));
}

/** Nothing is known of the time from here to the next moment. */
export function interrupt() {
  if (past.at.length > 0) {
    append(past.at.at(-1) + 0.001, null, new Map(), new Map());
  }
}

function append(at, written, lags, counts) {
  if (past.at.length > 0 && at <= past.at.at(-1)) {
    return;
  }
  begin(past.standbys, LAGS, lags, () => past.at.map(() => null));
  begin(past.managers, COUNTS, counts, nothingWritten);
  past.at.push(at);
  past.written.push(written);
  add(past.standbys, LAGS, lags, null);
  add(past.managers, COUNTS, counts, counts.size > 0 ? 0 : null);
  forget(past.at.findIndex((time) => time >= at - SPAN_SECONDS));
}

function begin(known, fields, now, before) {
  const others = [...now.keys()].filter((name) => !known.has(name));
  const column = others.length > 0 ? before() : [];
  others.forEach((name) => known.set(name, Object.fromEntries(fields.map((field) => [field, column.slice()]))));
}

function add(known, fields, now, otherwise) {
  for (const [name, columns] of known) {
    fields.forEach((field) => columns[field].push(now.get(name)?.[field] ?? otherwise));
  }
}

function forget(count) {
  if (count <= 0) {
    return;
  }
  past.at.splice(0, count);
  past.written.splice(0, count);
  for (const known of [past.standbys, past.managers]) {
    for (const [name, columns] of known) {
      const all = Object.values(columns);
      all.forEach((column) => column.splice(0, count));
      if (all.every((column) => column.every((value) => value === null))) {
        known.delete(name);
      }
    }
  }
}

/** WAL written per second over the last moments; null while that is not known. */
export function walRate() {
  return rateAt(past.written, past.written.length - 1);
}

/** For each time how much a count grew per second just before. */
export function rates(counts) {
  return counts.map((_, i) => rateAt(counts, i));
}

/** The same for the `i`th time; null while that is not known. */
export function rateAt(counts, i) {
  let from = i;
  while (from > 0 && past.at[i] - past.at[from] < RATE_SECONDS && counts[from - 1] !== null) {
    from--;
  }
  return growth(counts, from, i);
}

function growth(counts, from, to) {
  const known = to > from && counts[from] !== null && counts[to] !== null;
  // A relay that was started again counts anew.
  return known ? Math.max(0, (counts[to] - counts[from]) / (past.at[to] - past.at[from])) : null;
}

/** How much a count has grown in all of the time. */
export function grown(counts) {
  let sum = 0;
  for (let i = 1; i < counts.length; i++) {
    sum += counts[i] === null || counts[i - 1] === null ? 0 : Math.max(0, counts[i] - counts[i - 1]);
  }
  return sum;
}

/** Since when whose the WAL is has been counted here, in seconds since 1970; null when it is not. */
export function countedSince() {
  const first = nothingWritten().indexOf(0);
  return first < 0 ? null : past.at[first];
}

/** Puts `names` where they were in `places`, new ones where there is room: who keeps his place keeps his colour. */
export function keepPlaces(places, names) {
  const kept = places.map((name) => (names.includes(name) ? name : null));
  for (const name of [...names].sort()) {
    if (!kept.includes(name)) {
      const free = kept.indexOf(null);
      kept[free < 0 ? kept.length : free] = name;
    }
  }
  return kept;
}
