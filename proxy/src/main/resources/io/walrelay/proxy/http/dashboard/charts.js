// The past half hour as curves: lag of standbys, rate of WAL. What was before the page was opened comes from the relay.

import { bytes, lsn, rate, seconds } from './format.js';
import { downstreams, lagSeconds } from './downstream.js';
import { byId, h, keyed, say } from './html.js';

const SPAN_SECONDS = 1800;
const MOST_STANDBYS = 64;
const MOST_CURVES = 8;
const HEIGHT = 176;

/** Where lines may be: round numbers of the unit that is shown. */
const BYTE_STEPS = [0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** power));
const SECOND_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400,
  172_800, 864_000,
];

const FIELDS = ['write_bytes', 'write_seconds', 'replay_bytes', 'replay_seconds'];

/** Columns as uPlot takes them: `at` and for each standby's name and field a value or null for each time. */
const past = { at: [], written: [], standbys: new Map() };
const charts = new Map();
let curves = [];
let connected = 0;

/** Begins with what the relay remembers. */
export function remember(history) {
  past.at = history.at.slice();
  past.written = history.written.slice();
  past.standbys = new Map(
    history.standbys.map((standby) => [standby.name, Object.fromEntries(FIELDS.map((field) => [field, standby[field].slice()]))]),
  );
}

/** Adds a moment; of very many standbys only those that lag most have a past. */
export function record(snapshot) {
  const { status } = snapshot;
  const lags = new Map();
  connected = new Set(status.standbys.map((session) => session.name)).size;
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
  append(Date.parse(status.at) / 1000, status.wal ? lsn(status.wal.written) : null, lags);
}

/** Nothing is known of the time from here to the next moment. */
export function interrupt() {
  if (past.at.length > 0) {
    append(past.at.at(-1) + 0.001, null, new Map());
  }
}

function append(at, written, lags) {
  if (past.at.length > 0 && at <= past.at.at(-1)) {
    return;
  }
  for (const name of lags.keys()) {
    if (!past.standbys.has(name)) {
      past.standbys.set(name, Object.fromEntries(FIELDS.map((field) => [field, past.at.map(() => null)])));
    }
  }
  past.at.push(at);
  past.written.push(written);
  for (const [name, columns] of past.standbys) {
    FIELDS.forEach((field) => columns[field].push(lags.get(name)?.[field] ?? null));
  }
  forget(past.at.findIndex((time) => time >= at - SPAN_SECONDS));
}

function forget(count) {
  if (count <= 0) {
    return;
  }
  past.at.splice(0, count);
  past.written.splice(0, count);
  for (const [name, columns] of past.standbys) {
    FIELDS.forEach((field) => columns[field].splice(0, count));
    if (columns.replay_bytes.every((value) => value === null) && columns.write_bytes.every((value) => value === null)) {
      past.standbys.delete(name);
    }
  }
}

/** WAL written per second over the last moments; null while that is not known. */
export function walRate() {
  const to = past.at.length - 1;
  const from = past.at.findIndex((time) => time >= past.at[to] - 10);
  return between(from, to);
}

function between(from, to) {
  const known = to > from && from >= 0 && past.written[from] !== null && past.written[to] !== null;
  return known ? Math.max(0, (past.written[to] - past.written[from]) / (past.at[to] - past.at[from])) : null;
}

/** Draws all curves. */
export function drawCharts() {
  const stage = document.querySelector('#lag-stage input:checked').value;
  const latest = (name) =>
    Math.max(
      ...past.standbys
        .get(name)
        [`${stage}_bytes`].slice(-30)
        .map((value) => value ?? 0),
    );
  const names = [...past.standbys.keys()]
    .map((name) => [name, latest(name)])
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([name]) => name);
  // One that is drawn stays where it is, in its colour, while it is among the first.
  const first = new Set(names.slice(0, MOST_CURVES));
  curves = curves.map((name) => (first.has(name) ? name : null));
  for (const name of [...first].sort()) {
    if (!curves.includes(name)) {
      const free = curves.indexOf(null);
      curves[free < 0 ? curves.length : free] = name;
    }
  }
  const shown = curves.map((name) => past.standbys.get(name));
  const columns = (field) => shown.map((columnsOf) => columnsOf?.[field] ?? past.at.map(() => null));
  draw('lag-bytes', `Bytes to ${stage}`, columns(`${stage}_bytes`), bytes);
  draw('lag-seconds', `Seconds to ${stage}`, columns(`${stage}_seconds`), seconds);
  draw('wal-chart', 'WAL per second', [past.at.map((time, i) => between(Math.max(0, startOf(i)), i))], rate);
  drawLegend(stage, connected - shown.filter((columnsOf) => columnsOf && columnsOf.write_bytes.at(-1) !== null).length);
}

/** Where the five seconds before the moment `i` begin. */
function startOf(i) {
  let from = i;
  while (from > 0 && past.at[i] - past.at[from] < 5 && past.written[from - 1] !== null) {
    from--;
  }
  return from;
}

function draw(id, title, columns, format) {
  const container = byId(id);
  const data = [past.at, ...columns];
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  let chart = charts.get(id);
  if (!chart || chart.series.length !== data.length || chart.dark !== dark || chart.heading !== title) {
    chart?.destroy();
    container.replaceChildren(h('h3', {}, title));
    chart = new uPlot(options(container, columns.length, format), data, container);
    Object.assign(chart, { dark, heading: title });
    chart.root.setAttribute('role', 'img');
    charts.set(id, chart);
    if (!container.watched) {
      container.watched = true;
      new ResizeObserver(() => charts.get(id).setSize({ width: container.clientWidth, height: HEIGHT })).observe(container);
    }
  } else {
    chart.setData(data);
  }
  const newest = columns.map((column) => column.at(-1)).filter((value) => value !== null && value !== undefined);
  const text = newest.length === 0 ? 'nothing yet' : `now ${format(Math.max(...newest))}${columns.length > 1 ? ' at most' : ''}`;
  chart.root.setAttribute('aria-label', `${title} over the last half hour: ${text}`);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(container, count, format) {
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: Math.max(200, container.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { range: () => [now() - SPAN_SECONDS, now()] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (_, times) =>
          times.map((time) => new Date(time * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })),
      },
      { ...axis, size: 66, space: 32, incrs: format === seconds ? SECOND_STEPS : BYTE_STEPS, values: (_, values) => values.map(format) },
    ],
    series: [
      {},
      ...Array.from({ length: count }, (_, i) => ({
        stroke: colour(`--curve-${i + 1}`),
        width: 1.6,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

function now() {
  return past.at.at(-1) ?? Date.now() / 1000;
}

function drawLegend(stage, others) {
  const items = curves.map((name, i) => ({ name, i })).filter(({ name }) => name !== null);
  if (others > 0) {
    items.push({ name: null, i: -1 });
  }
  keyed(
    byId('lag-legend'),
    items,
    ({ name, i }) => `${i} ${name}`,
    () => h('li', {}, h('i', { 'aria-hidden': 'true' }), h('span'), h('b')),
    (item, { name, i }) => {
      const [swatch, label, value] = item.children;
      swatch.className = i < 0 ? '' : `curve-${i + 1}`;
      say(label, name ?? `and ${others} that lag less`);
      const columns = past.standbys.get(name);
      const behind = columns?.[`${stage}_bytes`].at(-1) ?? null;
      say(value, !columns ? '' : behind === null ? 'not connected' : `${bytes(behind)} · ${seconds(columns[`${stage}_seconds`].at(-1))}`);
    },
  );
}
