// Making and changing elements. Names and texts come from strangers: they only ever become text nodes and attributes.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. Attributes are set as they are, functions become listeners (`click: f`), false and null leave an attribute away. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  set(element, attributes);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets what differs. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name, value);
    } else if (value === false || value === null || value === undefined) {
      element.removeAttribute(name);
    } else if (element.getAttribute(name) !== String(value)) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  return element;
}

/** Sets the text if it differs: what did not change keeps the reader's selection. */
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** A table with these columns, `{ title, number, hidden }` each, and a body that is still empty; the caption is for those who don't see it. */
export function table(caption, columns, kind = null) {
  const heads = columns.map(({ title, number, hidden }) =>
    h('th', { scope: 'col', class: number ? 'number' : null }, hidden ? h('span', { class: 'hidden' }, title) : title),
  );
  const whole = h('table', { class: kind }, h('caption', { class: 'hidden' }, caption), h('thead', {}, h('tr', {}, ...heads)), h('tbody'));
  return { whole, body: whole.tBodies[0] };
}

/**
 * Makes the children of `parent` those of `items`, in their order. The child of a key stays the same element, so that focus and
 * scrolling survive an update a second.
 */
export function keyed(parent, items, keyOf, create, update) {
  const known = parent.childrenByKey ?? (parent.childrenByKey = new Map());
  const seen = new Set();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    seen.add(key);
    let child = known.get(key);
    if (!child) {
      child = create(item);
      known.set(key, child);
    }
    update(child, item);
    if (child === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(child, place);
    }
  }
  for (const [key, child] of known) {
    if (!seen.has(key)) {
      known.delete(key);
      child.remove();
    }
  }
}
