// The dashboard: takes what the relay streams and has each part of the page draw it.

import { drawLag, whenPointed } from './charts.js';
import { downstreams } from './downstream.js';
import { addEvent, clearEvents } from './events.js';
import { clock, seconds } from './format.js';
import { byId, h, keyed, say, set } from './html.js';
import { follow, get, setToken, token } from './live.js';
import { interrupt, record, remember, walRate } from './past.js';
import { drawPicture } from './picture.js';
import { drawStandbys } from './standbys.js';
import { drawHorizons, drawPositions, drawSlots, drawTiers } from './storage.js';
import { drawTimelines } from './timelines.js';
import { drawWal } from './wal.js';
import { openLinked, prepareWhy } from './why.js';

/** In one line. */
const MOST_NAMES = 5;

let lastSeen = null;
let waiting = null;
let remembered = null;
let connected = 0;

function draw(snapshot) {
  const { status, tiers, timelines } = snapshot;
  const all = downstreams(snapshot);
  byId('main').hidden = false;
  drawHead(status);
  drawProblems(problemsOf(status));
  drawPicture(byId('flow'), { status, tiers, downstreams: all, rate: walRate() });
  drawPositions(status);
  connected = new Set(status.standbys.map((session) => session.name)).size;
  drawCharts();
  drawStandbys(all, status.at);
  drawSlots(status);
  drawHorizons(status);
  drawTiers(tiers, status.at, status.archive);
  drawTimelines(timelines);
}

/** Again in other colours, or of another kind. */
function drawCharts() {
  drawLag(connected);
  drawWal();
}

function drawHead({ ready, version, upstream, uptime_seconds: uptime, reasons, wal }) {
  const pill = byId('ready');
  set(pill, { class: `pill ${ready ? 'ok' : 'bad'}` });
  say(pill, ready ? 'ready' : 'not ready');
  const facts = [
    ['cluster', upstream.system_id],
    ['timeline', wal?.timeline],
    ['version', version],
    ['up', seconds(uptime)],
  ].filter(([, value]) => value !== null && value !== undefined);
  keyed(
    byId('facts'),
    facts,
    ([name]) => name,
    ([name]) => h('div', {}, h('dt', {}, name), h('dd')),
    (fact, [, value]) => say(fact.lastChild, String(value)),
  );
  const wrong = Object.keys(reasons).length;
  document.title = `${wrong ? `(${wrong}) ` : ''}walrelay${upstream.host ? ` · ${upstream.host}` : ''}`;
}

/** What an operator has to know before anything else, the worst first. */
function problemsOf({ reasons, upstream, archive, acknowledge, wal, slots, shaping }) {
  const problems = Object.entries(reasons).map(([kind, text]) => ({ level: 'bad', kind, text }));
  const add = (level, kind, text) => text && !problems.some((one) => one.text === text) && problems.push({ level, kind, text });
  add(
    upstream.state === 'streaming' ? 'warn' : 'bad',
    'upstream',
    upstream.problem ?? (upstream.state === 'streaming' ? null : `the relay is ${upstream.state}`),
  );
  add('bad', 'archive', archive?.problem);
  add('warn', 'archive', archive?.keeping_problem);
  if (acknowledge?.commits_wait_since) {
    add('bad', 'commits wait', `for ${acknowledge.commits_wait_for.join(', ')} since ${clock(acknowledge.commits_wait_since)}`);
  }
  const lost = slots.filter((slot) => slot.wal_status === 'lost').map((slot) => slot.name);
  const more = lost.length > MOST_NAMES ? ` and ${lost.length - MOST_NAMES} more` : '';
  add('bad', 'slot lost', lost.length && `${lost.slice(0, MOST_NAMES).join(', ')}${more}: no tier has the WAL that comes next`);
  wal?.gaps.forEach((gap) => add('warn', 'gap', `WAL from ${gap.from} to ${gap.to} was never got`));
  shaping.forEach((shape) => add('warn', 'paused', shape.warning && `${shape.name}: ${shape.warning}`));
  return problems;
}

function drawProblems(problems) {
  keyed(
    byId('problems'),
    problems,
    (one) => `${one.kind} ${one.text}`,
    (one) => h('li', {}, h('b', {}, one.kind), ' ', h('span', {}, one.text)),
    (item, one) => set(item, { class: one.level }),
  );
}

function drawAway(reason, retryAt) {
  const banner = byId('away');
  const since =
    lastSeen === null ? 'Nothing was heard of the relay yet' : `The relay is unreachable; below is what it said at ${clock(lastSeen)}`;
  const left = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  banner.hidden = false;
  say(banner, `${since} (${reason}).`);
  say(byId('link'), left > 0 ? `trying again in ${left} s` : 'trying again');
  set(byId('main'), { class: 'stale' });
  set(byId('ready'), { class: 'pill bad' });
  say(byId('ready'), 'unreachable');
}

const listener = {
  opened() {
    clearInterval(waiting);
    byId('away').hidden = true;
    set(byId('main'), { class: null });
    say(byId('link'), 'live');
    byId('forget').hidden = !token();
    clearEvents();
  },
  async snapshot(snapshot) {
    lastSeen = snapshot.status.at;
    // A page without its past is still a page.
    remembered ??= get('api/v1/history')
      .then(remember, () => {})
      .then(openLinked);
    await remembered;
    record(snapshot);
    draw(snapshot);
  },
  event: addEvent,
  lost(reason, retryAt) {
    interrupt();
    clearInterval(waiting);
    drawAway(reason, retryAt);
    waiting = setInterval(() => drawAway(reason, retryAt), 1000);
  },
  unknown(reason) {
    clearInterval(waiting);
    say(byId('link'), '');
    say(byId('token-why'), token() ? reason : 'This relay shows its state to those who have one.');
    setToken(null);
    byId('forget').hidden = true;
    byId('away').hidden = true;
    byId('main').hidden = true;
    set(byId('ready'), { class: 'pill' });
    say(byId('ready'), 'closed');
    byId('token').hidden = false;
    byId('token-text').focus();
  },
};

byId('token').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token-text').value.trim());
  byId('token-text').value = '';
  byId('token').hidden = true;
  follow(listener);
});

byId('forget').addEventListener('click', () => {
  setToken(null);
  location.reload();
});

whenPointed(drawCharts);
byId('lag-stage').addEventListener('change', drawCharts);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts);
addEventListener('hashchange', openLinked);
prepareWhy();
follow(listener);
