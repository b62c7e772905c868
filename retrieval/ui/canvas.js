// The drawing paper: body of function (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// Strokes live in a square of props.space units whatever the size on the screen, so a drawing survives a turned phone and
// the server always sees the same numbers. props.value is the drawing as JSON, or "" for blank paper. Two events leave:
// "input" while drawing (after a pause, if switched on) and "submit" for the Search button. Every change, clear and
// loaded example included, is one step of a history of stroke lists; undo and redo walk along it.

const { space, max_strokes: maxStrokes, max_points: maxPoints, pause } = props;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = space / 64; // one arrow key press; with Shift, four of them
const APART = space / 400; // a point nearer than this to the last one tells nothing new

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const paper = part("paper");
const said = part("said");
const screen = paper.getContext("2d");
const ink = document.createElement("canvas").getContext("2d"); // finished strokes, so that a frame only adds the live one

let strokes = [];
let past = [];
let future = [];
let live = null; // the stroke under the pen
let tool = "pen";
let width = Number(part("widths").querySelector("[aria-pressed=true]").dataset.width);
let pointer = null; // id of the pointer that draws; a second finger or a palm is ignored
let cursor = null; // where the arrow keys are, once they are used
let timer = 0;
let frame = 0;

// ---------------------------------------------------------------- painting

function trace(context, { points, width, erase }) {
  context.globalCompositeOperation = erase ? "destination-out" : "source-over";
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...points[0]);
  // Curves through the midpoints hide the corners of a fast hand.
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i];
    const [nextX, nextY] = points[i + 1];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  context.lineTo(...points.at(-1)); // a single point becomes a dot: the caps are round
  context.stroke();
}

function prepare(context) {
  const scale = context.canvas.width / space;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.globalCompositeOperation = "source-over";
  context.clearRect(0, 0, space, space);
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = getComputedStyle(paper).color;
}

function show() {
  frame = 0;
  prepare(screen);
  screen.drawImage(ink.canvas, 0, 0, space, space);
  if (live) trace(screen, live);
  if (cursor && document.activeElement === paper) mark(cursor);
}

function mark([x, y]) {
  screen.globalCompositeOperation = "source-over";
  screen.strokeStyle = getComputedStyle(paper).outlineColor;
  screen.lineWidth = space / 200;
  screen.beginPath();
  screen.arc(x, y, space / 50, 0, 2 * Math.PI);
  for (const [dx, dy] of Object.values(ARROWS)) {
    screen.moveTo(x + dx * space / 50, y + dy * space / 50);
    screen.lineTo(x + dx * space / 28, y + dy * space / 28);
  }
  screen.stroke();
}

function refresh() {
  frame ||= requestAnimationFrame(show);
}

function repaint() {
  prepare(ink);
  for (const stroke of strokes) trace(ink, stroke);
  refresh();
}

function fit() {
  const side = Math.round(paper.clientWidth * (window.devicePixelRatio || 1));
  if (!side || side === paper.width) return; // zero while its tab is hidden
  paper.width = paper.height = ink.canvas.width = ink.canvas.height = side;
  repaint();
}

// ---------------------------------------------------------------- history

function settle(next) {
  strokes = next;
  props.value = strokes.length ? JSON.stringify({ width: space, height: space, strokes }) : "";
  element.dataset.blank = String(!strokes.length);
  part("undo").disabled = !past.length;
  part("redo").disabled = !future.length;
  part("clear").disabled = !strokes.length;
  repaint();
}

function change(next) {
  past.push(strokes);
  future = [];
  settle(next);
}

// Search after a pause, if wanted; blank paper is told at once.
function announce() {
  clearTimeout(timer);
  if (part("live").checked || !strokes.length) timer = setTimeout(() => trigger("input"), strokes.length ? pause : 0);
}

function walk(from, to, words) {
  if (!from.length) return;
  to.push(strokes);
  settle(from.pop());
  announce();
  say(words);
}

const undo = () => walk(past, future, "Undone");
const redo = () => walk(future, past, "Redone");

function clear() {
  if (!strokes.length) return;
  change([]);
  announce();
  say("Cleared");
}

function say(words) {
  said.textContent = words;
}

// ---------------------------------------------------------------- the pen

const tidy = (value) => Math.round(Math.min(Math.max(value, 0), space) * 10) / 10;

