// The map of codes: body of function (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// props.value is what `map_views.drawn` tells, as JSON, or "". Marks are SVG, in pixels of the screen, so that they stay
// as large on a phone. Moving through the epochs moves marks and lines together, and is one step for who wants no motion.
// Two events leave: "apart" (a picture, for the tab of object and style) or, where that cannot draw, "open" (its details).

const EDGE = 26; // pixels between the frame and the outermost mark
const NEAR = 22; // pixels from a mark within which it is meant
const GLIDE = 650; // ms from one epoch to the next
const REST = 1100; // ms at each epoch while playing
const SPACE = "http://www.w3.org/2000/svg";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FORMS = [ // a mark for each style, of about the same area
  "M-4.4 0a4.4 4.4 0 1 0 8.8 0a4.4 4.4 0 1 0-8.8 0z",
  "M-4-4h8v8h-8z",
  "M0-5.4L5.2 4.2H-5.2z",
  "M0-5.8L5.4 0L0 5.8L-5.4 0z",
  "M-1.8-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z",
  "M0 5.4L5.2-4.2H-5.2z",
];
const PLAY = "M8 5.5v13l10.5-6.5z";
const PAUSE = "M7 5.5h3.4v13H7zM13.6 5.5H17v13h-3.4z";

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const svg = part("svg");
const slider = part("epoch");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let told = null; // what the server told
let code = "object";
let at = 0; // the epoch shown, by its place
let marks = [];
let lines = {};
let now = []; // where each mark is, in pixels
let here = null; // the row of the picture that is looked at
let last = 0; // the row of the picture that was looked at last: where keys enter, as long as it is seen
let label = null; // the place of the class that alone is shown, if one is
const off = new Set(); // places of styles that are hidden
let frame = 0;
let playing = 0;
let hand = ""; // what points: mouse, pen or touch

const stop = () => told.codes[code][at];
const style = (row) => told.pictures[row].style;
const named = (row) => `${told.classes[told.pictures[row].label]}, ${told.styles[style(row)]}`;
const hidden = (row) => off.has(style(row)) || (label !== null && told.pictures[row].label !== label);

function made(name, attributes, into) {
  const one = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return into.appendChild(one);
}

function wrote(name, text, into, attributes = {}) {
  const one = Object.assign(document.createElement(name), attributes);
  if (text) one.textContent = text;
  return into.appendChild(one);
}

// ---------------------------------------------------------------- where things are

function frameOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
}

// One scale for both axes and, unless the frame is to be filled, for all epochs.
function places() {
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  const stops = part("fill").checked ? [stop()] : told.codes[code];
  const boxes = stops.map(({ points }) => frameOf(points));
  const [left, right, low, high] = [0, 1, 2, 3].map((side) => Math[side % 2 ? "max" : "min"](...boxes.map((box) => box[side])));
  const scale = Math.min((width - 2 * EDGE) / (right - left || 1), (height - 2 * EDGE) / (high - low || 1));
  const [middleX, middleY] = [(left + right) / 2, (low + high) / 2];
  return stop().points.map(([x, y]) => [width / 2 + (x - middleX) * scale, height / 2 - (y - middleY) * scale]);
}

// ---------------------------------------------------------------- drawing

function build() {
  svg.replaceChildren();
  lines = { within: made("path", { class: "within" }, svg), across: [] };
  const across = made("g", { class: "across" }, svg);
  lines.across = told.styles.map((_, i) => made("path", { "data-style": i % FORMS.length }, across));
  lines.own = made("path", { class: "own" }, svg);
  const all = made("g", { class: "points" }, svg);
  marks = told.pictures.map((picture, row) => made("path", {
    d: FORMS[picture.style % FORMS.length], "data-style": picture.style % FORMS.length, "data-id": picture.id, "data-row": row,
    role: "button", tabindex: -1, "aria-label": named(row),
  }, all));
  lines.words = made("text", { class: "words" }, svg);
  now = [];
}

const half = ([x, y], [toX, toY]) => `M${x.toFixed(1)} ${y.toFixed(1)}L${((x + toX) / 2).toFixed(1)} ${((y + toY) / 2).toFixed(1)}`;
const whole = ([x, y], [toX, toY]) => `M${x.toFixed(1)} ${y.toFixed(1)}L${toX.toFixed(1)} ${toY.toFixed(1)}`;

function place(points) {
  now = points;
  marks.forEach((mark, row) => mark.setAttribute("transform", `translate(${points[row][0].toFixed(1)} ${points[row][1].toFixed(1)})`));
  const seen = ([i, j]) => !hidden(i) && !hidden(j);
  const { within, across } = stop();
  lines.within.setAttribute("d", part("within").checked ? within.filter(seen).map(([i, j]) => whole(points[i], points[j])).join("") : "");
  const parts = told.styles.map(() => []);
  if (part("across").checked) {
    for (const [i, j] of across.filter(seen)) { // each half in the colour of its end
      parts[style(i)].push(half(points[i], points[j]));
      parts[style(j)].push(half(points[j], points[i]));
    }
  }
  parts.forEach((ends, i) => lines.across[i].setAttribute("d", ends.join("")));
  point();
}

