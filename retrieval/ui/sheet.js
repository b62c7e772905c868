// Details of one hit: body of function (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// The dialog is never part of what gr.HTML rewrites, or it would lose its open state; the server's HTML goes into its body.

const REASONS = ".why, .notice"; // what answers "Why this hit?"
const dialog = element.querySelector("dialog");
const body = element.querySelector(".sheet-body");
const grids = () => ["#results", "#nearest", "#code-hits", "#plane-inside"].map((id) => document.querySelector(id));
const cards = () => [...(grids().find((grid) => grid?.checkVisibility())?.querySelectorAll("[data-id]") ?? [])];
const shown = () => body.firstElementChild?.dataset.id;
let turn = 0; // how often the sheet was closed: a neighbour that was asked for before is not shown after

watch("value", () => {
  if (!props.value) return; // closing empties the value, and the dialog fades out with its picture
  const come = document.createElement("template");
  come.innerHTML = props.value;
  const { id, turn: asked } = come.content.firstElementChild.dataset;
  if (asked && Number(asked) !== turn) return;
  if (come.content.querySelector(REASONS) && !(dialog.open && id === shown())) return; // of a picture that was left meanwhile
  body.replaceChildren(come.content);
  const here = cards().findIndex((card) => card.dataset.id === shown());
  for (const button of element.querySelectorAll("[data-step]")) {
    button.disabled = here < 0 || !cards()[here + Number(button.dataset.step)];
  }
  const reasons = body.querySelector(REASONS);
  reasons?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  reasons?.focus({ preventScroll: true });
  if (dialog.open) return;
  dialog.showModal();
  body.querySelector("button")?.focus();
});

// Left and right walk through the cards in the order of the page.
function step(by) {
  const here = cards().findIndex((card) => card.dataset.id === shown());
  const card = here < 0 ? null : cards()[here + by];
  if (card) trigger("open", { ...card.dataset, turn });
}

dialog.addEventListener("close", () => {
  turn += 1;
  props.value = ""; // so that the same picture can be opened twice
});

dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});

dialog.addEventListener("click", (event) => {
  const { step: by, search, domain, why, apart, close } = event.target.dataset;
  if (by) step(Number(by));
  if (apart) trigger("apart", { id: apart });
  if (search) trigger("search", { id: search, domain });
  if (why !== undefined) {
    event.target.disabled = true;
    event.target.textContent = "Looking …";
    trigger("why", { ...event.target.dataset });
  }
  if (search || apart || close !== undefined || event.target === dialog) dialog.close(); // a click on the backdrop hits the dialog
});
