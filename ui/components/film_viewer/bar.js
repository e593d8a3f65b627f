// The viewer's one toolbar, the list of its shortcuts, and what the network sees.

const CHOICES = 96; // px of the column's heading and buttons
const BY_KEYS = "By keys: arrows move the cross on a film, Enter sets a point.";
const WAYS = { area: "averaged", nearest: "nearest pixel" }; // how pixels become smaller

function makeBar(v, help) {
  const named = (name, label, key, action, toggles = true) => tool({ name, label, key, action, toggles });
  const zoom = element("output", { className: "zoom" });
  const values = element("output", { className: "values" });
  const title = element("span", { className: "title" });
  const previous = tool({ name: "left", label: "Previous study", action: () => v.send.trigger("step", -1) });
  const next = tool({ name: "right", label: "Next study", action: () => v.send.trigger("step", 1) });
  const windowing = tool({ name: "window", label: "Window and level", action: () => (v.menuOpen() ? v.closeMenu() : openMenu()) });
  const modes = {
    window: named("window", "Drag to change the window", "W", () => v.setMode("window")),
    ruler: named("ruler", "Ruler", "D", () => v.setMode("ruler")),
    angle: named("angle", "Angle", "G", () => v.setMode("angle")),
    erase: named("eraser", "Eraser", "E", () => v.setMode("erase")),
  };
  const toggles = {
    inverted: named("invert", "Invert", "I", () => v.invert()),
    flipped: named("flip", "Mirror", "H", () => v.flip()),
    lens: named("lens", "Magnifier", "M", () => v.toggle("lens")),
    smooth: named("pixels", "Show pixels", "P", () => v.toggle("smooth")),
    linked: named("link", "Link views", "L", () => v.link()),
    only: tool({ name: "view", label: "One view", words: "One view", key: "V", action: () => v.nextView(), toggles: true }),
  };
  const quiz = tool({ name: "hidden", label: "Quiz me", words: "Quiz me", key: "Q", toggles: true,
    action: () => v.send.trigger("quiz", "switch") });
  const reveal = tool({ label: "Reveal", words: "Reveal", action: () => v.send.trigger("quiz", "reveal") });
  const full = tool({ name: "full", label: "Full screen", key: "F", action: () => v.fullScreen() });
  const leave = tool({ name: "leave", label: "Exit full screen", words: "Exit full screen", action: () => v.fullScreen() });
  const undo = tool({ name: "undo", label: "Undo", key: "U", action: () => v.undo() });
  const clear = tool({ name: "clear", label: "Clear marks", action: () => {
    v.marks = [];
    v.changed();
  } });
  const restore = tool({ label: "Restore", words: "Restore", action: () => v.sendStrokes([]) });
  const brushes = BRUSHES.map((each, i) => {
    const words = ["Fine", "Medium", "Broad"][i];
    const label = `${words} brush, ${each} % of the film's width`;
    return tool({ label: words, words, toggles: true, key: label, action: () => {
      v.brush = each;
      update();
    } });
  });
  const maps = group();
  const strength = range("Heat map strength", { min: 10, max: 90, value: v.map.opacity }, (value) => {
    v.map.opacity = value;
    v.paint();
  });
  const hint = element("span", { className: "hint", role: "status" });
  const several = group(toggles.linked, toggles.only);
  const measuring = group(modes.ruler, modes.angle, toggles.lens, undo, clear);
  const erasing = group(modes.erase, ...brushes, restore);
  const quizzing = group(quiz, reveal);
  const study = group(title, previous, next);
  const bar = element("div", { className: "bar" },
    study,
    group(named("minus", "Zoom out", "-", () => v.zoomBy(1 / 1.4), false), zoom,
      named("plus", "Zoom in", "+", () => v.zoomBy(1.4), false),
      named("reset", "Reset", "0", () => v.reset(), false)),
    group(windowing, values, toggles.inverted),
    group(named("rotate", "Rotate", "R", () => v.rotate(), false), toggles.flipped, toggles.smooth),
    measuring, several, maps, erasing, hint,
    element("div", { className: "group end" }, quizzing,
      named("help", "Shortcuts", "?", () => help.open(), false), full, leave));
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Film tools");

  const menu = makeMenu(v, modes.window, windowing);
  windowing.after(menu.element); // the next tab stop
  v.menuOpen = () => !menu.element.hidden;
  v.closeMenu = menu.close;
  const openMenu = () => {
    menu.open();
    windowing.setAttribute("aria-expanded", "true");
  };
  windowing.setAttribute("aria-expanded", "false");

  let mapNames = "";
  function drawMaps() {
    const names = [...new Set(v.heat.map((each) => each.name))];
    if (mapNames !== names.join("\n")) {
      mapNames = names.join("\n");
      maps.replaceChildren(...names.map((name) =>
        tool({ label: name, words: name, toggles: true, action: () => {
          v.map.shown = v.map.shown === name ? "" : name;
          update();
          v.paint();
        } })), strength);
    }
    maps.hidden = !names.length;
    bar.classList.toggle("maps", names.length > 0);
    [...maps.querySelectorAll("button")].forEach((each, i) => press(each, v.map.shown === names[i]));
  }

  // What the data and the tools make of the bar; elements stay, so that the focus does.
  const twin = (held) => ({ [full.title]: leave, [leave.title]: full })[held.title];
  const update = () => keepingFocus(bar, change, twin);
  function change() {
    const { data } = v;
    title.textContent = data.title;
    study.hidden = !v.isFull();
    previous.hidden = next.hidden = !data.steps;
    setOff(previous, !data.steps?.previous);
    setOff(next, !data.steps?.next);
    several.hidden = v.films.length < 2;
    erasing.hidden = !data.erasable;
    brushes.forEach((each, i) => {
      each.hidden = v.mode !== "erase";
      press(each, v.brush === BRUSHES[i]);
    });
    restore.hidden = !v.strokes.length;
    const marked = v.marks.some((mark) => !mark.loose);
    clear.hidden = !marked;
    undo.hidden = !marked && !v.strokes.length;
    quizzing.hidden = !data.quiz;
    press(quiz, data.quiz?.hidden);
    reveal.hidden = !v.isFull() || !data.quiz?.hidden || data.quiz.revealed;
    full.hidden = v.isFull();
    leave.hidden = !v.isFull();
    Object.entries(modes).forEach(([name, button]) => press(button, v.mode === name));
    hint.textContent = {
      erase: `Brush over a screw, a marker, a region: the film is scored without it. ${BY_KEYS}`,
      ruler: `Drag, or click both ends. ${BY_KEYS}`,
      angle: `Click three points; the second is the vertex. ${BY_KEYS}`,
      window: "Drag: sideways for the window, up and down for the level.",
    }[v.mode] ?? "";
    drawMaps();
  }

  function paint() {
    const i = v.inUse();
    zoom.textContent = `${Math.round((v.places[v.only ?? i]?.zoom ?? 1) * 100)} %`;
    const window = v.windows[i];
    const { pixels } = v.films[i] ?? {};
    values.textContent = window && pixels ? `W ${told(window.width, pixels)} L ${told(window.level, pixels)}` : "";
    press(toggles.inverted, v.inverted[i]);
    press(toggles.flipped, v.turns[i]?.flipped);
    press(toggles.lens, v.lens);
    press(toggles.smooth, !v.smooth);
    press(toggles.linked, v.linked);
    press(toggles.only, v.only !== null);
    const words = v.only === null ? "One view" : `View ${v.only + 1} of ${v.films.length}`;
    toggles.only.querySelector(".words").textContent = words;
    toggles.only.setAttribute("aria-label", words);
    menu.paint();
  }

  v.toggle = (name) => {
    v[name] = !v[name];
    v.paint();
  };
  v.changed = () => {
    update();
    v.paint();
  };
  return { element: bar, update, paint };
}

