// The sheet: strokes and pictures on a canvas, and the picture that is sent.

const SIZES = { digit: [320, 320], number: [960, 320] };
const PEN = { digit: 22, number: 12 };
const INK = "#16181b";
const BOX_COLOURS = { ok: "#1f6feb", unsure: "#b36b00" };

export class Sheet {
  // `changed` is called after whatever changes the picture.
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.mode = "digit";
    this.steps = []; // strokes and pictures, in order
    this.stroke = null;
    this.boxes = null;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { this.stroke = null; });
    }
    [canvas.width, canvas.height] = SIZES.digit;
    this.#draw();
  }

  get isEmpty() { return this.steps.length === 0; }

  setMode(mode) {
    this.mode = mode;
    [this.canvas.width, this.canvas.height] = SIZES[mode];
    this.clear();
  }

  add(picture, file) {
    this.#change(() => this.steps.push({ picture, file }));
  }

  undo() { this.#change(() => this.steps.pop()); }

  clear() { this.#change(() => { this.steps = []; }); }

  // Mark the digits of a number; sizes are those of the picture that was sent.
  showBoxes(boxes, size) {
    this.boxes = boxes && { boxes, size };
    this.#draw();
  }

  // A picture that was opened is sent as it is, not as it is shown.
  async blob() {
    const last = this.steps.at(-1);
    if (this.steps.length === 1 && last.file) return last.file;
    this.#draw(false);
    const blob = await new Promise((done) => this.canvas.toBlob(done));
    this.#draw();
    return blob;
  }

  #change(work) {
    work();
    this.boxes = null;
    this.#draw();
    this.changed();
  }

  #begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { points: [this.#place(event)] };
    this.#change(() => this.steps.push(this.stroke));
  }

  #move(event) {
    if (!this.stroke) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    const points = (moves.length ? moves : [event]).map((each) => this.#place(each));
    this.#change(() => this.stroke.points.push(...points));
  }

  #place(event) {
    const frame = this.canvas.getBoundingClientRect();
    return [
      (event.clientX - frame.left) * this.canvas.width / frame.width,
      (event.clientY - frame.top) * this.canvas.height / frame.height,
    ];
  }

  #draw(withBoxes = true) {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const step of this.steps) {
      if (step.picture) this.#drawPicture(context, step.picture);
      else this.#drawStroke(context, step.points);
    }
    if (withBoxes && this.boxes) this.#drawBoxes(context);
  }

  #drawStroke(context, points) {
    Object.assign(context, { strokeStyle: INK, lineWidth: PEN[this.mode], lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point);
    context.stroke();
  }

  #drawPicture(context, picture) {
    const [left, top, scale] = this.#fit(picture.width, picture.height);
    context.drawImage(picture, left, top, picture.width * scale, picture.height * scale);
  }

  #drawBoxes(context) {
    const { boxes, size } = this.boxes;
    const [left, top, scale] = this.#fit(...size);
    context.lineWidth = 2;
    context.font = "20px system-ui, sans-serif";
    for (const box of boxes) {
      context.strokeStyle = context.fillStyle = BOX_COLOURS[box.status];
      const [x, y] = [left + box.left * scale, top + box.top * scale];
      context.strokeRect(x, y, box.width * scale, box.height * scale);
      context.fillText(box.digit, x, y > 22 ? y - 4 : y + box.height * scale + 18);
    }
  }

  // Where a picture of some size is shown: left, top, scale.
  #fit(width, height) {
    const scale = Math.min(this.canvas.width / width, this.canvas.height / height);
    return [(this.canvas.width - width * scale) / 2, (this.canvas.height - height * scale) / 2, scale];
  }
}
