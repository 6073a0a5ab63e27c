// Timelines as a tree: a line for each, the forks where they part, orphans broken off. Positions stand in their order, not to scale.

import { lsn } from './format.js';
import { byId, h, keyed, say, set, svg, table } from './html.js';

/** After many promotions the oldest are told by number only; orphans are all drawn. */
const MOST_ANCESTORS = 6;
const ROW = 40;
const LEFT = 44;
/** Of a branch that began elsewhere: as much as its first position takes. */
const SHORTEST = 88;

let last = null;

export function drawTimelines(timelines) {
  const container = byId('timelines');
  const text = JSON.stringify(timelines);
  if (!container.tree) {
    container.tree = svg('svg', { class: 'tree', role: 'img' });
    container.note = h('p', { class: 'note' });
    const { whole, body } = table('Timelines', [{ title: 'Timeline' }, { title: 'From and to' }, { title: 'What it is' }]);
    container.append(container.tree, container.note, h('div', { class: 'scroll' }, whole));
    container.body = body;
    new ResizeObserver(() => last && drawTree(container, last)).observe(container);
  } else if (text === container.drawn) {
    return;
  }
  container.drawn = text;
  last = timelines;
  drawTree(container, timelines);
  drawRows(container.body, timelines);
}

/** What is drawn, each with its row, its place and the row of its parent. */
function branches(timelines) {
  const way = timelines.filter((one) => !isOrphan(one));
  const shown = [...way.slice(-(MOST_ANCESTORS + 1)), ...timelines.filter(isOrphan)];
  return shown.map((one, row) => {
    // The orphan of an ancestor has its lineage: a parent is never an orphan unless there is no other.
    const parent = shown.findIndex((other, i) => i !== row && other.lineage === one.parent && !isOrphan(other));
    return { one, row, parent: parent >= 0 ? parent : shown.findIndex((other, i) => i !== row && other.lineage === one.parent) };
  });
}

function isOrphan(one) {
  return one.state.startsWith('orphan');
}

function drawTree(container, timelines) {
  const drawn = branches(timelines);
  const width = container.clientWidth;
  const positions = [...new Set(drawn.flatMap(({ one }) => [lsn(one.from) ?? 0, lsn(one.to)]))].sort((a, b) => a - b);
  const right = width - 96 - (drawn.length > 1 ? SHORTEST : 0);
  const x = (position) => LEFT + ((right - LEFT) * positions.indexOf(position ?? 0)) / Math.max(1, positions.length - 1);
  const y = (row) => 20 + row * ROW;
  const height = drawn.length * ROW + 6;
  set(container.tree, {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    hidden: drawn.length === 0,
    'aria-label': `A tree of ${timelines.length} timelines; the table below has them all`,
  });
  container.tree.replaceChildren(...drawn.flatMap(({ one, row, parent }) => drawBranch(one, x, y(row), parent < 0 ? null : y(parent))));
  const left = timelines.filter((one) => !isOrphan(one)).length - MOST_ANCESTORS - 1;
  say(container.note, drawn.length === 0 ? 'No WAL yet.' : left > 0 ? `${left} earlier timelines are in the table only.` : '');
}

function drawBranch(one, x, y, parentY) {
  const from = x(lsn(one.from));
  const to = Math.max(x(lsn(one.to)), from + (parentY === null ? 10 : SHORTEST));
  const start = parentY === null ? `M${from} ${y}` : `M${from} ${parentY}V${y - 8}q0 8 8 8`;
  const parts = [svg('path', { class: `branch ${one.state}`, d: `${start}H${to}`, fill: 'none' })];
  if (parentY !== null) {
    parts.push(svg('circle', { class: `fork ${one.state}`, cx: from, cy: parentY, r: 3.5 }));
    parts.push(svg('text', { class: 'where', x: from + 12, y: y - 6 }, one.from));
  }
  parts.push(
    isOrphan(one)
      ? svg('path', { class: `end ${one.state}`, d: `M${to - 4} ${y - 4}l8 8m0 -8l-8 8` })
      : svg('circle', { class: `end ${one.state}`, cx: to, cy: y, r: one.state === 'current' ? 5 : 3 }),
  );
  parts.push(svg('text', { class: 'number', x: to + 10, y: y + 4 }, `TL ${one.timeline}${isOrphan(one) ? ' orphan' : ''}`));
  return parts;
}

const WORDS = {
  ancestor: 'left behind',
  current: 'followed now',
  orphan: 'orphan: past a fork, nobody is sent it',
  orphan_acknowledged: 'orphan that was acknowledged: commits may be lost',
};

function drawRows(body, timelines) {
  keyed(
    body,
    [...timelines].reverse(),
    (one) => `${one.lineage} ${one.from} ${one.state} ${one.to === null}`,
    () =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, h('span'), h('small')),
        h('td', { class: 'lsn' }, h('div'), h('div')),
        h('td', {}, h('span'), h('small')),
      ),
    (row, one) => {
      const [name, where, state] = row.children;
      set(row, { class: one.state === 'orphan_acknowledged' ? 'bad' : one.state === 'orphan' ? 'warn' : '' });
      say(name.firstChild, String(one.timeline));
      say(name.lastChild, one.lineage);
      say(where.firstChild, one.from ?? 'the beginning');
      say(where.lastChild, one.to);
      say(state.firstChild, WORDS[one.state] ?? one.state);
      say(state.lastChild, one.reason ?? '');
    },
  );
}
