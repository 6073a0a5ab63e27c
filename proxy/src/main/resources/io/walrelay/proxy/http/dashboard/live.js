// The connection to the relay. EventSource can't send a token, so the event stream is read with fetch.

const TOKEN = 'walrelay-token';

/** Snapshots come each second, keepalives each 15: silent for longer is gone. */
const SILENT_MS = 20_000;
const LONGEST_PAUSE_MS = 15_000;

/** The relay wants to know who asks. */
export class Unknown extends Error {}

export function token() {
  return sessionStorage.getItem(TOKEN);
}

export function setToken(text) {
  if (text) {
    sessionStorage.setItem(TOKEN, text);
  } else {
    sessionStorage.removeItem(TOKEN);
  }
}

async function ask(path, options = {}) {
  const headers = token() ? { authorization: `Bearer ${token()}` } : {};
  // With credentials: a proxy before the relay may know its users by a cookie, the relay itself by a client certificate.
  const response = await fetch(path, { ...options, headers, cache: 'no-store', credentials: 'same-origin' });
  if (!response.ok) {
    const reason = await response.json().then(
      (body) => body.error,
      () => response.statusText,
    );
    throw new (response.status === 401 ? Unknown : Error)(reason);
  }
  return response;
}

/** The answer of a path, as JSON; throws an Error with the relay's own words. */
export async function get(path) {
  return (await ask(path, { signal: AbortSignal.timeout(SILENT_MS) })).json();
}

/**
 * Follows the relay until the page is closed, through its restarts. `on` has: `snapshot(value)`, `event(value)`, `opened()`,
 * `lost(reason, retryAt)`, and `unknown(reason)`, after which it ends: begin anew with another token.
 */
export async function follow(on) {
  let failures = 0;
  for (;;) {
    try {
      await readStream({
        ...on,
        snapshot: (value) => {
          failures = 0;
          on.snapshot(value);
        },
      });
    } catch (error) {
      if (error instanceof Unknown) {
        on.unknown(error.message);
        return;
      }
      const pause = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** failures++);
      on.lost(reasonOf(error), Date.now() + pause);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

function reasonOf(error) {
  if (error.name === 'AbortError') {
    return 'it says nothing any more';
  }
  // What browsers say when nobody listens differs, and says nothing.
  return error instanceof TypeError ? 'no connection' : error.message;
}

async function readStream(on) {
  const abort = new AbortController();
  let silence = setTimeout(() => abort.abort(), SILENT_MS);
  try {
    const response = await ask('api/v1/events?snapshots', { signal: abort.signal });
    on.opened();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        throw new Error('it ended the connection');
      }
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENT_MS);
      const messages = (rest + value).split('\n\n');
      rest = messages.pop();
      messages.forEach((message) => tell(message, on));
    }
  } finally {
    clearTimeout(silence);
    abort.abort();
  }
}

/** A message of the relay has one line for its type and one for its data; a comment keeps the connection. */
function tell(message, on) {
  const found = /^event: (\w+)\ndata: (.*)$/.exec(message);
  if (found) {
    const value = JSON.parse(found[2]);
    if (found[1] === 'snapshot') {
      on.snapshot(value);
    } else {
      on.event(value);
    }
  }
}
