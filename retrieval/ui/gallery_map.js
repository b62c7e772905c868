// The map of a gallery: body of function (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// props.value is what `map_views.gallery_drawn` tells, as JSON, or ""; props.asked is `map_views.query_drawn`. All
// pictures of a style are one path, so that thousands stay light. Box and loop are one thing, a list of corners, kept
// where the pictures are: it holds the same ones whatever the frame shows of the map. One event leaves, "enclosed"; what
// is inside by then is read from the map: as JSON, the ids, nearest to its middle first, and how many they are, or ""
// where nothing is drawn.

const EDGE = 24; // pixels between the frame and the outermost mark
const LEAST = 6; // pixels that a shape has to be wide or high
const NEXT = 3; // pixels between two corners of a loop
const STEP = 0.04; // of the frame, by which a key moves a shape
const FIRST = rectangle([0.35, 0.35], [0.65, 0.65]); // where keys begin, in shares of the frame
const MOST = 96; // ids that are sent
const SPACE = "http://www.w3.org/2000/svg";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FORMS = [ // a mark for each style, of about the same area, drawn from where the pen is
  "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
  "m-2.7-2.7h5.4v5.4h-5.4z",
  "m0-3.7l3.5 6.4h-7z",
  "m0-3.9l3.6 3.9l-3.6 3.9l-3.6-3.9z",
  "m-1.2-3.4h2.4v2.2h2.2v2.4h-2.2v2.2h-2.4v-2.2h-2.2v-2.4h2.2z",
  "m0 3.7l3.5-6.4h-7z",
];
const STAR = "M0-11L2.9-3.6L10.6-3.3L4.6 1.5L6.6 8.9L0 4.6L-6.6 8.9L-4.6 1.5L-10.6-3.3L-2.9-3.6z";

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const svg = part("svg");

let told = null; // what the server told
let asked = null; // the query, where there is one
let label = null; // the place of the class that is lit, if one is
let view = null; // what the frame shows: its size and the pixels of a unit of the map, and the place in its middle
let shape = null; // the corners of what is enclosed, on the map
let stroke = null; // where the pointer that draws a shape came along; the shape before stays until this one is closed

function made(name, attributes, into) {
  const one = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return into.appendChild(one);
}

// ---------------------------------------------------------------- drawing

const at = (row) => told.pictures[row].slice(3);

// One scale for both axes, for all pictures and the query.
function fit() {
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  const all = told.pictures.map((_, row) => at(row));
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of asked ? [...all, asked.point] : all) {
    [left, right, low, high] = [Math.min(left, x), Math.max(right, x), Math.min(low, y), Math.max(high, y)];
  }
  const scale = Math.min((width - 2 * EDGE) / (right - left || 1), (height - 2 * EDGE) / (high - low || 1));
  view = { width, height, scale, middleX: (left + right) / 2, middleY: (low + high) / 2 };
}

// A place on the map as shares of the frame, and back.
function shareOf([x, y]) {
  const { width, height, scale, middleX, middleY } = view;
  return [0.5 + ((x - middleX) * scale) / width, 0.5 - ((y - middleY) * scale) / height];
}
function placeOf([x, y]) {
  const { width, height, scale, middleX, middleY } = view;
  return [middleX + ((x - 0.5) * width) / scale, middleY - ((y - 0.5) * height) / scale];
}

function pixels(place) {
  const [x, y] = shareOf(place);
  return [x * view.width, y * view.height];
}
const pen = (place) => pixels(place).map((one) => one.toFixed(1)).join(" ");

// Whether a picture is inside by the even-odd rule: a ray to its right crosses the edge an odd number of times.
function within(row) {
  const [x, y] = at(row);
  let inside = false;
  shape.forEach(([toX, toY], i) => {
    const [fromX, fromY] = shape.at(i - 1);
    if (fromY > y !== toY > y && x < fromX + ((y - fromY) / (toY - fromY)) * (toX - fromX)) inside = !inside;
  });
  return inside;
}
const lit = (row) => (label === null || told.pictures[row][2] === label) && (!shape || within(row));

