// The points of the map: read from the server's form (service/overview/mapped.py), drawn into an image of the canvas's own pixels,
// found by place. Drawing pixel by pixel costs the same on every machine, whether or not it has a graphics card.

const MAGIC = 0x314d514c; // "LQM1"
const CELLS = 96; // of the grid, to a side
const FAINT = 0.16;

export class Points {
  /**
   * @param {ArrayBuffer} buffer
   * @param {HTMLCanvasElement} canvas
   */
  constructor(buffer, canvas) {
    const head = new DataView(buffer);
    if (head.getUint32(0, true) !== MAGIC) throw new Error("not a map");
    const count = (this.count = head.getUint32(4, true));
    this.rows = new Uint32Array(buffer, 8, count);
    const scaled = (start) => Float32Array.from(new Uint16Array(buffer, start, count), (value) => value / 65535);
    this.x = scaled(8 + 4 * count);
    this.y = scaled(8 + 6 * count);
    this.section = new Uint8Array(buffer, 8 + 8 * count, count);
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.hidden = new Set();
    this.alone = -1; // the section beside which others are faint
    this.pointed = -1;
    this.lit = new Set();
    this.fill();
  }

  // The grid: points by cell, one after the other.
  fill() {
    const cells = new Uint32Array(this.count);
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    for (let at = 0; at < this.count; at++) {
      cells[at] = cell(this.x[at]) + CELLS * cell(this.y[at]);
      this.starts[cells[at] + 1]++;
    }
    for (let at = 0; at < CELLS * CELLS; at++) this.starts[at + 1] += this.starts[at];
    const next = this.starts.slice();
    this.order = new Uint32Array(this.count);
    for (let at = 0; at < this.count; at++) this.order[next[cells[at]]++] = at;
  }

  /** The point of a row, -1 if there is none; rows ascend. */
  at(row) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle] < row) low = middle + 1;
      else high = middle;
    }
    return this.rows[low] === row ? low : -1;
  }

  light(rows) {
    this.lit = new Set(rows.map((row) => this.at(row)).filter((at) => at >= 0));
  }

  /** The rows of up to `most` points near one, its own first. */
  around(at, most) {
    const found = [...this.within(this.x[at], this.y[at], 1.5 / CELLS)];
    const apart = (other) => (this.x[other] - this.x[at]) ** 2 + (this.y[other] - this.y[at]) ** 2;
    return [at, ...found.filter((other) => other !== at).sort((a, b) => apart(a) - apart(b))]
      .slice(0, most)
      .map((one) => this.rows[one]);
  }

  *within(x, y, reach) {
    for (let row = cell(y - reach); row <= cell(y + reach); row++) {
      const first = CELLS * row;
      const [start, end] = [this.starts[first + cell(x - reach)], this.starts[first + cell(x + reach) + 1]];
      for (let at = start; at < end; at++) if (!this.hidden.has(this.section[this.order[at]])) yield this.order[at];
    }
  }

  /** The point nearest to a place on the screen, -1 if none is within so many pixels. */
  nearest(view, left, top, pixels) {
    const [x, y] = [(left - view.left) / view.scale, (top - view.top) / view.scale];
    let reach = Number.isFinite(pixels) ? pixels / view.scale : 2 / CELLS;
    for (; ; reach *= 2) {
      let [best, least] = [-1, reach * reach];
      for (const at of this.within(x, y, reach)) {
        const apart = (this.x[at] - x) ** 2 + (this.y[at] - y) ** 2;
        if (apart <= least) [best, least] = [at, apart];
      }
      if (best >= 0 || Number.isFinite(pixels) || reach > 2) return best;
    }
  }

  /** Takes CSS colours: of the paper, the ink, and of each section, with its shape. */
  colours(paper, ink, sections) {
    this.paper = bytes(paper);
    this.ink = bytes(ink);
    this.sections = sections.map(({ colour, shape }) => ({ colour: bytes(colour), shape }));
    this.stamped = undefined;
  }

  draw(view) {
    if (!this.paper) return;
    const { width, height } = this.context.canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(packed(this.paper));
    const size = radius(view) * view.ratio;
    if (this.stamped !== size) this.stamp(size);
    const dim = this.lit.size > 0;
    for (let at = 0; at < this.count; at++) {
      const section = this.section[at];
      if (this.hidden.has(section) || (dim && this.lit.has(at))) continue;
      const faint = dim || (this.alone >= 0 && section !== this.alone);
      this.put(view, at, this.stamps[section], faint ? FAINT : 0.85);
    }
    for (const at of this.lit) {
      this.put(view, at, this.halo, 1);
      this.put(view, at, this.large[this.section[at]], 1);
    }
    if (this.pointed >= 0) {
      this.put(view, this.pointed, this.halo, 1);
      this.put(view, this.pointed, this.large[this.section[this.pointed]], 1);
    }
    this.context.putImageData(this.image, 0, 0);
  }

  put(view, at, stamp, strength) {
    const { width, height } = this.image;
    const left = Math.round((view.left + this.x[at] * view.scale) * view.ratio);
    const top = Math.round((view.top + this.y[at] * view.scale) * view.ratio);
    const reach = stamp.reach;
    if (left < reach || top < reach || left >= width - reach || top >= height - reach) return;
    const start = top * width + left;
    const { pixels } = this;
    const [red, green, blue] = stamp.colour;
    for (let one = 0; one < stamp.count; one++) {
      const share = stamp.cover[one] * strength;
      const place = start + stamp.down[one] * width + stamp.across[one];
      const under = pixels[place];
      const mixed = (over, shift) => {
        const below = (under >>> shift) & 255;
        return below + (over - below) * share;
      };
      pixels[place] = (255 << 24) | (mixed(blue, 16) << 16) | (mixed(green, 8) << 8) | mixed(red, 0);
    }
  }

  stamp(size) {
    this.stamped = size;
    const made = (times) => this.sections.map(({ colour, shape }) => stamp(shape, times * size, colour));
    this.stamps = made(1);
    this.large = made(2.2);
    this.halo = stamp("circle", 3.4 * size, this.ink);
  }
}

function radius(view) {
  return Math.min(1.6 * (view.scale / view.least) ** 0.35, 7);
}

// How much of each pixel a shape covers, at sixteen places of it.
function stamp(kind, size, colour) {
  const reach = Math.ceil(size + 1);
  const [across, down, cover] = [[], [], []];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      let inside = 0;
      for (let part = 0; part < 16; part++) {
        inside += within(kind, x + ((part & 3) - 1.5) / 4, y + ((part >> 2) - 1.5) / 4, size) ? 1 : 0;
      }
      if (!inside) continue;
      across.push(x);
      down.push(y);
      cover.push(inside / 16);
    }
  }
  return { reach, colour, across, down, cover, count: cover.length };
}

function within(kind, x, y, size) {
  if (kind === "square") return Math.max(Math.abs(x), Math.abs(y)) <= 0.9 * size;
  if (kind === "triangle") return y <= 0.8 * size && y >= 1.7 * Math.abs(x) - 1.2 * size;
  return x * x + y * y <= size * size;
}

function cell(value) {
  return Math.max(0, Math.min(CELLS - 1, Math.floor(value * CELLS)));
}

function packed([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function bytes(colour) {
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}