function glide(target, moves) {
  cancelAnimationFrame(frame);
  const from = now;
  svg.toggleAttribute("data-moving", moves && from.length > 0 && !calm.matches);
  if (!svg.hasAttribute("data-moving")) return place(target);
  const began = performance.now();
  const step = (time) => {
    const share = Math.min(Math.max((time - began) / GLIDE, 0), 1);
    const eased = share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2;
    place(target.map(([x, y], row) => [from[row][0] + (x - from[row][0]) * eased, from[row][1] + (y - from[row][1]) * eased]));
    if (share < 1) frame = requestAnimationFrame(step);
    else svg.removeAttribute("data-moving");
  };
  frame = requestAnimationFrame(step);
}

function show(move = true) {
  slider.value = at;
  slider.setAttribute("aria-valuetext", told.epochs[at]);
  [...part("stops").children].forEach((one, i) => one.toggleAttribute("data-on", i === at));
  part("caption").innerHTML = stop().caption; // written by map_views
  part("tiles").innerHTML = stop().tiles;
  svg.dataset.pulls = stop().pulls.join(" ");
  if (here !== null) look(here);
  glide(places(), move);
}

// ---------------------------------------------------------------- one picture

const mates = (kind) => here === null ? [] : stop()[kind].filter((pair) => pair.includes(here)).map(([i, j]) => i === here ? j : i);

// The marks of its class stand out, and lines to its neighbours; and of those that are seen keys enter at one.
function point() {
  const entry = [last, ...now.keys()].find((row) => !hidden(row));
  const near = new Set([...mates("within"), ...mates("across")]);
  svg.toggleAttribute("data-lit", here !== null || label !== null);
  marks.forEach((mark, row) => {
    const kin = here !== null && told.pictures[row].label === told.pictures[here].label;
    mark.toggleAttribute("data-off", off.has(style(row)));
    mark.toggleAttribute("data-kin", !off.has(style(row)) && (here === null ? label !== null && !hidden(row) : kin));
    mark.toggleAttribute("data-near", near.has(row) && !hidden(row));
    mark.toggleAttribute("data-here", row === here);
    mark.tabIndex = row === entry ? 0 : -1;
  });
  const ends = here === null ? [] : [...near].filter((row) => !hidden(row));
  lines.own.setAttribute("d", ends.map((row) => whole(now[here], now[row])).join(""));
  lines.words.textContent = here === null ? "" : named(here);
  if (here === null) return;
  const [x, y] = now[here];
  const right = x > svg.clientWidth * 0.7;
  lines.words.setAttribute("x", x + (right ? -12 : 12));
  lines.words.setAttribute("y", y < 24 ? y + 20 : y - 10);
  lines.words.setAttribute("text-anchor", right ? "end" : "start");
}

function look(row) {
  here = row;
  const card = part("card");
  card.replaceChildren();
  card.hidden = row === null;
  if (row === null) {
    if (now.length) point();
    return;
  }
  last = row;
  card.dataset.side = now.length && now[row][0] > svg.clientWidth / 2 ? "left" : "right";
  const { id, src, alt } = told.pictures[row];
  wrote("img", "", card, { src, alt, width: 192, height: 192 });
  wrote("b", told.classes[told.pictures[row].label], card);
  wrote("small", `${told.styles[style(row)]} · ${id}`, card);
  const go = wrote("button", told.apart ? "Show object & style" : "Open", card, { type: "button", className: "plain" });
  go.addEventListener("click", () => open(row));
  for (const [kind, words] of [["within", "Nearest in its style"], ["across", "Nearest across styles"]]) {
    const rows = mates(kind);
    if (!rows.length) continue;
    wrote("p", words, card, { className: "eyebrow" });
    const list = wrote("div", "", card, { className: "mates" });
    for (const mate of rows) {
      const same = told.pictures[mate].label === told.pictures[row].label;
      const button = wrote("button", "", list, { type: "button", title: named(mate) });
      button.dataset.same = same;
      button.dataset.style = style(mate) % FORMS.length;
      wrote("img", "", button, { src: told.pictures[mate].src, alt: named(mate), width: 48, height: 48 });
      button.addEventListener("click", () => look(mate));
    }
  }
  if (now.length) point();
}

function open(row) {
  trigger(told.apart ? "apart" : "open", { id: told.pictures[row].id, rank: 0, score: 0 });
}

function nearest(event) {
  const box = svg.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  let [best, far] = [null, NEAR];
  now.forEach(([px, py], row) => {
    const distance = Math.hypot(px - x, py - y);
    if (distance < far && !hidden(row)) [best, far] = [row, distance];
  });
  return best;
}

