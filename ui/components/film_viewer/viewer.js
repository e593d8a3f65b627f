// The film viewer: draws what Python sends, and keeps to itself how it is looked at.

const MOST_ZOOM = 16; // times the whole film
const LENS = 2.5; // times the film below the magnifier
const LENS_PX = 220;
const viewers = new WeakMap(); // the element that Streamlit gives -> its viewer, across reruns

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  if (!viewers.has(root)) viewers.set(root, makeViewer(root));
  const viewer = viewers.get(root);
  viewer.update(data, { state: setStateValue, trigger: setTriggerValue });
  return () => {
    viewer.close();
    viewers.delete(root);
  };
}

const hasSameUnits = (a, b) => a.deep === b?.deep && a.least === b?.least;
const isAlike = (a, b) => isSame(a?.image, b.image) && a.turned === b.turned;
const isSame = (a, b) => a && b && a.length === b.length && a.every((value, i) => value === b[i]);
const centre = () => ({ zoom: 1, x: 0.5, y: 0.5 }); // x, y: the film's point in the pane's middle
const between = (low, value, high) => Math.min(high, Math.max(low, value));

function makeViewer(root) {
  const v = {
    root,
    data: null,
    films: [], // what Python sent of each, and `pixels`, `windowed`, `fit` of our own
    panes: [],
    places: [], // zoom and place of each film; linked, they are all the same
    windows: [], // { width, level } of each film; null until its pixels are there
    inverted: [],
    turns: [], // { quarter, flipped } of each film
    marks: [], // { film, kind, points }
    strokes: [], // of the eraser
    stroke: null, // the one being drawn
    boxes: [],
    heat: [],
    map: { shown: null, opacity: 55 },
    brush: BRUSHES[1],
    mode: null, // what dragging does: null pans; "window", "ruler", "angle", "erase"
    lens: false,
    smooth: true,
    linked: true,
    only: null, // the one film shown
    large: 0, // of a strip
    active: 0, // the film that was touched last
    hovered: null,
    pointer: null, // in a pane, for the magnifier
    cross: null, // { film, x, y } in px of its pane: where keys set a point
    keys: makeKeySwitch(),
    send: { state: () => {}, trigger: () => {} },
  };
  const stage = element("div", { className: "stage" });
  const row = element("div", { className: "row" }, stage);
  const pad = makePad(v);
  const seen = makeSeen(v);
  const help = makeHelp(v);
  const bar = makeBar(v, help);
  const spoken = element("div", { className: "unseen", role: "status" });
  root.replaceChildren(bar.element, row, help.element, spoken);
  v.say = (words) => (spoken.textContent = words);
  nameKeys(root, v.keys.areOn());
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Film viewer");

  // --- what Python sends -----------------------------------------------------------------------

  v.update = (data, send) => {
    v.send = send;
    v.stroke = null;
    const fresh = records(data.films).map((film) => ({
      ...film,
      readable: film.image && film.image.length > 0,
      group: Number(film.group),
      ratio: film.image && film.image.length ? Number(film.width) / Number(film.height) : 0.8,
    }));
    const old = v.films;
    const other = v.data?.study !== data.study || old.length !== fresh.length;
    v.data = data;
    v.boxes = records(data.boxes);
    v.films = fresh.map((film, i) => {
      if (other) return film; // else the film stays as it is until the changed one is read
      const { pixels, windowed, drawnAs, fit } = old[i];
      return { ...film, pixels, windowed, drawnAs, fit };
    });
    if (other && old.length && isFull()) v.say(data.title);
    if (other) begin();
    readMaps(records(data.maps));
    if (other || v.panes.length !== fresh.length) makePanes();
    v.films.forEach((film, i) => {
      if (film.readable && (other || !isAlike(old[i], film))) readPixels(film, i);
    });
    v.panes.forEach((each, i) => each.caption(v.films[i]));
    seen.update(records(data.seen));
    bar.update();
    v.layOut();
  };

  function begin() {
    v.places = v.films.map(centre);
    v.windows = v.films.map(() => null);
    v.inverted = v.films.map(() => false);
    v.turns = v.films.map(() => ({ quarter: 0, flipped: false }));
    v.strokes = v.data.strokes.map((stroke) => ({ ...stroke, points: stroke.points.map((p) => [...p]) }));
    Object.assign(v, { marks: [], mode: null, only: null, large: 0, active: 0, hovered: null, cross: null });
  }

  async function readPixels(film, number) {
    const { study } = v.data;
    const windows = records(v.data.windows).filter((each) => Number(each.film) === number);
    const pixels = await pixelsOf(film, windows).catch(() => null);
    const now = v.films[number];
    // A browser that cannot draw it leaves the caption; a later film or study needs no older one.
    if (!pixels || v.data.study !== study || !isAlike(now, film)) return;
    if (now.pixels && now.pixels.deep !== pixels.deep) v.windows[number] = null; // of other units
    Object.assign(now, { pixels, drawnAs: "", windowed: now.windowed ?? document.createElement("canvas") });
    v.windows[number] ??= defaultWindow(pixels);
    v.layOut();
  }

  function readMaps(maps) {
    v.heat = maps.map((each) => ({ ...each, film: Number(each.film) }));
    v.heat.forEach((each) =>
      createImageBitmap(new Blob([each.image])).then((bitmap) => {
        each.bitmap = bitmap;
        v.paint();
      }),
    );
    if (!v.heat.some((each) => each.name === v.map.shown)) v.map.shown = v.heat[0]?.name ?? null;
  }

  // --- where films stand -----------------------------------------------------------------------

  function makePanes() {
    const focused = v.panes.findIndex((each) => each.element === root.getRootNode().activeElement);
    v.panes = v.films.map((film, number) => makePane(v, film, number));
    const heads = v.data.groups.map((title) => element("div", { className: "head", textContent: title }));
    stage.replaceChildren(...heads, ...v.panes.flatMap((each) => [each.element, each.thumb]), pad);
    if (focused >= 0) v.panes[Math.min(focused, v.panes.length - 1)]?.element.focus();
  }

  const isFull = () => document.fullscreenElement !== null && root.matches(":fullscreen");
  const oriented = (i) => (v.turns[i].quarter % 2 ? 1 / v.films[i].ratio : v.films[i].ratio);

  // Height for the stage: what the window leaves below the place where the viewer begins.
  function freeHeight() {
    const barHeight = bar.element.offsetHeight;
    if (isFull()) return window.innerHeight - barHeight - 2 * PADDING;
    const scroller = scrollerOf(root);
    const top = root.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    const left = scroller.clientHeight - top - barHeight - 2 * PADDING - BELOW;
    return Math.max(LEAST, left < 0.28 * scroller.clientHeight ? 0.62 * scroller.clientHeight : left);
  }

  v.layOut = () => {
    if (!v.films.length || !root.clientWidth) return;
    keepingFocus(stage, layOutNow, () => v.panes[v.only ?? v.active]?.element);
  };

  function layOutNow() {
    const narrow = root.clientWidth < NARROW_VIEWER;
    const beside = seen.wanted() && !isFull() && v.data.groups.length < 2;
    seen.element.hidden = !beside;
    if (beside !== row.contains(seen.element)) beside ? row.append(seen.element) : seen.element.remove();
    row.classList.toggle("narrow", narrow);
    const wide = root.clientWidth - 2 * PADDING - (beside && !narrow ? SEEN_LEAST + GAP : 0);
    const height = freeHeight();
    const ratios = v.films.map((_, i) => oriented(i));
    const settings = { only: v.only, large: v.large };
    const lay = (filled) =>
      v.data.groups.length > 1 && v.only === null
        ? sideBySide(grouped(ratios), wide, height, { ...settings, filled }, HEAD)
        : arranged(ratios, wide, height, { ...settings, filled });
    const whole = lay(false);
    const zoomed = v.places.some(({ zoom }, i) => zoom > 1 && whole.boxes[i]);
    const laid = zoomed ? lay(true) : whole;
    v.films.forEach((film, i) => {
      const box = whole.boxes[i];
      if (!box || !film.pixels) return;
      const quarter = v.turns[i].quarter % 2;
      const { width: w, height: h } = film.pixels;
      film.fit = Math.min(box.width / (quarter ? h : w), box.height / (quarter ? w : h));
    });
    v.panes.forEach((each, i) => each.put(laid.boxes[i], laid.caption, laid.thumbs[i]));
    stage.style.width = `${Math.floor(laid.width)}px`;
    stage.style.height = `${Math.ceil(laid.height)}px`;
    const column = Math.min(SEEN_MOST, root.clientWidth - 2 * PADDING - GAP - laid.width);
    seen.element.style.flexBasis = narrow ? "auto" : `${column}px`;
    if (beside) narrow ? seen.fit(root.clientWidth - 2 * PADDING, SEEN_BELOW) : seen.fit(column, laid.height);
    stage.querySelectorAll(".head").forEach((head, group) => {
      head.hidden = v.only !== null;
      head.style.left = `${(group * (wide + 3 * GAP)) / 2}px`;
      head.style.width = `${(wide - 3 * GAP) / 2}px`;
    });
    pad.hidden = !zoomed;
    pad.style.bottom = `${laid.caption + PADDING}px`;
    paintNow();
  }

  const grouped = (ratios) =>
    v.data.groups.map((_, group) => ratios.filter((_, i) => v.films[i].group === group));

  // --- drawing ---------------------------------------------------------------------------------

  // From the film's pixels to the pane's px, for a pane of this size.
  v.matrix = (i, width, height, scale, place) => {
    const { width: w, height: h } = v.films[i].pixels;
    const { quarter, flipped } = v.turns[i];
    const [ow, oh] = quarter % 2 ? [h, w] : [w, h];
    return new DOMMatrix()
      .translateSelf(width / 2, height / 2)
      .scaleSelf(scale)
      .translateSelf((0.5 - place.x) * ow, (0.5 - place.y) * oh)
      .scaleSelf(flipped ? -1 : 1, 1)
      .rotateSelf(90 * quarter)
      .translateSelf(-w / 2, -h / 2);
  };

  // A film's place, such that none of a pane stays black that the film could fill.
  v.inside = (i, place) => {
    const film = v.films[i];
    const pane = v.panes[i].size();
    if (!film.pixels || !film.fit || !pane.width) return place;
    const quarter = v.turns[i].quarter % 2;
    const scale = film.fit * place.zoom;
    const half = (length, pixels) => length / (2 * scale * pixels);
    const hx = half(pane.width, quarter ? film.pixels.height : film.pixels.width);
    const hy = half(pane.height, quarter ? film.pixels.width : film.pixels.height);
    const keep = (value, reach) => between(Math.min(reach, 1 - reach), value, Math.max(reach, 1 - reach));
    return { zoom: place.zoom, x: keep(place.x, hx), y: keep(place.y, hy) };
  };

  v.drawFilm = (paper, i, matrix) => {
    const film = v.films[i];
    const ratio = window.devicePixelRatio || 1;
    paper.setTransform(new DOMMatrix().scaleSelf(ratio).multiplySelf(matrix));
    paper.imageSmoothingEnabled = v.smooth;
    paper.imageSmoothingQuality = "high";
    paper.drawImage(film.windowed, 0, 0);
    const map = v.heat.find((each) => each.film === i && each.name === v.map.shown && each.bitmap);
    if (map) {
      paper.imageSmoothingEnabled = false; // a map's cells show
      paper.globalAlpha = v.map.opacity / 100;
      paper.drawImage(map.bitmap, 0, 0, film.pixels.width, film.pixels.height);
      paper.globalAlpha = 1;
    }
  };

  function paintNow() {
    v.films.forEach((film, i) => {
      const shown = v.panes[i].isShown();
      if (!shown || !film.windowed) return;
      const { width, level, shape } = v.windows[i];
      const wanted = `${width} ${level} ${shape} ${v.inverted[i]}`;
      if (film.pixels && film.drawnAs !== wanted) {
        drawWindowed(film.windowed, film.pixels, v.windows[i], v.inverted[i]);
        film.drawnAs = wanted;
      }
      v.panes[i].paint();
    });
    bar.paint();
  }

  let frame = 0;
  v.paint = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(paintNow);
  };

  // --- how it is looked at ---------------------------------------------------------------------

  v.inUse = () => v.hovered ?? Math.min(v.active, v.films.length - 1);
  const chosen = (i) => (v.linked ? v.films.map((_, number) => number) : [i]);

  v.setPlace = (i, place) => {
    const zoom = between(1, place.zoom, MOST_ZOOM);
    const before = v.places.some((each) => each.zoom > 1);
    const kept = zoom > 1 ? { ...place, zoom } : centre();
    v.places = v.places.map((old, number) => (v.linked || number === i ? kept : old));
    if (before !== v.places.some((each) => each.zoom > 1)) v.layOut();
    v.places[i] = v.inside(i, v.places[i]);
    if (v.linked) v.places = v.places.map(() => v.places[i]);
    v.paint();
  };

  // Zoom such that the film's point below a point of the screen stays there.
  v.zoomAt = (i, factor, point = null) => {
    const film = v.films[i];
    if (!film.pixels) return;
    const at = point && v.panes[i].share(point);
    const zoom = between(1, v.places[i].zoom * factor, MOST_ZOOM);
    v.setPlace(i, { ...v.places[i], zoom });
    if (!at || zoom === 1) return;
    const now = v.panes[i].share(point);
    const { x, y } = v.places[i];
    v.setPlace(i, { zoom, x: x + at[0] - now[0], y: y + at[1] - now[1] });
  };

  v.zoomBy = (factor) => {
    if (v.linked) return v.zoomAt(v.inUse(), factor);
    v.films.forEach((_, i) => v.zoomAt(i, factor));
  };

  // Move the view by shares of the pane.
  v.pan = (dx, dy) => {
    const i = v.inUse();
    const film = v.films[i];
    if (!film.pixels || v.places[i].zoom <= 1) return false;
    const { width, height } = v.panes[i].size();
    v.shift(i, -dx * width, -dy * height);
    return true;
  };

  // Move a film by px of the screen.
  v.shift = (i, dx, dy) => {
    const film = v.films[i];
    const quarter = v.turns[i].quarter % 2;
    const scale = film.fit * v.places[i].zoom;
    const [w, h] = [film.pixels.width, film.pixels.height];
    const { zoom, x, y } = v.places[i];
    v.setPlace(i, { zoom, x: x - dx / scale / (quarter ? h : w), y: y - dy / scale / (quarter ? w : h) });
  };

  v.setWindow = (i, window) => {
    chosen(i).forEach((number) => {
      const { pixels } = v.films[number];
      // Numbers mean something else on a film of other units; so do the windows of another file.
      if (!pixels || (typeof window !== "function" && !hasSameUnits(pixels, v.films[i].pixels))) return;
      const next = typeof window === "function" ? window(pixels) : window;
      if (next) v.windows[number] = { ...next, width: Math.max(pixels.least, next.width) };
    });
    v.paint();
  };

  v.invert = () => {
    const on = !v.inverted[v.inUse()];
    chosen(v.inUse()).forEach((i) => (v.inverted[i] = on));
    v.paint();
  };

  v.rotate = () => {
    const turn = v.turns[v.inUse()];
    turn.quarter = (turn.quarter + 1) % 4;
    v.layOut();
  };

  v.flip = () => {
    const turn = v.turns[v.inUse()];
    turn.flipped = !turn.flipped; // mirrors what is seen, however it was rotated
    v.paint();
  };

  v.link = () => {
    v.linked = !v.linked;
    if (v.linked) v.setPlace(v.inUse(), v.places[v.inUse()]);
    v.paint();
  };

  // All views, then one after the other, then all again.
  v.nextView = () => {
    const next = v.only === null ? 0 : v.only + 1;
    v.only = next < v.films.length ? next : null;
    v.active = v.only ?? v.active;
    v.hovered = null;
    v.layOut();
    const film = v.films[v.only];
    v.say(film ? `View ${v.only + 1} of ${v.films.length}: ${film.name}` : `All ${v.films.length} views`);
  };

  // A point of the ruler or the angle; gives the mark that it begins.
  v.setPoint = (i, at) => {
    const open = v.marks.find((mark) => mark.loose && mark.film === i);
    const mark = open ?? { film: i, kind: v.mode, points: [at], loose: true };
    mark.points[mark.points.length - 1] = at;
    if (mark.points.length < POINTS[mark.kind]) mark.points.push(at);
    else delete mark.loose;
    if (!open) v.marks = [...v.marks.filter((each) => !each.loose), mark];
    v.changed();
    if (!mark.loose) v.say(`${mark.kind === "ruler" ? "Ruler" : "Angle"}: ${measured(mark, extentOf(v.films[i]))}`);
    return open ? null : mark;
  };

  v.setMode = (mode) => {
    v.cross = null;
    v.mode = v.mode === mode ? null : mode;
    v.marks = v.marks.filter((mark) => mark.points.length === POINTS[mark.kind] && !mark.loose);
    bar.update();
    v.layOut(); // the bar may have grown by a line
  };

  // Back to a whole film as it is; its marks stay.
  v.resetFilm = (i) => {
    v.setWindow(i, defaultWindow);
    chosen(i).forEach((number) => (v.inverted[number] = false));
    v.setPlace(i, centre());
  };

  v.reset = () => {
    v.places = v.films.map(centre);
    v.windows = v.films.map((film) => (film.pixels ? defaultWindow(film.pixels) : null));
    v.inverted = v.films.map(() => false);
    v.turns = v.films.map(() => ({ quarter: 0, flipped: false }));
    Object.assign(v, { marks: [], mode: null, only: null, lens: false });
    bar.update();
    v.layOut();
  };

  v.undo = () => {
    if (v.mode === "erase" || (!v.marks.length && v.strokes.length)) v.sendStrokes(v.strokes.slice(0, -1));
    else v.marks.pop();
    bar.update();
    v.paint();
  };

  v.sendStrokes = (strokes) => {
    v.strokes = strokes;
    bar.update();
    v.send.state("erased", { study: v.data.study, strokes });
  };

  v.fullScreen = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen();
  };

  v.isFull = isFull;
  const stopKeys = listenToKeys(v, help);
  const sizes = new ResizeObserver(() => v.layOut());
  sizes.observe(root);
  const content = contentOf(root);
  if (content) sizes.observe(content); // what stands above the viewer grows or shrinks
  const relay = () => {
    bar.update();
    v.layOut();
  };
  document.addEventListener("fullscreenchange", relay);
  window.addEventListener("resize", v.layOut);

  v.close = () => {
    stopKeys();
    sizes.disconnect();
    cancelAnimationFrame(frame);
    document.removeEventListener("fullscreenchange", relay);
    window.removeEventListener("resize", v.layOut);
  };
  return v;
}

const PADDING = 8; // px around the stage
const LEAST = 220; // height of the stage in a low window
const BELOW = 14; // px that stay free below the viewer
const HEAD = 26; // px of a study's name above its films, where two are compared
const NARROW_VIEWER = 800; // px; what the network sees stands below the films
const SEEN_LEAST = 150; // px beside the films, for what the network sees
const SEEN_MOST = 420;
const SEEN_BELOW = 220; // height, where it stands below the films
const BRUSHES = [2, 4, 8]; // diameters, in hundredths of the film's width

// The nearest element around that scrolls, beyond this component's own root.
function scrollerOf(node) {
  for (let each = node.getRootNode().host ?? node.parentElement; each; each = each.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(each).overflowY)) return each;
  }
  return document.documentElement;
}

function contentOf(node) {
  const scroller = scrollerOf(node);
  const host = node.getRootNode().host ?? node;
  return [...scroller.children].find((each) => each.contains(host));
}
