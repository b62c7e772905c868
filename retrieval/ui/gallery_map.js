// The map of a gallery: body of function (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// props.value is what `map_views.gallery_drawn` tells, as JSON, or ""; props.asked is `map_views.query_drawn`. All
// pictures of a style are one path, so that thousands stay light. Two events leave: "box" (the ids inside, nearest to its
// middle first, and how many they are) and "clear".

const EDGE = 24; // pixels between the frame and the outermost mark
const LEAST = 6; // pixels that a box has to be wide or high
const STEP = 0.04; // of the map, by which a key moves a box
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
let now = []; // where each picture is, in pixels
let box = null; // left, top, right, bottom, in shares of the map
let from = null; // where a box was begun

function made(name, attributes, into) {
  const one = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return into.appendChild(one);
}

// ---------------------------------------------------------------- drawing

function scaled() {
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  const all = told.pictures.map(([, , , x, y]) => [x, y]);
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of asked ? [...all, asked.point] : all) {
    [left, right, low, high] = [Math.min(left, x), Math.max(right, x), Math.min(low, y), Math.max(high, y)];
  }
  const scale = Math.min((width - 2 * EDGE) / (right - left || 1), (height - 2 * EDGE) / (high - low || 1));
  const [middleX, middleY] = [(left + right) / 2, (low + high) / 2];
  const put = ([x, y]) => [width / 2 + (x - middleX) * scale, height / 2 - (y - middleY) * scale];
  return [all.map(put), asked && put(asked.point)];
}

const within = (row) => {
  const [x, y] = [now[row][0] / svg.clientWidth, now[row][1] / svg.clientHeight];
  return x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3];
};
const lit = (row) => (label === null || told.pictures[row][2] === label) && (box === null || within(row));

function draw() {
  if (!told || !svg.clientWidth) return;
  const [points, query] = scaled();
  now = points;
  const any = label !== null || box !== null;
  const parts = [told.styles.map(() => []), told.styles.map(() => [])];
  told.pictures.forEach(([, style], row) => {
    const [x, y] = now[row];
    parts[any && lit(row) ? 1 : 0][style].push(`M${x.toFixed(1)} ${y.toFixed(1)}${FORMS[style % FORMS.length]}`);
  });
  svg.replaceChildren();
  svg.toggleAttribute("data-lit", any);
  const dots = made("g", { class: "dots" }, svg);
  for (const [i, name] of ["rest", "lit"].entries()) {
    const group = made("g", { class: name }, dots);
    parts[i].forEach((marks, style) => made("path", { d: marks.join(""), "data-style": style % FORMS.length }, group));
  }
  if (query) star(query);
  if (box) frame();
}

function star([x, y]) {
  const group = made("g", { class: "asked", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` }, svg);
  made("path", { d: STAR }, group);
  const right = x > svg.clientWidth * 0.7;
  made("text", { x: right ? -15 : 15, y: 5, "text-anchor": right ? "end" : "start" }, group).textContent = asked.name;
}

function frame() {
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  svg.querySelector(".frame")?.remove();
  const [x, y] = [box[0] * width, box[1] * height];
  made("rect", { class: "frame", x, y, width: (box[2] - box[0]) * width, height: (box[3] - box[1]) * height }, svg);
}

// ---------------------------------------------------------------- boxes

// How many pictures are in the box and of what classes: what those read who do not see it.
function count() {
  const rows = box ? told.pictures.map((_, row) => row).filter(lit) : [];
  const classes = new Map();
  for (const row of rows) classes.set(told.pictures[row][2], (classes.get(told.pictures[row][2]) ?? 0) + 1);
  const most = [...classes].sort((one, other) => other[1] - one[1]).slice(0, 4);
  const words = most.map(([place, many]) => `${many} ${told.classes[place] ?? "unlabelled"}`).join(", ");
  const more = classes.size > most.length ? ` and ${classes.size - most.length} more classes` : "";
  part("counted").textContent = box ? `In the box: ${rows.length}${words && ` (${words}${more})`}` : "";
  part("clear").hidden = !box;
  return rows;
}

function choose() {
  draw();
  const rows = count();
  const [x, y] = [(box[0] + box[2]) / 2 * svg.clientWidth, (box[1] + box[3]) / 2 * svg.clientHeight];
  const far = (row) => Math.hypot(now[row][0] - x, now[row][1] - y);
  rows.sort((one, other) => far(one) - far(other));
  trigger("box", { ids: rows.slice(0, MOST).map((row) => told.pictures[row][0]), count: rows.length });
}

function clear() {
  if (!box) return;
  box = null;
  draw();
  count();
  trigger("clear");
}

const share = (event) => {
  const bounds = svg.getBoundingClientRect();
  const kept = (value) => Math.min(Math.max(value, 0), 1);
  return [kept((event.clientX - bounds.left) / bounds.width), kept((event.clientY - bounds.top) / bounds.height)];
};

svg.addEventListener("pointerdown", (event) => {
  if (!told || event.button) return;
  event.preventDefault(); // no text is selected, and the frame of the focus is left to keys
  from = share(event);
  svg.setPointerCapture(event.pointerId);
});
svg.addEventListener("pointermove", (event) => {
  if (!from) return;
  const [x, y] = share(event);
  const [width, height] = [Math.abs(x - from[0]) * svg.clientWidth, Math.abs(y - from[1]) * svg.clientHeight];
  if (!svg.hasAttribute("data-dragged") && Math.max(width, height) < LEAST) return;
  svg.setAttribute("data-dragged", "");
  box = [Math.min(x, from[0]), Math.min(y, from[1]), Math.max(x, from[0]), Math.max(y, from[1])];
  frame();
});
svg.addEventListener("pointerup", () => {
  if (!from) return;
  from = null;
  if (svg.hasAttribute("data-dragged")) choose();
  else clear();
  svg.removeAttribute("data-dragged");
});
svg.addEventListener("pointercancel", () => {
  from = null;
  svg.removeAttribute("data-dragged");
});

svg.addEventListener("keydown", (event) => {
  const way = ARROWS[event.key];
  if (!told || !(way || (box && ["Enter", "Escape"].includes(event.key)))) return;
  event.preventDefault();
  if (event.key === "Enter") return choose();
  if (event.key === "Escape") return clear();
  const [x, y] = way.map((one) => one * STEP);
  if (!box) box = [0.35, 0.35, 0.65, 0.65];
  else if (event.shiftKey) {
    box = [box[0], box[1], Math.min(Math.max(box[2] + x, box[0] + STEP), 1), Math.min(Math.max(box[3] + y, box[1] + STEP), 1)];
  } else {
    const [byX, byY] = [Math.min(Math.max(x, -box[0]), 1 - box[2]), Math.min(Math.max(y, -box[1]), 1 - box[3])];
    box = [box[0] + byX, box[1] + byY, box[2] + byX, box[3] + byY];
  }
  draw();
  count();
});

part("clear").addEventListener("click", clear);
part("label").addEventListener("change", (event) => {
  label = event.target.value === "" ? null : Number(event.target.value);
  if (box) choose();
  else draw();
});

// ---------------------------------------------------------------- what the server tells

function fill() {
  part("plane").hidden = !props.value;
  if (!props.value) return;
  told = JSON.parse(props.value);
  [label, box] = [null, null];
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