// ---------------------------------------------------------------- what is done

svg.addEventListener("pointermove", (event) => {
  if (event.pointerType !== "mouse" || !now.length) return;
  const row = nearest(event);
  svg.style.cursor = row === null ? "" : "pointer";
  if (row !== null && row !== here) look(row);
});
part("svg").parentElement.addEventListener("pointerleave", (event) => {
  if (event.pointerType === "mouse" && told && !svg.contains(document.activeElement)) look(null);
});
svg.addEventListener("pointerdown", (event) => { hand = event.pointerType; });
svg.addEventListener("click", (event) => {
  const row = event.detail ? nearest(event) : Number(event.target.dataset.row); // 0: by a program or a reader of the screen
  if (row === null || Number.isNaN(row)) return look(null);
  event.detail && hand === "touch" ? look(row) : open(row); // a finger cannot point before it clicks
});
svg.addEventListener("focusin", (event) => { if (event.target.dataset.row && svg.matches(":focus-within")) look(Number(event.target.dataset.row)); });

svg.addEventListener("keydown", (event) => {
  const row = here ?? Number(event.target.dataset.row ?? 0);
  const way = ARROWS[event.key];
  if (way) {
    const [x, y] = now[row];
    let [best, far] = [null, Infinity];
    now.forEach(([px, py], i) => {
      const along = (px - x) * way[0] + (py - y) * way[1];
      const aside = Math.abs((px - x) * way[1]) + Math.abs((py - y) * way[0]);
      if (i !== row && !hidden(i) && along > aside && along + 2 * aside < far) [best, far] = [i, along + 2 * aside];
    });
    if (best !== null) marks[best].focus();
  } else if (event.key === "Enter" || event.key === " ") open(row);
  else if (event.key === "PageUp" || event.key === "PageDown") step(event.key === "PageUp" ? -1 : 1);
  else if (event.key === "Escape") look(null);
  else return;
  event.preventDefault();
});

function step(by) {
  const next = Math.min(Math.max(at + by, 0), told.epochs.length - 1);
  if (next === at) return false;
  at = next;
  show();
  return true;
}

function play(on) {
  clearInterval(playing);
  playing = 0;
  if (on) {
    if (at === told.epochs.length - 1) { at = 0; show(); }
    playing = setInterval(() => { if (!element.offsetParent || !step(1)) play(false); }, REST);
  }
  const button = part("play");
  button.setAttribute("aria-label", on ? "Pause" : "Play");
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${on ? PAUSE : PLAY}"/></svg>`;
}

slider.addEventListener("input", () => { play(false); at = Number(slider.value); show(); });
part("play").addEventListener("click", () => play(!playing));
part("stops").addEventListener("click", (event) => {
  const chosen = event.target.closest("li");
  if (chosen) { play(false); at = [...part("stops").children].indexOf(chosen); show(); }
});
for (const kind of ["within", "across"]) part(kind).addEventListener("change", () => place(now));
part("fill").addEventListener("change", () => show());
part("label").addEventListener("change", (event) => {
  label = event.target.value === "" ? null : Number(event.target.value);
  look(null);
  place(now);
});
part("atlas").addEventListener("change", (event) => {
  if (event.target.name !== "map-code") return;
  code = event.target.value;
  show();
});
part("styles").addEventListener("click", (event) => {
  const chosen = event.target.closest("button");
  if (!chosen) return;
  const which = Number(chosen.dataset.place);
  off.has(which) ? off.delete(which) : off.add(which);
  chosen.setAttribute("aria-pressed", !off.has(which));
  place(now);
});

function fill() {
  part("atlas").hidden = !props.value;
  if (!props.value) return;
  told = JSON.parse(props.value);
  [at, here, last, label] = [told.epochs.length - 1, null, 0, null];
  off.clear();
  slider.max = told.epochs.length - 1;
  part("stops").replaceChildren();
  for (const epoch of told.epochs) wrote("li", epoch.replace(/^after epoch (\d+) of \d+$/, "$1").replace("before training", "start"), part("stops"));
  part("label").replaceChildren(new Option("all classes", ""), ...told.classes.map((name, i) => new Option(name, i)));
  part("styles").replaceChildren();
  told.styles.forEach((name, i) => {
    const button = wrote("button", "", wrote("li", "", part("styles")), { type: "button" });
    button.dataset.place = i;
    button.dataset.style = i % FORMS.length;
    button.setAttribute("aria-pressed", "true");
    const key = made("svg", { viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" }, button);
    made("path", { d: FORMS[i % FORMS.length] }, key);
    wrote("span", name, button);
  });
  part("small").textContent = told.small;
  build();
  look(null);
  play(false);
  show(false);
}

watch("value", fill);
new ResizeObserver(() => { if (told && svg.clientWidth) show(false); }).observe(svg);
fill();
