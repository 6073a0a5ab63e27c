// Who is behind the relay, from sessions, slots and refusals together: one that is away matters as much as one that streams.

import { age, bytes, seconds } from './format.js';

/** From here on a standby is worth a look. Alerts are Prometheus's: this only says where the eye should go. */
const LAG_SECONDS = 10;
const LAG_BYTES = 64 * 2 ** 20;
const SILENT_SECONDS = 30;
/** Of what a slot may hold; from here on its standby is about to lose WAL. */
const SLOT_NEARLY_FULL = 0.8;
const RANKS = { bad: 0, warn: 1, away: 2, ok: 3 };

/**
 * All of them, those that need a look first, then those that lag most. Each has `key`, `name` (what to ask `why` for), `slot`, `session`,
 * `refused` (or null each), `level` (ok, warn, bad or away) and `word`, the reason in a few words.
 */
export function downstreams(snapshot) {
  const { standbys, slots, at } = snapshot.status;
  const slotsByName = new Map(slots.map((slot) => [slot.name, slot]));
  const used = new Set();
  const streaming = new Set();
  const all = standbys.map((session) => {
    if (session.slot) {
      used.add(session.slot);
    }
    streaming.add(session.name);
    const slot = slotsByName.get(session.slot) ?? null;
    return { key: `pid ${session.pid}`, name: session.name, client: session.client, session, slot, refused: null, ...judge(session, at) };
  });
  for (const refused of snapshot.refused) {
    if (!streaming.has(refused.name) && !used.has(refused.slot)) {
      const slot = slotsByName.get(refused.slot) ?? slotsByName.get(refused.name) ?? null;
      if (slot) {
        used.add(slot.name);
      }
      // Who did not log in may be anybody.
      const level = refused.reason === 'login' ? 'warn' : 'bad';
      all.push({
        key: `refused ${refused.name}`,
        name: refused.name,
        client: refused.address,
        session: null,
        slot,
        refused,
        level,
        word: `refused: ${refused.reason}`,
      });
    }
  }
  for (const slot of slots) {
    if (!used.has(slot.name) && !slot.mirror_of) {
      const lost = slot.wal_status === 'lost';
      const full = nearlyFull(slot);
      const away = slot.inactive_since ? `away for ${seconds(age(slot.inactive_since, at))}` : 'away';
      const word = lost ? 'slot lost' : full ? `${away}, slot nearly full` : away;
      all.push({
        key: `slot ${slot.name}`,
        name: slot.name,
        client: null,
        session: null,
        slot,
        refused: null,
        level: lost ? 'bad' : full ? 'warn' : 'away',
        word,
      });
    }
  }
  return all.sort((a, b) => RANKS[a.level] - RANKS[b.level] || lagBytes(b) - lagBytes(a) || (a.name < b.name ? -1 : 1));
}

/** Whether it holds most of the WAL that it may. */
export function nearlyFull(slot) {
  return slot.safe_bytes !== null && slot.retained_bytes !== null && slot.retained_bytes > SLOT_NEARLY_FULL * (slot.retained_bytes + slot.safe_bytes);
}

/** Lag in seconds is unknown while there is nothing to measure it by, and old where nothing is streamed; with nothing missing it is none. */
export function lagSeconds(session, name) {
  const stage = session[name];
  return stage.lag_bytes === 0 ? (stage.lag_seconds ?? 0) : session.state === 'startup' ? null : stage.lag_seconds;
}

/** The stage that tells how far it is: what it has replayed, or else flushed, as pg_receivewal replays nothing. */
export function reached(session) {
  return ['replay', 'flush', 'write'].find((name) => session[name].position) ?? 'sent';
}

function lagBytes(downstream) {
  return downstream.session?.[reached(downstream.session)].lag_bytes ?? 0;
}

function judge(session, now) {
  const stage = reached(session);
  const behind = lagSeconds(session, stage) ?? 0;
  const silent = age(session.last_reply, now);
  if (session.held) {
    return { level: 'warn', word: session.held.why };
  }
  if (session.state !== 'streaming') {
    return { level: 'warn', word: session.state };
  }
  if (silent !== null && silent > SILENT_SECONDS) {
    return { level: 'warn', word: `silent for ${seconds(silent)}` };
  }
  if (behind >= LAG_SECONDS || (session[stage].lag_bytes ?? 0) >= LAG_BYTES) {
    return { level: 'warn', word: 'lagging' };
  }
  return { level: 'ok', word: 'streaming' };
}

/** `12 MB · 1.4 s`, or what else there is to say. */
export function lagText({ session, slot, refused }, now) {
  if (session) {
    const stage = reached(session);
    return `${bytes(session[stage].lag_bytes)} · ${seconds(lagSeconds(session, stage))}`;
  }
  return refused
    ? `${seconds(Math.ceil(age(refused.at, now)) || 1)} ago`
    : slot?.retained_bytes
      ? `${bytes(slot.retained_bytes)} kept`
      : '';
}
