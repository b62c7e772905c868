// The picture to search with: body of function (element, trigger, props, server, upload, watch), run once by gr.HTML.
//
// The file goes to the server as it is and is decoded there once, after every check; the preview is the visitor's own copy.
// props.value is {"path", "name"} as the server knows the file, or null; "input" says that a file is there. Removing it
// is no input: what was found with it stays.

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const chooser = part("file");
const zone = part("zone");
const preview = part("preview");
const remove = part("remove");
let latest = 0; // a slow upload must not win over a later one

function state(name, words) {
  element.dataset.state = name; // empty, sending, done, refused
  part("said").textContent = words;
  remove.hidden = !["sending", "done"].includes(name);
}

// Whatever was chosen is there no more, and what is being sent is not waited for.
function drop() {
  latest += 1;
  URL.revokeObjectURL(preview.src);
  preview.removeAttribute("src");
  preview.hidden = true;
  props.value = null;
}

async function take(file) {
  if (!file) return;
  drop();
  if (file.size > props.max_bytes) {
    return state("refused", `${file.name} is larger than ${props.max_bytes / 1e6} MB. Choose a smaller picture.`);
  }
  const turn = latest;
  preview.hidden = false;
  preview.src = URL.createObjectURL(file);
  state("sending", `Sending ${file.name} …`);
  try {
    const { path } = await upload(file);
    if (turn !== latest) return;
    state("done", file.name);
    props.value = { path, name: file.name };
    trigger("input");
  } catch {
    if (turn !== latest) return;
    drop();
    state("refused", `${file.name} could not be sent. Try again, or choose another picture.`);
  }
}

preview.addEventListener("error", () => { preview.hidden = true; }); // not a picture: the server will say so
chooser.addEventListener("change", () => { take(chooser.files[0]); chooser.value = ""; });
remove.addEventListener("click", () => {
  drop();
  state("empty", "");
  chooser.focus(); // the button is gone, and this is what comes next
});
zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.dataset.over = "true"; });
zone.addEventListener("dragleave", () => { delete zone.dataset.over; });
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  delete zone.dataset.over;
  take(event.dataTransfer.files[0]);
});

// A picture can be pasted anywhere on the page while this tab is open, except where text is being written.
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (file && props.pastes && element.offsetParent && !event.target.matches(":read-write")) take(file);
});

state("empty", "");
