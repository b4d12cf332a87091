// What part of the map is seen: moved by pointer, pinch, wheel, and by whoever calls. Knows nothing of what is on it.

const MOST = 60; // times
const TAP = 5; // pixels that a click may move

export class View {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{changed: () => void, tapped: Function, hovered: Function, left: () => void}} on
   */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.on = on;
    this.keyed = false; // whether it was moved by keyboard last
    this.pointers = new Map();
    this.moved = 0;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => this.pointers.size || this.keyed || on.left());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("dblclick", (event) => this.zoom(2, event.offsetX, event.offsetY));
    this.resize();
    this.whole();
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(this.canvas.clientWidth * ratio), Math.round(this.canvas.clientHeight * ratio)];
    if (!width || (width === this.canvas.width && height === this.canvas.height)) return;
    this.ratio = ratio;
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.scale) this.bound();
    this.on.changed();
  }

  get least() {
    return 0.92 * Math.min(this.canvas.clientWidth, this.canvas.clientHeight);
  }

  // Pixels of the page to a side of the map, and where its corner is.
  whole() {
    this.scale = this.least;
    this.left = (this.canvas.clientWidth - this.scale) / 2;
    this.top = (this.canvas.clientHeight - this.scale) / 2;
    this.on.changed();
  }

  /** The map's middle never leaves what is seen. */
  bound() {
    this.scale = Math.max(this.least, Math.min(this.scale, MOST * this.least));
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.left = Math.min(width / 2, Math.max(this.left, width / 2 - this.scale));
    this.top = Math.min(height / 2, Math.max(this.top, height / 2 - this.scale));
    this.on.changed();
  }

  pan(x, y) {
    this.left += x;
    this.top += y;
    this.bound();
  }

  zoom(times, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.max(this.least, Math.min(this.scale * times, MOST * this.least));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.bound();
  }

  middle() {
    return [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
  }

  onScreen(x, y) {
    return [this.left + x * this.scale, this.top + y * this.scale];
  }

  down(event) {
    this.keyed = false;
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.canvas.setPointerCapture(event.pointerId);
    if (this.pointers.size === 1) this.moved = 0;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    const here = [event.offsetX, event.offsetY];
    if (!before) {
      this.keyed = false;
      return this.on.hovered(...here);
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, here);
    const [x, y] = [here[0] - before[0], here[1] - before[1]];
    this.moved += Math.hypot(x, y);
    if (other) {
      const times = distance(here, other) / (distance(before, other) || 1);
      this.zoom(times, (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
      this.pan(x / 2, y / 2);
    } else if (this.moved > TAP) this.pan(x, y);
  }

  up(event) {
    const alone = this.pointers.size === 1;
    const held = this.pointers.delete(event.pointerId);
    if (held && alone && event.type === "pointerup" && this.moved <= TAP && event.button === 0) {
      this.on.tapped(event.offsetX, event.offsetY, event);
    }
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.keyed = false;
    this.zoom(Math.exp((-event.deltaY * lines) / 400), event.offsetX, event.offsetY);
  }
}

function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}
