// Numbers, positions and times as people read them.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** 1,024 to the kB, as PostgreSQL counts. */
export function bytes(count) {
  if (count === null || count === undefined) {
    return '–';
  }
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${unit === 0 ? Math.round(value) : value.toFixed(digits)} ${UNITS[unit]}`;
}

export function rate(bytesPerSecond) {
  return bytesPerSecond === null || bytesPerSecond === undefined ? '–' : `${bytes(bytesPerSecond)}/s`;
}

export function seconds(value) {
  if (value === null || value === undefined) {
    return '–';
  }
  if (value === 0) {
    return '0 s';
  }
  if (value < 1) {
    return `${Math.max(1, Math.round(value * 1000))} ms`;
  }
  if (value < 120) {
    return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  }
  if (value < 7200) {
    return `${Math.round(value / 60)} min`;
  }
  return value < 172_800 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86_400)} d`;
}

export function percent(part, whole) {
  if (!whole) {
    return '–';
  }
  const value = (100 * part) / whole;
  return value > 0 && value < 0.1 ? '< 0.1 %' : `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** A position as a number of bytes: exact up to 8 PB of WAL. */
export function lsn(text) {
  if (!text) {
    return null;
  }
  const [high, low] = text.split('/');
  return parseInt(high, 16) * 2 ** 32 + parseInt(low, 16);
}

/** The time of day, here; of another day with its date. */
export function clock(iso) {
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB');
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString('en-CA')} ${time}`;
}

/** How long ago `iso` was at `now`, both by the relay's clock. */
export function age(iso, now) {
  return iso ? Math.max(0, (Date.parse(now) - Date.parse(iso)) / 1000) : null;
}

const ruler = document.createElement('canvas').getContext('2d');

/** As much of `text` as fits into `width` pixels: in a picture nothing wraps. */
export function fitted(text, width, font) {
  ruler.font = font;
  if (ruler.measureText(text).width <= width) {
    return text;
  }
  const letters = [...text];
  let most = Math.min(letters.length, Math.floor(width / 3));
  while (most > 1 && ruler.measureText(`${letters.slice(0, most).join('')}…`).width > width) {
    most--;
  }
  return `${letters.slice(0, most).join('')}…`;
}
