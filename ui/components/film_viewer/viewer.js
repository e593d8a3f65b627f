// The film viewer: draws what Python sends, and keeps to itself how it is looked at.

const MOST_ZOOM = 12;
const MANY = 6; // films that do not fit side by side on a desktop's screen
const SEVERAL = 4; // nor on half of one
const viewers = new WeakMap(); // the element that Streamlit gives -> its viewer, across reruns

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".viewer");
  if (!viewers.has(root)) viewers.set(root, makeViewer(root));
  const viewer = viewers.get(root);
  viewer.update(data, setStateValue);
  return () => {
    viewer.close();
    viewers.delete(root);
  };
}

const WAYS = { area: "averaged", nearest: "nearest pixel" }; // how pixels become smaller
const BRUSHES = [2, 4, 8]; // diameters, in hundredths of the film's width

// An Arrow table as a list of records.
function records(table) {
  const names = table.schema.fields.map((field) => field.name);
  const columns = names.map((name) => table.getChild(name));
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(names.map((name, i) => [name, columns[i].get(row)])),
  );
}

function element(tag, settings = {}, ...children) {
  const made = Object.assign(document.createElement(tag), settings);
  made.append(...children);
  return made;
}

function drawing(tag, settings) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(settings).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}

function makeViewer(root) {
  const whole = () => ({ zoom: 1, x: 0, y: 0 }); // x, y: the pane's corner, in widths of the film
  const look = { contrast: 100, brightness: 100, inverted: false, linked: true, only: null };
  const sees = { size: 32, resample: "area" };
  const maps = { shown: null, opacity: 55 }; // which heat map lies over the films
  const eraser = { on: false, brush: BRUSHES[1], strokes: [] };
  let study = null;
  let films = [];
  let seen = [];
  let heat = [];
  let erasable = false;
  let tell = () => {}; // gives Python a value
  let panes = [];
  let places = []; // one a film; linked, they are all the same
  let addresses = []; // of images, let go of when others come

  const bar = element("div", { className: "bar" });
  const row = element("div", { className: "row" });
  root.replaceChildren(bar, row);

  function address(bytes) {
    const made = URL.createObjectURL(new Blob([bytes]));
    addresses.push(made);
    return made;
  }

  function update(data, setStateValue) {
    tell = setStateValue;
    films = records(data.films);
    heat = records(data.maps);
    erasable = data.erasable;
    seen = records(data.seen).map((each) => ({ ...each, size: Number(each.size) }));
    if (data.study !== study) {
      study = data.study;
      places = films.map(whole);
      Object.assign(look, { contrast: 100, brightness: 100, inverted: false, only: null });
      Object.assign(eraser, { on: false, strokes: data.strokes.map(fromPython) });
    }
    if (!heat.some((each) => each.name === maps.shown)) maps.shown = heat[0]?.name ?? null;
    addresses.splice(0).forEach((each) => URL.revokeObjectURL(each));
    drawFilms();
    drawBar();
    paint();
  }

  // --- what is drawn ---------------------------------------------------------------------------

  function drawFilms() {
    panes = [];
    const figures = films.map((film, number) => {
      const caption = element("figcaption");
      const figure = element("figure", { className: "film", tabIndex: 0 });
      const read = film.image && film.image.length > 0;
      figure.style.setProperty("--ratio", read ? Number(film.width) / Number(film.height) : 0.8);
      caption.append(film.name);
      if (read) {
        if (film.note) {
          caption.append(": ", element("span", { className: film.tone, textContent: film.note }));
        }
        figure.append(pane(film, number));
      } else {
        figure.append(element("div", { className: "refused", textContent: film.note }));
        panes.push(null);
      }
      figure.append(caption);
      return figure;
    });
    row.replaceChildren(element("div", { className: "films" }, ...figures));
    if (seen.length) row.append(networkColumn());
  }

  function pane(film, number) {
    const image = element("img", { alt: film.name, src: address(film.image), draggable: false });
    const made = element("div", { className: "pane" }, image);
    heat
      .filter((each) => Number(each.film) === number)
      .forEach((each) => {
        const map = element("img", { className: "map", alt: "", src: address(each.image) });
        map.dataset.name = each.name;
        map.draggable = false;
        made.append(map);
      });
    const ratio = Number(film.height) / Number(film.width);
    made.append(drawing("svg", { class: "strokes", viewBox: `0 0 1 ${ratio}` }));
    made.addEventListener("wheel", (event) => wheel(event, made, number), { passive: false });
    made.addEventListener("pointerdown", (event) =>
      eraser.on ? brush(event, made, number) : drag(event, made, number),
    );
    made.addEventListener("dblclick", () => setPlace(number, whole()));
    panes.push(made);
    return made;
  }

  function networkColumn() {
    const sizes = [...new Set(seen.map((each) => each.size))];
    const ways = [...new Set(seen.map((each) => each.resample))];
    if (!sizes.includes(sees.size)) sees.size = sizes[0];
    if (!ways.includes(sees.resample)) sees.resample = ways[0];
    const shown = seen
      .filter((each) => each.size === sees.size && each.resample === sees.resample)
      .map((each) =>
        element("img", {
          alt: `${films[Number(each.film)].name} as the network sees it`,
          src: address(each.image),
        }),
      );
    const choose = (name, value, words) => {
      const made = element("button", { type: "button", textContent: words });
      made.setAttribute("aria-pressed", sees[name] === value);
      made.addEventListener("click", () => {
        sees[name] = value;
        row.lastChild.replaceWith(networkColumn());
      });
      return made;
    };
    return element(
      "div",
      { className: "seen" },
      element("span", { textContent: "What the network sees" }),
      ...(sizes.length > 1 || ways.length > 1
        ? [
            element("div", { className: "choice" }, ...sizes.map((s) => choose("size", s, `${s} px`))),
            element("div", { className: "choice" }, ...ways.map((way) => choose("resample", way, WAYS[way]))),
          ]
        : [element("span", { textContent: `${sizes[0]} px, ${WAYS[ways[0]]}` })]),
      element("div", { className: "shown" }, ...shown),
    );
  }

  function drawBar() {
    const button = (words, action, title, pressed) => {
      const made = element("button", { type: "button", textContent: words, title });
      if (pressed !== undefined) made.setAttribute("aria-pressed", pressed);
      made.addEventListener("click", action);
      return made;
    };
    const slider = (words, name) => {
      const input = element("input", { type: "range", min: 20, max: 300, value: look[name] });
      input.addEventListener("input", () => {
        look[name] = Number(input.value);
        paint();
      });
      return element("label", {}, words, input);
    };
    const group = (...children) => element("div", { className: "group" }, ...children);
    const several = films.length > 1;
    const one = look.only === null ? "One view" : `View ${look.only + 1} of ${films.length}`;
    bar.replaceChildren(
      group(
        button("−", () => zoomBy(1 / 1.4), "Zoom out (−)"),
        element("output", { className: "zoom" }),
        button("+", () => zoomBy(1.4), "Zoom in (+, or the wheel)"),
      ),
      slider("Contrast", "contrast"),
      slider("Brightness", "brightness"),
      button("Invert", invert, "Black for white, on the screen alone (I)", look.inverted),
      ...(several
        ? [
            button("Link views", link, "Zoom and move all views together (L)", look.linked),
            button(one, nextView, "One view after the other, then all (V)", look.only !== null),
          ]
        : []),
      button("Reset", reset, "Whole films, as they are (0)"),
      button("Full screen", fullScreen, "Films alone on the screen (F)"),
      ...(heat.length ? [mapChoice(button)] : []),
      ...(erasable ? [eraserChoice(button, group)] : []),
      element("span", {
        className: "hint",
        textContent: eraser.on
          ? "Brush over a screw, a marker, a region: the film is predicted without it."
          : "Scroll to zoom, drag to pan.",
      }),
    );
  }

  function mapChoice(button) {
    const names = [...new Set(heat.map((each) => each.name))];
    const show = (name) => () => {
      maps.shown = maps.shown === name ? "" : name;
      drawBar();
      paint();
    };
    const opacity = element("input", { type: "range", min: 10, max: 90, value: maps.opacity });
    opacity.addEventListener("input", () => {
      maps.opacity = Number(opacity.value);
      paint();
    });
    return element(
      "div",
      { className: "group" },
      ...names.map((name) => button(name, show(name), `${name} on or off`, maps.shown === name)),
      element("label", {}, "Strength", opacity),
    );
  }

  function eraserChoice(button, group) {
    const change = (action) => () => {
      action();
      drawBar();
      paint();
    };
    const size = (each, words) =>
      button(words, change(() => (eraser.brush = each)), `Brush: ${each} % of the film's width`,
        eraser.brush === each);
    return group(
      button("Eraser", change(() => (eraser.on = !eraser.on)), "Brush over a region (E)", eraser.on),
      ...(eraser.on
        ? BRUSHES.map((each, i) => size(each, ["Fine", "Medium", "Broad"][i]))
        : []),
      ...(eraser.strokes.length
        ? [
            button("Undo", undo, "Take back the last stroke (U)"),
            button("Restore", restore, "The whole films again"),
          ]
        : []),
    );
  }

  function paint() {
    const filter =
      `brightness(${look.brightness}%) contrast(${look.contrast}%)` +
      (look.inverted ? " invert(1)" : "");
    panes.forEach((each, number) => {
      if (!each) return;
      const { zoom, x, y } = places[number];
      const image = each.firstChild;
      image.style.transform = `translate(${-100 * x * zoom}%, ${-100 * y * zoom}%) scale(${zoom})`;
      image.style.filter = filter;
      each.querySelectorAll(".map").forEach((map) => {
        map.style.transform = image.style.transform;
        map.style.opacity = maps.opacity / 100;
        map.hidden = map.dataset.name !== maps.shown;
      });
      each.querySelector(".strokes").style.transform = image.style.transform;
      each.classList.toggle("erasing", eraser.on);
      each.classList.toggle("near", zoom >= 4);
    });
    const figures = row.firstChild;
    [...figures.children].forEach((figure, number) => {
      figure.hidden = look.only !== null && look.only !== number;
    });
    figures.classList.toggle("many", look.only === null && films.length >= MANY);
    figures.classList.toggle("several", look.only === null && films.length >= SEVERAL);
    const zoom = places[look.only ?? 0]?.zoom ?? 1;
    bar.querySelector(".zoom").textContent = `${Math.round(zoom * 100)} %`;
  }

  // --- how it is looked at ---------------------------------------------------------------------

  function setPlace(number, place) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, place.zoom));
    const inside = (value) => Math.min(1 - 1 / zoom, Math.max(0, value)); // no black beside the film
    const kept = { zoom, x: inside(place.x), y: inside(place.y) };
    places = places.map((old, i) => (look.linked || i === number ? kept : old));
    paint();
  }

  // Zoom about a point of the pane, given in shares of its width and height.
  function zoomAt(number, factor, px, py) {
    const { zoom, x, y } = places[number];
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
    setPlace(number, { zoom: next, x: x + px / zoom - px / next, y: y + py / zoom - py / next });
  }

  function zoomBy(factor) {
    const first = look.only ?? 0;
    if (look.linked) zoomAt(first, factor, 0.5, 0.5);
    else films.forEach((_, number) => zoomAt(number, factor, 0.5, 0.5));
  }

  function wheel(event, made, number) {
    event.preventDefault();
    const box = made.getBoundingClientRect();
    const [px, py] = [
      (event.clientX - box.left) / box.width,
      (event.clientY - box.top) / box.height,
    ];
    zoomAt(number, Math.exp(-event.deltaY * 0.0015), px, py);
  }

  function drag(event, made, number) {
    if (event.button !== 0) return;
    made.setPointerCapture(event.pointerId);
    made.classList.add("moving");
    let [lastX, lastY] = [event.clientX, event.clientY];
    const move = (next) => {
      const { zoom, x, y } = places[number];
      const dx = (next.clientX - lastX) / made.clientWidth / zoom;
      const dy = (next.clientY - lastY) / made.clientHeight / zoom;
      [lastX, lastY] = [next.clientX, next.clientY];
      setPlace(number, { zoom, x: x - dx, y: y - dy });
    };
    const end = () => {
      made.classList.remove("moving");
      made.removeEventListener("pointermove", move);
      made.removeEventListener("pointerup", end);
      made.removeEventListener("pointercancel", end);
    };
    made.addEventListener("pointermove", move);
    made.addEventListener("pointerup", end);
    made.addEventListener("pointercancel", end);
  }

  // --- the eraser ------------------------------------------------------------------------------

  const fromPython = (stroke) => ({ ...stroke, points: stroke.points.map((point) => [...point]) });

  function brush(event, made, number) {
    if (event.button !== 0) return;
    made.setPointerCapture(event.pointerId);
    const ratio = Number(films[number].height) / Number(films[number].width);
    const radius = eraser.brush / 200;
    const stroke = { film: films[number].name, radius, points: [] };
    const line = drawing("polyline", { "stroke-width": 2 * radius });
    made.querySelector(".strokes").append(line);
    const touch = (next) => {
      const box = made.getBoundingClientRect();
      const { zoom, x, y } = places[number];
      const px = x + (next.clientX - box.left) / box.width / zoom;
      const py = y + (next.clientY - box.top) / box.height / zoom;
      stroke.points.push([px, py]);
      const drawn = stroke.points.map(([a, b]) => `${a},${b * ratio}`);
      // A single touch is a line too, as short as can be.
      line.setAttribute("points", [...drawn, drawn.at(-1)].join(" "));
    };
    const end = () => {
      made.removeEventListener("pointermove", touch);
      made.removeEventListener("pointerup", end);
      made.removeEventListener("pointercancel", end);
      send([...eraser.strokes, stroke]);
    };
    touch(event);
    made.addEventListener("pointermove", touch);
    made.addEventListener("pointerup", end);
    made.addEventListener("pointercancel", end);
  }

  function send(strokes) {
    eraser.strokes = strokes;
    drawBar();
    tell("erased", { study, strokes });
  }

  const undo = () => send(eraser.strokes.slice(0, -1));
  const restore = () => send([]);

  function change(name, value) {
    look[name] = value;
    drawBar();
    paint();
  }

  const invert = () => change("inverted", !look.inverted);

  function link() {
    look.linked = !look.linked;
    if (look.linked) places = places.map(() => places[look.only ?? 0]);
    drawBar();
    paint();
  }

  // All views, then one after the other, then all again.
  function nextView() {
    const next = look.only === null ? 0 : look.only + 1;
    change("only", next < films.length ? next : null);
  }

  function reset() {
    places = films.map(whole);
    Object.assign(look, { contrast: 100, brightness: 100, inverted: false, only: null });
    drawBar();
    paint();
  }

  function fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen();
  }

  const keys = {
    "+": () => zoomBy(1.4),
    "=": () => zoomBy(1.4),
    "-": () => zoomBy(1 / 1.4),
    0: reset,
    i: invert,
    f: fullScreen,
    e: () => {
      if (!erasable) return;
      eraser.on = !eraser.on;
      drawBar();
      paint();
    },
    u: () => eraser.strokes.length && undo(),
    ...{ l: () => films.length > 1 && link(), v: () => films.length > 1 && nextView() },
  };

  function key(event) {
    const target = event.composedPath()[0];
    const typing = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }

  // A slider that is moved by an arrow must not open the next study as well.
  const keepArrows = (event) => {
    if (event.composedPath()[0].type === "range") event.stopPropagation();
  };

  bar.addEventListener("keydown", keepArrows);
  window.addEventListener("keydown", key);

  function close() {
    window.removeEventListener("keydown", key);
    addresses.splice(0).forEach((each) => URL.revokeObjectURL(each));
  }

  return { update, close };
}
