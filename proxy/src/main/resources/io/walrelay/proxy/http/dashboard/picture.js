// Upstream, relay and who is behind it, as a picture: wide screens from left to right, narrow ones from top to bottom.

import { bytes, fitted, rate } from './format.js';
import { keyed, say, set, svg } from './html.js';
import { lagText } from './downstream.js';
import { openWhy } from './why.js';

/** More is a list, which is below. */
const MOST = 8;
const NARROW = 720;
const NODE = { width: 216, height: 46, gap: 10 };
const TITLE = '600 13px system-ui, sans-serif';
const TEXT = '12px system-ui, sans-serif';

let root = null;
let last = null;

/** Draws `model`: `{ status, tiers, downstreams, rate }`. */
export function drawPicture(container, model) {
  last = model;
  if (!root) {
    root = svg('svg', { class: 'picture', role: 'group', 'aria-label': 'Upstream, the relay and its standbys' });
    root.edges = svg('g', { class: 'edges', 'aria-hidden': 'true' });
    root.nodes = svg('g', { class: 'nodes' });
    root.append(root.edges, root.nodes);
    container.append(root);
    new ResizeObserver(() => last && draw(container.clientWidth, last)).observe(container);
  }
  draw(container.clientWidth, model);
}

function draw(width, model) {
  if (width === 0) {
    return;
  }
  const scene = width < NARROW ? fromTop(width, parts(model)) : fromLeft(width, parts(model));
  set(root, { width, height: scene.height, viewBox: `0 0 ${width} ${scene.height}` });
  keyed(root.edges, scene.edges, (edge) => edge.key, createEdge, updateEdge);
  keyed(root.nodes, scene.nodes, (node) => node.key, createNode, updateNode);
}