// Presets and sliders of the window: everything that dragging does, without dragging.
function makeMenu(v, mode, opener) {
  const presets = group();
  const change = (name) => (value) => {
    const { width, level } = v.windows[v.inUse()];
    v.setWindow(v.inUse(), { width, level, [name]: value });
  };
  const width = range("Window", { min: 1 }, change("width"));
  const level = range("Level", {}, change("level"));
  const labelled = (words, input) => element("label", {}, element("span", { textContent: words }), input);
  const menu = element("div", { className: "menu", hidden: true },
    presets, labelled("Window", width), labelled("Level", level), mode,
    element("span", { className: "hint", textContent: "On a film: drag with the right button, or hold Shift. Double-click to reset." }));
  mode.append(element("span", { className: "words", textContent: "Drag on films" }));

  const close = () => {
    const inside = menu.contains(menu.getRootNode().activeElement);
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (inside) opener.focus();
  };
  const open = () => {
    menu.hidden = false;
    menu.style.left = `${opener.offsetLeft}px`;
    paint();
  };
  function paint() {
    const pixels = v.films[v.inUse()]?.pixels;
    if (menu.hidden || !pixels) return;
    const window = v.windows[v.inUse()];
    offer(presetsOf(pixels));
    const range = pixels.high - pixels.low;
    const step = range >= ROOMY_RANGE ? 1 : range / 1000;
    Object.assign(width, { min: pixels.least, max: 2 * range, step, value: window.width });
    Object.assign(level, { min: pixels.low, max: pixels.high, step, value: window.level });
  }
  // The buttons stay while the film in use offers the same.
  let offered = "";
  function offer(windows) {
    const names = Object.keys(windows);
    if (names.join("\n") === offered) return;
    offered = names.join("\n");
    const make = ([words, window]) => tool({ label: words, words, action: () => v.setWindow(v.inUse(), window) });
    keepingFocus(menu, () => presets.replaceChildren(...Object.entries(windows).map(make)), () => width);
  }
  return { element: menu, open, close, paint };
}