function isFull() {
  const points = strokes.reduce((sum, stroke) => sum + stroke.points.length, live ? live.points.length : 0);
  return strokes.length >= maxStrokes || points >= maxPoints;
}

function lower([x, y], erase = tool === "eraser") {
  if (isFull()) return say("The paper is full. Undo or clear something to go on.");
  if (erase && !strokes.length) return say("There is nothing to erase yet.");
  clearTimeout(timer); // the person goes on drawing: the search can wait
  live = { points: [[tidy(x), tidy(y)]], width: erase ? width * 4 : width, erase };
  refresh();
}

function move([x, y]) {
  if (!live || isFull()) return;
  const [lastX, lastY] = live.points.at(-1);
  if (Math.hypot(x - lastX, y - lastY) < APART) return;
  live.points.push([tidy(x), tidy(y)]);
  refresh();
}

function lift() {
  if (!live) return;
  const stroke = live;
  live = null;
  change([...strokes, stroke]);
  announce();
}

function position(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * space, (event.clientY - box.top) / box.height * space];
}

paper.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button > 0 && event.button !== 5) return; // 5: the far end of a pen
  event.preventDefault();
  element.dataset.hand = "true";
  paper.focus({ preventScroll: true });
  paper.setPointerCapture(event.pointerId);
  lift(); // a stroke that the keyboard had begun
  pointer = event.pointerId;
  cursor = null;
  lower(position(event), tool === "eraser" || event.button === 5);
});

paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const between = event.getCoalescedEvents?.() ?? []; // what a 120 Hz pen did since the last frame
  for (const step of between.length ? between : [event]) move(position(step));
});

for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    lift();
  });
}

// ---------------------------------------------------------------- the keyboard

function steer([dx, dy], step) {
  cursor ??= [space / 2, space / 2];
  cursor = [tidy(cursor[0] + dx * step), tidy(cursor[1] + dy * step)];
  move(cursor);
  refresh();
}

function togglePen() {
  cursor ??= [space / 2, space / 2];
  if (live) lift();
  else lower(cursor);
  if (live || strokes.length) say(live ? "Pen down" : "Pen up");
}

paper.addEventListener("keydown", (event) => {
  if (pointer !== null) return;
  delete element.dataset.hand;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (command && key === "z") { lift(); event.shiftKey ? redo() : undo(); }
  else if (command && key === "y") { lift(); redo(); }
  else if (command || event.altKey) return;
  else if (key in ARROWS) steer(ARROWS[key], event.shiftKey ? 4 * STEP : STEP);
  else if (key === " ") togglePen();
  else if (key === "Escape" && live) togglePen();
  else if (key === "Enter") { lift(); trigger("submit"); }
  else if (key === "Delete" || key === "Backspace") { live = null; clear(); }
  else if (key === "e" || key === "p") pick(key === "e" ? "eraser" : "pen");
  else return;
  event.preventDefault(); // arrows and space would scroll the page
});

paper.addEventListener("focus", refresh);
paper.addEventListener("blur", () => {
  delete element.dataset.hand;
  if (pointer === null) lift();
  refresh();
});

// ---------------------------------------------------------------- the tools

function press(buttons, chosen) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
}

function pick(name) {
  tool = name;
  element.dataset.tool = name;
  press([part("pen"), part("eraser")], part(name));
  say(name === "pen" ? "Pen" : "Eraser");
}

for (const name of ["pen", "eraser"]) part(name).addEventListener("click", () => pick(name));
for (const [name, action] of Object.entries({ undo, redo, clear })) part(name).addEventListener("click", action);
part("search").addEventListener("click", () => { clearTimeout(timer); trigger("submit"); });
part("live").addEventListener("change", (event) => {
  clearTimeout(timer);
  if (event.target.checked && strokes.length) trigger("input");
});
part("widths").addEventListener("click", (event) => {
  const button = event.target.closest("[data-width]");
  if (!button) return;
  width = Number(button.dataset.width);
  press(part("widths").children, button);
});

// An example was chosen: the page has written its strokes into the value and searches with them itself.
watch("value", () => {
  live = null;
  change(props.value ? JSON.parse(props.value).strokes : []);
});

new ResizeObserver(fit).observe(paper);
element.dataset.ready = "true";
fit();