/** What there is to draw, before anybody asks where. */
function parts({ status, tiers, downstreams, rate: walRate }) {
  const { upstream, wal, archive, peers } = status;
  const streaming = upstream.state === 'streaming';
  const { beyond } = upstream;
  const postgres = upstream.server_version ? `PostgreSQL ${upstream.server_version.split(' ')[0]}` : '';
  const up = {
    key: 'upstream',
    level: streaming ? 'ok' : upstream.state === 'connecting' ? 'warn' : 'bad',
    title: upstream.host ?? 'no upstream yet',
    text: [beyond ? 'relay' : postgres, upstream.state].filter(Boolean).join(' · '),
    kind: beyond ? 'relay' : '',
    edge: streaming ? `${upstream.lag_bytes === null ? '' : `${bytes(upstream.lag_bytes)} behind · `}${rate(walRate)}` : upstream.state,
  };
  // The farthest first, as WAL comes.
  const above = (beyond?.hosts ?? [])
    .map((host, i, hosts) => {
      const last = i === hosts.length - 1 && beyond.complete;
      const text = `${last ? postgres : 'relay'} · beyond`;
      return { key: `beyond ${i}`, level: streaming ? 'ok' : 'away', title: host, kind: last ? '' : 'relay', text, edge: '' };
    })
    .reverse();
  if (beyond && !beyond.complete) {
    // A relay tells of the nearest eight.
    const more = beyond.hosts.length >= 8;
    above.unshift({
      key: 'beyond nobody',
      level: more ? 'away' : 'warn',
      title: more ? 'more relays' : 'no upstream',
      text: `${more ? 'beyond' : 'of'} ${beyond.hosts.at(-1) ?? upstream.host}`,
      edge: '',
      gone: true,
    });
  }
  const relay = {
    key: 'relay',
    level: status.ready ? 'ok' : 'bad',
    title: 'this relay',
    kind: 'relay',
    text: wal ? `TL ${wal.timeline} · flushed ${wal.flushed}` : 'no WAL yet',
    strong: true,
  };
  const beside = peers.map((peer) => ({
    key: `peer ${peer.url}`,
    level: peer.state === 'up' ? 'ok' : peer.state === 'self' || peer.state === 'unknown' ? 'away' : 'warn',
    title: peer.url.replace(/^https?:\/\//, ''),
    text: `peer · ${peer.state === 'up' ? `${peer.slots} of its slots are here` : peer.state}`,
    kind: 'relay',
    edge: '',
  }));
  if (archive) {
    beside.push({
      key: 'archive',
      level: archive.problem ? 'bad' : 'ok',
      title: 'archive',
      text: archive.problem ? 'can’t be written' : `up to ${archive.archived}`,
      edge: archive.waiting_files ? `${archive.waiting_files} waiting` : '',
    });
  }
  const members = new Set(status.acknowledge?.members.map((member) => member.name) ?? []);
  const shown = downstreams.length > MOST ? downstreams.slice(0, MOST - 1) : downstreams;
  const below = shown.map((one) => ({
    key: one.key,
    level: one.level,
    title: one.name,
    text: [one.session?.relay ? 'relay' : '', members.has(one.name) || members.has(one.slot?.name) ? 'commits wait' : '', one.word]
      .filter(Boolean)
      .join(' · '),
    kind: one.session?.relay ? 'relay' : '',
    edge: lagText(one, status.at),
    about: one.name,
    gone: !one.session,
  }));
  if (shown.length < downstreams.length) {
    const rest = downstreams.slice(shown.length);
    const well = rest.filter((one) => one.level === 'ok').length;
    below.push({
      key: 'more',
      level: well === rest.length ? 'ok' : 'warn',
      title: `${rest.length} more`,
      text: `${well} stream well · in the list below`,
      edge: '',
      href: '#standbys',
    });
  }
  if (below.length === 0) {
    below.push({ key: 'none', level: 'away', title: 'no standbys', text: 'nobody is connected, no slot is there', edge: '', gone: true });
  }
  return { above, up, relay, beside, below };
}

function fromLeft(width, { above, up, relay, beside, below }) {
  const step = NODE.height + NODE.gap;
  const height = Math.max(below.length * step, (1 + above.length + beside.length) * (step + 8)) - NODE.gap + 4;
  const middle = (width - NODE.width) / 2;
  const right = width - NODE.width - 1;
  const at = (node, x, y) => ({ ...node, x, y, width: NODE.width });
  const centre = (height - NODE.height) / 2;
  // The relay's neighbours stand below it, what is beyond upstream above that: the relay goes up or down to make room.
  const top = Math.max(2 + above.length * (step + 8), Math.min(centre, height - 2 - NODE.height - beside.length * (step + 8)));
  const nodes = [at(up, 1, top), at(relay, middle, top)];
  const edges = [edge(up, [1 + NODE.width, top], [middle, top], 'right')];
  above.forEach((node, i) => {
    const y = top - (above.length - i) * (step + 8);
    nodes.push(at(node, 1, y));
    edges.push({ ...plain(node), path: `M24 ${y + NODE.height}v${step + 8 - NODE.height}` });
  });
  beside.forEach((node, i) => {
    const y = top + (i + 1) * (step + 8);
    nodes.push(at(node, middle, y));
    edges.push({
      ...plain(node),
      path: `M${middle + 16 + 8 * i} ${top + NODE.height}V${y}`,
      text: node.edge,
      x: middle + 28 + 8 * i,
      y: y - 6,
      anchor: 'start',
    });
  });
  const first = (height - (below.length * step - NODE.gap)) / 2;
  below.forEach((node, i) => {
    const y = first + i * step;
    nodes.push(at(node, right, y));
    edges.push(edge(node, [middle + NODE.width, top], [right, y], 'left'));
  });
  return { nodes, edges, height };
}

/** An edge that says nothing. */
function plain(node) {
  return { key: `edge ${node.key}`, level: node.level, gone: node.gone || node.level === 'away', text: '', x: 0, y: 0, anchor: 'start' };
}

/** A curve between the sides of two nodes; its label stands at the end that it belongs to. */
function edge(node, [x1, top1], [x2, top2], side) {
  const y1 = top1 + NODE.height / 2;
  const y2 = top2 + NODE.height / 2;
  const bend = Math.min(90, (x2 - x1) / 2);
  return {
    key: `edge ${node.key}`,
    level: node.level,
    gone: node.gone,
    path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
    text: node.edge,
    x: side === 'left' ? x2 - 8 : (x1 + x2) / 2,
    // On the side that the curve does not come from.
    y: y2 > y1 + 1 ? y2 + 15 : y2 - 6,
    anchor: side === 'left' ? 'end' : 'middle',
  };
}

function fromTop(width, { above, up, relay, beside, below }) {
  const indent = 28;
  const nodes = [];
  const edges = [];
  let y = 2;
  for (const node of above) {
    nodes.push({ ...node, x: 1, y, width: width - 2 });
    edges.push({ ...plain(node), path: `M14 ${y + NODE.height}v16` });
    y += NODE.height + 16;
  }
  nodes.push({ ...up, x: 1, y, width: width - 2 });
  edges.push({
    key: 'edge upstream',
    level: up.level,
    path: `M14 ${y + NODE.height}v26`,
    text: up.edge,
    x: 24,
    y: y + NODE.height + 18,
    anchor: 'start',
  });
  y += NODE.height + 26;
  nodes.push({ ...relay, x: 1, y, width: width - 2 });
  const trunk = y + NODE.height;
  y = trunk + 12;
  for (const node of [...beside, ...below]) {
    nodes.push({ ...node, x: indent, y, width: width - indent - 1, inside: true });
    edges.push({ ...plain(node), path: `M14 ${trunk}V${y + NODE.height / 2 - 8}q0 8 8 8H${indent}` });
    y += NODE.height + 8;
  }
  return { nodes, edges, height: y - 6 };
}

function createEdge() {
  const group = svg('g');
  group.line = svg('path', { fill: 'none' });
  group.label = svg('text');
  group.append(group.line, group.label);
  return group;
}

function updateEdge(group, { level, gone, path, text, x, y, anchor }) {
  set(group, { class: `edge ${level}${gone ? ' gone' : ''}` });
  set(group.line, { d: path });
  set(group.label, { x, y, 'text-anchor': anchor });
  say(group.label, text);
}

function createNode(node) {
  const group = svg(node.about || node.href ? 'a' : 'g');
  group.box = svg('rect', { rx: 6, height: NODE.height });
  group.mark = svg('rect', { rx: 2, width: 4, height: NODE.height - 16, x: 8, y: 8 });
  group.title = svg('text', { class: 'title', x: 20, y: 19 });
  group.text = svg('text', { class: 'text', x: 20, y: 36 });
  group.lag = svg('text', { class: 'text', y: 19, 'text-anchor': 'end' });
  group.tip = svg('title');
  group.append(group.tip, group.box, group.mark, group.title, group.text, group.lag);
  if (node.about) {
    group.addEventListener('click', (event) => {
      event.preventDefault();
      openWhy(node.about);
    });
  }
  return group;
}

function updateNode(group, node) {
  const lag = node.inside ? node.edge : '';
  set(group, {
    class: `node ${node.level} ${node.kind ?? ''}${node.strong ? ' strong' : ''}${node.gone ? ' gone' : ''}`,
    transform: `translate(${node.x} ${node.y})`,
    href: node.about ? `#why=${encodeURIComponent(node.about)}` : (node.href ?? null),
    'aria-label': node.about ? `${node.title}, ${node.text}, ${node.edge}: why` : null,
  });
  set(group.box, { width: node.width });
  set(group.lag, { x: node.width - 10 });
  say(group.title, fitted(node.title, node.width - 36 - lag.length * 6.5, TITLE));
  say(group.text, fitted(node.text, node.width - 30, TEXT));
  say(group.lag, lag);
  say(group.tip, `${node.title}: ${node.text}`);
}