const SHORTCUTS = [
  ["+ −", "Zoom in, zoom out"],
  ["Scroll", "Zoom at the pointer"],
  ["Drag, arrow keys", "Pan a zoomed film"],
  ["Arrow keys, Enter", "Move and set a point of a tool"],
  ["Right drag, Shift drag", "Window and level"],
  ["Double click", "Reset a film"],
  ["W", "Window and level by dragging"],
  ["I", "Invert"],
  ["R  H", "Rotate, mirror"],
  ["P", "Smooth or pixels"],
  ["D  G", "Ruler, angle"],
  ["M", "Magnifier"],
  ["U", "Undo the last mark or stroke"],
  ["L", "Link views"],
  ["V", "One view after the other"],
  ["E", "Eraser (Diagnose)"],
  ["Q", "Quiz me: hide labels (Studies)"],
  ["0", "Reset everything"],
  ["F", "Full screen"],
  ["← →", "Previous and next study"],
  ["?", "This list"],
];

function makeHelp(v) {
  const rows = SHORTCUTS.flatMap(([keys, words]) => [
    element("dt", {}, element("kbd", { textContent: keys })),
    element("dd", { textContent: words }),
  ]);
  const box = element("input", { type: "checkbox" });
  box.addEventListener("change", () => {
    v.keys.set(box.checked);
    nameKeys(v.root, box.checked);
  });
  const close = tool({ name: "clear", label: "Close", action: () => shut() });
  const panel = element("div", { className: "help", hidden: true, tabIndex: -1 },
    element("div", { className: "group" }, element("strong", { textContent: "Shortcuts" }), close),
    element("dl", {}, ...rows),
    element("label", {}, box, "Single-key shortcuts, while the pointer or the focus is in the viewer"));
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", "Shortcuts");
  let before = null;
  function open() {
    if (!panel.hidden) return shut();
    before = panel.getRootNode().activeElement;
    box.checked = v.keys.areOn();
    panel.hidden = false;
    panel.focus();
  }
  function shut() {
    panel.hidden = true;
    before?.focus();
  }
  return { element: panel, open, close: shut, isOpen: () => !panel.hidden };
}

