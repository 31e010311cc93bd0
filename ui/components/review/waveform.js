// Peaks and how they are drawn.

export const PEAK_MS = 10;

/** Peaks fetched once by URL: one byte per 10 ms, 255 times the square root of the loudest sample. */
export class Peaks {
  constructor(ready) {
    this.ready = ready;
    this.known = new Map();
  }

  of(url) {
    if (!url) return null;
    if (!this.known.has(url)) {
      this.known.set(url, null);
      fetch(url, { credentials: "same-origin" })
        .then((answer) => (answer.ok ? answer.arrayBuffer() : null))
        .then((bytes) => { if (bytes) { this.known.set(url, new Uint8Array(bytes)); this.ready(); } })
        .catch(() => this.known.delete(url));
    }
    return this.known.get(url);
  }
}

/** Draw peaks that begin at `start` into a lane; `view` {from, scale, width, ratio} is what is seen of the timeline. */
export function paintWave(pen, peaks, { start, top, height, colour, from, scale, width, ratio }) {
  if (!peaks) return;
  const middle = top + height / 2;
  const reach = height / 2 - 2;
  const step = 1 / ratio;
  pen.fillStyle = colour;
  pen.beginPath();
  for (let x = 0; x < width; x += step) {
    const first = (from + x / scale - start) / PEAK_MS;
    const last = Math.max(first + 1, (from + (x + step) / scale - start) / PEAK_MS);
    if (first >= peaks.length) break;
    if (last <= 0) continue;
    let loud = 0;
    for (let i = Math.max(0, Math.floor(first)); i < Math.min(peaks.length, last); i += 1) if (peaks[i] > loud) loud = peaks[i];
    const size = Math.max(0.5, (loud / 255) * reach);
    pen.rect(x, middle - size, step, size * 2);
  }
  pen.fill();
}
