// Curves over the past half hour, by uPlot, and the lag of standbys as such.

import { bytes, seconds } from './format.js';
import { SPAN_SECONDS, keepPlaces, past } from './past.js';
import { byId, h, keyed, say } from './html.js';

const MOST_CURVES = 8;
const HEIGHT = 176;
/** Of a relay that has just begun not all of the half hour is empty. */
const LEAST_SECONDS = 300;

/** Where lines may be: round numbers of the unit that is shown. */
const BYTE_STEPS = [0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** power));
const SECOND_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400,
  172_800, 864_000,
];

const charts = new Map();
let curves = [];

/** The moment that somebody points at in one of the charts, an index; null when nobody does. */
let pointed = null;
let onPoint = () => {};

/** `listener` is called when somebody points at another moment. */
export function whenPointed(listener) {
  onPoint = listener;
}

/** The moment whose values are told beside the charts: that which is pointed at, or the last. */
export function toldMoment() {
  return pointed !== null && pointed < past.at.length ? pointed : past.at.length - 1;
}

/** `now`, or the time of day that is pointed at. */
export function toldTime() {
  return pointed === null ? 'now' : new Date(past.at[toldMoment()] * 1000).toLocaleTimeString('en-GB');
}

/** Draws the lag; `connected` is how many standbys are, of which not all have a curve. */
export function drawLag(connected) {
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
  curves = keepPlaces(curves, names.slice(0, MOST_CURVES));
  const shown = curves.map((name) => past.standbys.get(name));
  const series = (field) =>
    shown.map((columns, i) => ({ values: columns?.[field] ?? past.at.map(() => null), line: `--curve-${i + 1}` }));
  const word = stage === 'write' ? 'Written' : 'Replayed';
  drawChart('lag-bytes', `${word}: bytes behind the relay`, series(`${stage}_bytes`), { format: bytes, steps: BYTE_STEPS, least: 64 * 1024 });
  drawChart('lag-seconds', `${word}: seconds behind the relay`, series(`${stage}_seconds`), { format: seconds, steps: SECOND_STEPS, least: 0.1 });
  drawLegend(stage, connected - shown.filter((columns) => columns && columns.write_bytes.at(-1) !== null).length);
}

/**
 * Draws a chart into the element `id`: each of `series` is `{ values, line, fill }`, the last two names of colours; the first is lowest, so that
 * of areas each covers those before it. `scale` has `format` (a value as text), `steps`, `least` (up to where it goes at least, so that little
 * looks little) and maybe `height` and `most`, where it ends. `now` says what is told instead of the greatest newest value.
 */
export function drawChart(id, title, series, scale, now = null) {
  const container = byId(id);
  const data = [past.at, ...series.map(({ values }) => values)];
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const kind = `${dark} ${title} ${series.map(({ line, fill }) => `${line}${fill}`)}`;
  let chart = charts.get(id);
  if (chart?.kind !== kind) {
    chart?.destroy();
    container.replaceChildren(h('h3', {}, title));
    chart = new uPlot(options(container, series, scale), data, container);
    chart.kind = kind;
    chart.root.setAttribute('role', 'img');
    charts.set(id, chart);
    if (!container.watched) {
      container.watched = true;
      new ResizeObserver(() => charts.get(id).setSize({ width: container.clientWidth, height: scale.height ?? HEIGHT })).observe(container);
    }
  } else {
    chart.setData(data);
  }
  container.classList.toggle('empty', series.every(({ values }) => values.every((value) => value === null || value === undefined)));
  const newest = series.map(({ values }) => values.at(-1)).filter((value) => value !== null && value !== undefined);
  const text = newest.length === 0 ? 'nothing yet' : `now ${now ?? `${scale.format(Math.max(...newest))}${series.length > 1 ? ' at most' : ''}`}`;
  chart.root.setAttribute('aria-label', `${title}, over the last half hour: ${text}`);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(container, series, { format, steps, height, least, most }) {
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  const areas = series.some(({ fill }) => fill);
  return {
    width: Math.max(200, container.clientWidth),
    height: height ?? HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6, show: !areas }, sync: { key: 'past' } },
    hooks: { setCursor: [point] },
    scales: {
      x: { range: () => [begin(), end()] },
      y: { range: (_, low, high) => [0, most ?? Math.max(least, (high ?? 0) * 1.08)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (_, times) =>
          times.map((time) => new Date(time * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })),
      },
      { ...axis, size: 66, space: 32, incrs: steps, values: (_, values) => values.map((value) => format(value).replace(/\.0+ /, ' ')) },
    ],
    series: [
      {},
      ...series.map(({ line, fill }) => ({
        stroke: colour(line),
        fill: fill ? colour(fill) : undefined,
        width: fill ? 1 : 1.6,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

/** The others follow the chart that is pointed at. */
function point(chart) {
  const here = chart.root.matches(':hover');
  const index = here ? (chart.cursor.idx ?? null) : document.querySelector('.uplot:hover') ? pointed : null;
  if (index !== pointed) {
    pointed = index;
    requestAnimationFrame(onPoint);
  }
}

function end() {
  return past.at.at(-1) ?? Date.now() / 1000;
}

function begin() {
  return Math.max(end() - SPAN_SECONDS, Math.min(past.at[0] ?? end(), end() - LEAST_SECONDS));
}

function drawLegend(stage, others) {
  const items = curves.map((name, i) => ({ name, i })).filter(({ name }) => name !== null);
  if (others > 0) {
    items.push({ name: null, i: -1 });
  }
  const legend = byId('lag-legend');
  say(byId('lag-time'), pointed === null ? '' : `at ${toldTime()}`);
  keyed(
    legend,
    items,
    ({ name, i }) => `${i} ${name}`,
    () => h('li', {}, h('i', { 'aria-hidden': 'true' }), h('span'), h('b')),
    (item, { name, i }) => {
      const [swatch, label, value] = item.children;
      swatch.className = i < 0 ? '' : `curve-${i + 1}`;
      say(label, name ?? `and ${others} that lag less`);
      const columns = past.standbys.get(name);
      const behind = columns?.[`${stage}_bytes`][toldMoment()] ?? null;
      const away = (columns?.write_bytes[toldMoment()] ?? null) === null ? 'not connected' : 'replays nothing';
      say(value, !columns ? '' : behind === null ? away : `${bytes(behind)} · ${seconds(columns[`${stage}_seconds`][toldMoment()])}`);
    },
  );
}