function draw() {
  if (!told || !svg.clientWidth) return;
  fit();
  const any = label !== null || shape !== null;
  const parts = [told.styles.map(() => []), told.styles.map(() => [])];
  told.pictures.forEach(([, style], row) => {
    parts[any && lit(row) ? 1 : 0][style].push(`M${pen(at(row))}${FORMS[style % FORMS.length]}`);
  });
  svg.replaceChildren();
  svg.toggleAttribute("data-lit", any);
  const dots = made("g", { class: "dots" }, svg);
  for (const [i, name] of ["rest", "lit"].entries()) {
    const group = made("g", { class: name }, dots);
    parts[i].forEach((marks, style) => made("path", { d: marks.join(""), "data-style": style % FORMS.length }, group));
  }
  if (asked) star(asked.point);
  frame();
}

function star(point) {
  const group = made("g", { class: "asked", transform: `translate(${pen(point)})` }, svg);
  made("path", { d: STAR }, group);
  const right = shareOf(point)[0] > 0.7;
  made("text", { x: right ? -15 : 15, y: 5, "text-anchor": right ? "end" : "start" }, group).textContent = asked.name;
}

function frame() {
  svg.querySelector(".frame")?.remove();
  const corners = stroke?.dragged ? drawn() : shape;
  if (!corners) return;
  made("path", { class: "frame", d: `M${corners.map(pen).join("L")}${stroke?.dragged && stroke.free ? "" : "z"}` }, svg);
}

// ---------------------------------------------------------------- shapes

function rectangle([x, y], [toX, toY]) {
  return [[x, y], [toX, y], [toX, toY], [x, toY]];
}

const drawn = () => (stroke.free ? stroke.points : rectangle(stroke.points[0], stroke.points.at(-1)));

// Least x, least y, most x, most y.
function bounds(corners) {
  const [across, down] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
  return [Math.min(...across), Math.min(...down), Math.max(...across), Math.max(...down)];
}

// How many pictures are enclosed and of what classes: what those read who do not see it.
function count() {
  const rows = shape ? told.pictures.map((_, row) => row).filter(lit) : [];
  const classes = new Map();
  for (const row of rows) classes.set(told.pictures[row][2], (classes.get(told.pictures[row][2]) ?? 0) + 1);
  const most = [...classes].sort((one, other) => other[1] - one[1]).slice(0, 4);
  const words = most.map(([place, many]) => `${many} ${told.classes[place] ?? "unlabelled"}`).join(", ");
  const more = classes.size > most.length ? ` and ${classes.size - most.length} more classes` : "";
  part("counted").textContent = shape ? `Selected: ${rows.length}${words && ` (${words}${more})`}` : "";
  part("clear").hidden = !shape;
  return rows;
}

function choose() {
  draw();
  const rows = count();
  const [left, low, right, high] = bounds(shape);
  const far = (row) => Math.hypot(at(row)[0] - (left + right) / 2, at(row)[1] - (low + high) / 2);
  rows.sort((one, other) => far(one) - far(other));
  tell({ ids: rows.slice(0, MOST).map((row) => told.pictures[row][0]), count: rows.length });
}

function tell(inside) {
  part("plane").dataset.enclosed = inside ? JSON.stringify(inside) : "";
  trigger("enclosed");
}

function clear() {
  if (!shape) return;
  shape = null;
  draw();
  count();
  tell(null);
}

// Where on the map a pointer is, inside of the frame.
const pointed = (event) => {
  const here = svg.getBoundingClientRect();
  const kept = (value) => Math.min(Math.max(value, 0), 1);
  return placeOf([kept((event.clientX - here.left) / here.width), kept((event.clientY - here.top) / here.height)]);
};
const apart = ([x, y], [toX, toY]) => Math.max(Math.abs(toX - x), Math.abs(toY - y)) * view.scale; // pixels

