// Elements of the viewer: icons, buttons and sliders. The bar is built once and then only changed,
// so that it keeps the keyboard's focus.

const ICONS = {
  minus: "M5 12h14",
  plus: "M12 5v14M5 12h14",
  reset: "M4 4v6h6M5.2 15a7.5 7.5 0 1 0 1-8L4 10",
  window: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 4v16M12 8h5.5M12 12h8M12 16h5.5",
  invert: "M4 4h16v16H4zM12 4v16M12 9l5-5M12 15l8-8M14 20l6-6",
  rotate: "M20 4v6h-6M18.8 15a7.5 7.5 0 1 1-1-8l2.2 3",
  flip: "M12 3v18M9 7l-6 10h6zM15 7l6 10h-6z",
  ruler: "M3 16.5 16.5 3 21 7.5 7.5 21zM7 12.5l2 2M10 9.5l2 2M13 6.5l2 2",
  angle: "M4 20h17M4 20 15 5M12 20a9 9 0 0 0-2.8-7",
  lens: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5M11 8v6M8 11h6",
  pixels: "M4 4h16v16H4zM4 9.3h16M4 14.7h16M9.3 4v16M14.7 4v16",
  link: "M9 12h6M10 7H8a5 5 0 0 0 0 10h2M14 7h2a5 5 0 0 1 0 10h-2",
  view: "M3 5h18v14H3zM8 9h8v6H8z",
  eraser: "M9 20h11M4 14 13 5l6 6-9 9H8z",
  undo: "M8 5 4 9l4 4M4 9h11a5 5 0 0 1 0 10h-4",
  clear: "M6 6l12 12M18 6 6 18",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  leave: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  hidden: "M4 4l16 16M10 6.2A9 9 0 0 1 12 6c5.5 0 9 6 9 6a15 15 0 0 1-2.6 3.2M6.5 8A15 15 0 0 0 3 12s3.5 6 9 6a9 9 0 0 0 3.6-.8",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
};

function element(tag, settings = {}, ...children) {
  const made = Object.assign(document.createElement(tag), settings);
  made.append(...children);
  return made;
}

function drawing(tag, settings, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(settings).forEach(([name, value]) => made.setAttribute(name, value));
  made.append(...children);
  return made;
}

const icon = (name) =>
  drawing("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    drawing("path", { d: ICONS[name] }));

// A button with an icon, words, or both. `label` is read aloud and shown on hover, `key` with it.
function tool({ name, label, action, key = "", words = "", toggles = false }) {
  const made = element("button", { type: "button", title: key ? `${label} (${key})` : label });
  if (name) made.append(icon(name));
  if (words) made.append(element("span", { className: "words", textContent: words }));
  made.setAttribute("aria-label", label);
  if (key.length === 1) Object.assign(made.dataset, { key, label });
  if (toggles) made.setAttribute("aria-pressed", "false");
  made.addEventListener("click", () => isOff(made) || action());
  return made;
}

// Name the keys of a bar's buttons, or, while they are switched off, leave them out.
function nameKeys(bar, areOn) {
  bar.querySelectorAll("button[data-key]").forEach((each) => {
    const { key, label } = each.dataset;
    each.title = areOn ? `${label} (${key})` : label;
    if (areOn) each.setAttribute("aria-keyshortcuts", key);
    else each.removeAttribute("aria-keyshortcuts");
  });
}

const press = (button, on) => button.setAttribute("aria-pressed", String(Boolean(on)));

// Change elements such that the focus never falls out of `root` with one that is hidden: it goes to
// what `instead` gives for it, else to the button before it.
function keepingFocus(root, change, instead = () => null) {
  const held = root.getRootNode().activeElement;
  const had = held && root.contains(held);
  change();
  if (!had || (root.contains(held) && isSeen(held))) return;
  const all = [...root.querySelectorAll("button, input, .film")];
  const before = all.slice(0, Math.max(1, all.indexOf(held))).reverse();
  [instead(held), ...before, ...all].find((each) => each && each !== held && isSeen(each))?.focus();
}

const isSeen = (node) => node.isConnected && node.getClientRects().length > 0;

function range(words, settings, action) {
  const input = element("input", { type: "range", ...settings });
  input.setAttribute("aria-label", words);
  input.addEventListener("input", () => action(Number(input.value)));
  return input;
}

const group = (...children) => element("div", { className: "group" }, ...children);

// An Arrow table as a list of records.
function records(table) {
  const names = table.schema.fields.map((field) => field.name);
  const columns = names.map((name) => table.getChild(name));
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(names.map((name, i) => [name, columns[i].get(row)])),
  );
}