// Buttons that pan a zoomed film, for whoever cannot drag.
function makePad(v) {
  const ways = { left: [-STEP, 0], up: [0, -STEP], down: [0, STEP], right: [STEP, 0] };
  const buttons = Object.entries(ways).map(([name, way]) =>
    tool({ name, label: `Pan ${name}`, action: () => v.pan(...way) }));
  const pad = element("div", { className: "pad", hidden: true }, ...buttons);
  pad.setAttribute("role", "group");
  pad.setAttribute("aria-label", "Pan");
  return pad;
}

// The network's own pixels of each film, beside the films.
function makeSeen(v) {
  const sees = { size: 32, resample: "area" };
  let pictures = [];
  let addresses = []; // of images, let go of when others come
  let choices = "";
  const heading = element("span", { className: "heading", textContent: "What the network sees" });
  const choice = element("div", { className: "choices" });
  const shown = element("div", { className: "shown" });
  const column = element("div", { className: "seen" }, heading, choice, shown);

  function update(next) {
    const now = next.map((each) => ({ ...each, film: Number(each.film), size: Number(each.size) }));
    const same = pictures.length === now.length && now.every((each, i) => isSame(each.image, pictures[i].image));
    pictures = now;
    if (!now.length) return;
    const sizes = [...new Set(now.map((each) => each.size))];
    const ways = [...new Set(now.map((each) => each.resample))];
    if (!sizes.includes(sees.size)) sees.size = sizes[0];
    if (!ways.includes(sees.resample)) sees.resample = ways[0];
    const wanted = [...sizes, ...ways].join();
    if (choices !== wanted) drawChoices(sizes, ways);
    choices = wanted;
    if (!same || !shown.children.length) draw();
    shown.querySelectorAll("img").forEach((each) => (each.alt = alt(Number(each.dataset.film))));
  }

  const alt = (film) => `${v.films[film]?.name ?? ""} as the network sees it`;

  function drawChoices(sizes, ways) {
    const choose = (name, value, words) => {
      const made = tool({ label: words, words, toggles: true, action: () => {
        sees[name] = value;
        draw();
      } });
      Object.assign(made.dataset, { name, value });
      return made;
    };
    choice.replaceChildren(...(sizes.length > 1 || ways.length > 1
      ? [group(...sizes.map((each) => choose("size", each, `${each} px`))),
         group(...ways.map((way) => choose("resample", way, WAYS[way])))]
      : [element("span", { textContent: `${sizes[0]} px, ${WAYS[ways[0]]}` })]));
  }

  function draw() {
    addresses.splice(0).forEach((each) => URL.revokeObjectURL(each));
    choice.querySelectorAll("button").forEach((each) =>
      press(each, String(sees[each.dataset.name]) === each.dataset.value));
    const own = pictures.filter((each) => each.size === sees.size && each.resample === sees.resample);
    shown.replaceChildren(...own.map((each) => {
      addresses.push(URL.createObjectURL(new Blob([each.image])));
      const image = element("img", { src: addresses.at(-1), alt: alt(each.film) });
      image.dataset.film = each.film;
      return image;
    }));
  }

  // Squares as large as the column allows.
  function fit(width, height) {
    const count = shown.children.length;
    let best = { side: 0, across: 1 };
    for (let across = 1; across <= count; across += 1) {
      const side = Math.min((width - GAP * (across - 1)) / across, (height - CHOICES) / Math.ceil(count / across) - GAP);
      if (side > best.side) best = { side, across };
    }
    shown.style.gridTemplateColumns = `repeat(${best.across}, ${Math.floor(best.side)}px)`;
    shown.style.gridAutoRows = `${Math.floor(best.side)}px`;
  }

  return { element: column, update, fit, wanted: () => pictures.length > 0 };
}