svg.addEventListener("pointerdown", (event) => {
  if (!told || event.button || !event.isPrimary) return;
  event.preventDefault(); // no text is selected, and the frame of the focus is left to keys
  stroke = { free: part("lasso").checked, points: [pointed(event)], dragged: false };
  svg.setPointerCapture(event.pointerId);
});
svg.addEventListener("pointermove", (event) => {
  if (!stroke || !event.isPrimary) return;
  const [points, next] = [stroke.points, pointed(event)];
  if (!stroke.dragged && apart(points[0], next) < LEAST) return;
  stroke.dragged = true;
  if (!stroke.free) points[1] = next;
  else if (apart(points.at(-1), next) >= NEXT) points.push(next);
  frame();
});
svg.addEventListener("pointerup", (event) => {
  if (!stroke || !event.isPrimary) return;
  const closed = stroke.dragged ? drawn() : null;
  stroke = null;
  if (!closed) return clear();
  shape = closed;
  choose();
});
svg.addEventListener("pointercancel", (event) => event.isPrimary && giveUp());
document.addEventListener("keydown", (event) => event.key === "Escape" && giveUp());

// Forget what is being drawn -> whether anything was.
function giveUp() {
  if (!stroke) return false;
  stroke = null;
  frame();
  return true;
}

svg.addEventListener("keydown", (event) => {
  const way = ARROWS[event.key];
  if (!told || !(way || (shape && ["Enter", "Escape"].includes(event.key)))) return;
  event.preventDefault();
  if (event.key === "Enter") return choose();
  if (event.key === "Escape") return giveUp() || clear();
  const change = event.shiftKey ? resized : moved;
  shape = (shape ? change(shape.map(shareOf), ...way.map((one) => one * STEP)) : FIRST).map(placeOf);
  draw();
  count();
});

// Both take and give shares of the frame, and go no further out of it than the corners are.
function moved(corners, x, y) {
  const [left, top, right, bottom] = bounds(corners);
  const kept = (by, low, high) => Math.min(Math.max(by, Math.min(-low, 0)), Math.max(1 - high, 0));
  const [byX, byY] = [kept(x, left, right), kept(y, top, bottom)];
  return corners.map(([atX, atY]) => [atX + byX, atY + byY]);
}

function resized(corners, x, y) {
  const [left, top, right, bottom] = bounds(corners);
  const grown = (low, high, by) => (Math.min(Math.max(high + by, low + STEP), Math.max(high, 1)) - low) / (high - low || 1);
  const [wider, higher] = [grown(left, right, x), grown(top, bottom, y)];
  return corners.map(([atX, atY]) => [left + (atX - left) * wider, top + (atY - top) * higher]);
}

part("clear").addEventListener("click", clear);
part("label").addEventListener("change", (event) => {
  label = event.target.value === "" ? null : Number(event.target.value);
  if (shape) choose();
  else draw();
});

// ---------------------------------------------------------------- what the server tells

function fill() {
  part("plane").hidden = !props.value;
  if (!props.value) return;
  told = JSON.parse(props.value);
  if (shape) tell(null); // an answer that is still to come is about another map
  [label, shape, stroke] = [null, null, null];
  part("title").textContent = told.title;
  part("lead").textContent = told.lead;
  part("label").replaceChildren(new Option("all classes", ""), ...told.classes.map((name, i) => new Option(name, i)));
  part("styles").replaceChildren();
  told.styles.forEach((name, i) => {
    const line = part("styles").appendChild(document.createElement("li"));
    line.dataset.style = i % FORMS.length;
    const key = made("svg", { viewBox: "-5 -5 10 10", width: 14, height: 14, "aria-hidden": "true" }, line);
    made("path", { d: `M0 0${FORMS[i % FORMS.length]}` }, key);
    line.appendChild(document.createElement("span")).textContent = name;
  });
  count();
  ask();
}

function ask() {
  asked = props.asked ? JSON.parse(props.asked) : null;
  draw();
}

watch("value", fill);
watch("asked", ask);
new ResizeObserver(draw).observe(svg);
fill();
