// One film on the stage: its canvas, the marks over it, its caption, and its picture in a strip.

function makePane(v, film, number) {
  const canvas = element("canvas", { tabIndex: -1 });
  const over = drawing("svg", { class: "over", "aria-hidden": "true" });
  const lens = element("canvas", { className: "lens", hidden: true });
  const figcaption = element("figcaption"); // the film itself is read aloud by the same words
  figcaption.setAttribute("aria-hidden", "true");
  const pane = film.readable
    ? element("div", { className: "pane" }, canvas, over, lens)
    : element("div", { className: "pane refused" });
  const figure = element("figure", { className: "film" }, pane, figcaption);
  const thumb = element("button", { type: "button", className: "thumb" });
  const small = element("canvas");
  const mark = element("span", { className: "mark" });
  thumb.append(small, mark);
  thumb.addEventListener("click", () => {
    Object.assign(v, { large: number, active: number });
    v.layOut();
  });
  let size = { width: 0, height: 0 };
  canvas.setAttribute("role", "img");
  if (film.readable) {
    figure.tabIndex = 0;
    followPointer(v, pane, number);
  }
  figure.setAttribute("role", "group");
  figure.addEventListener("focus", () => {
    v.active = number;
    v.paint();
  });

  // A film's words: what is read aloud, and what stands below it.
  function caption(now) {
    const note = now.spoken || now.note;
    const words = note ? `${now.name}: ${note}` : now.name;
    const spoken = words.replace(/[▲●] /g, "").replaceAll(" · ", ", ");
    canvas.setAttribute("aria-label", spoken);
    figure.setAttribute("aria-label", spoken);
    thumb.setAttribute("aria-label", `Show ${spoken}`);
    thumb.title = words;
    figcaption.title = words;
    if (!now.readable) pane.textContent = now.note;
    figcaption.replaceChildren(element("span", { className: "name", textContent: now.name }));
    if (now.note && now.readable) {
      figcaption.append(": ", element("span", { className: now.tone, textContent: now.note }));
    }
    mark.textContent = now.brief || ({ fracture: "▲", none: "●" }[now.tone] ?? "");
    mark.className = `mark ${now.tone}`;
    if (!now.readable) mark.textContent = "not readable";
  }

  function put(box, captionHeight, thumbBox) {
    figure.hidden = !box;
    thumb.hidden = !thumbBox;
    thumb.setAttribute("aria-pressed", String(v.large === number));
    if (thumbBox) {
      place(thumb, thumbBox);
      fitCanvas(small, thumbBox.width, thumbBox.height);
    }
    if (!box) return;
    size = { width: Math.floor(box.width), height: Math.floor(box.height) };
    place(figure, { ...box, ...size });
    figure.style.height = "";
    pane.style.height = `${size.height}px`;
    figcaption.style.height = `${captionHeight}px`;
    figcaption.classList.toggle("tall", captionHeight > LINE);
    fitCanvas(canvas, size.width, size.height);
    over.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  }

  const matrix = () => {
    const shown = v.inside(number, v.places[number]);
    return v.matrix(number, size.width, size.height, v.films[number].fit * shown.zoom, shown);
  };

  function paint() {
    figure.classList.toggle("active", v.films.length > 1 && v.active === number);
    if (!thumb.hidden) paintThumb();
    if (figure.hidden || !v.films[number].fit) return;
    const now = matrix();
    clear(canvas);
    v.drawFilm(canvas.getContext("2d"), number, now);
    canvas.dataset.zoom = v.places[number].zoom.toFixed(3);
    pane.dataset.mode = v.mode ?? "";
    over.replaceChildren(...drawnOver(now));
    paintLens(now);
  }

  function paintThumb() {
    const { pixels } = v.films[number];
    if (!pixels) return;
    clear(small);
    const [width, height] = [parseFloat(small.style.width), parseFloat(small.style.height)];
    const turned = v.turns[number].quarter % 2;
    const [w, h] = turned ? [pixels.height, pixels.width] : [pixels.width, pixels.height];
    const scale = Math.min(width / w, height / h);
    v.drawFilm(small.getContext("2d"), number, v.matrix(number, width, height, scale, centre()));
  }

  // Known breaks, the eraser's stroke in progress, ruler and angle.
  function drawnOver(now) {
    const { pixels } = v.films[number];
    const at = ([x, y]) => {
      const { x: px, y: py } = now.transformPoint({ x: x * pixels.width, y: y * pixels.height });
      return [px, py];
    };
    const boxes = v.boxes.filter((box) => Number(box.film) === number).map((box) => {
      const corners = [[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]];
      return drawing("polygon", { class: "break", points: corners.map((each) => at(each).join()).join(" ") });
    });
    const cross = v.cross?.film === number && v.mode !== null ? [drawCross(v.cross)] : [];
    const strokes = drawing("g", { class: "strokes" });
    if (v.stroke?.number === number) {
      const points = v.stroke.points.map((each) => at(each).join());
      // A single touch is a line too, as short as can be.
      const width = 2 * v.stroke.radius * pixels.width * v.films[number].fit * v.places[number].zoom;
      strokes.append(drawing("polyline", { points: [...points, points.at(-1)].join(" "), "stroke-width": width }));
    }
    const marks = v.marks
      .filter((each) => each.film === number)
      .map((each) => drawing("g", { class: "mark" }, ...drawMark(each, extentOf(v.films[number]), at)));
    return [...boxes, strokes, ...marks, ...cross];
  }

  const drawCross = ({ x, y }) =>
    drawing("path", { class: "cross", d: `M${x - 12} ${y}h9m6 0h9M${x} ${y - 12}v9m0 6v9` });

  function paintLens(now) {
    lens.hidden = !v.lens || v.hovered !== number || !v.pointer;
    if (lens.hidden) return;
    fitCanvas(lens, LENS_PX, LENS_PX);
    clear(lens);
    const [x, y] = [v.pointer[0], v.pointer[1]];
    Object.assign(lens.style, { left: `${x - LENS_PX / 2}px`, top: `${y - LENS_PX / 2}px` });
    const around = new DOMMatrix()
      .translateSelf(LENS_PX / 2, LENS_PX / 2)
      .scaleSelf(LENS)
      .translateSelf(-x, -y)
      .multiplySelf(now);
    v.drawFilm(lens.getContext("2d"), number, around);
  }

  // The film's point below a point of the screen: in shares of the film as it is oriented.
  function share(point) {
    const { pixels, fit } = v.films[number];
    const box = pane.getBoundingClientRect();
    const turned = v.turns[number].quarter % 2;
    const { zoom, x, y } = v.inside(number, v.places[number]);
    const [w, h] = turned ? [pixels.height, pixels.width] : [pixels.width, pixels.height];
    return [
      x + (point[0] - box.left - size.width / 2) / (fit * zoom * w),
      y + (point[1] - box.top - size.height / 2) / (fit * zoom * h),
    ];
  }

  // The same in shares of the film as it is stored: where marks and strokes lie.
  function filmPoint(point) {
    const box = pane.getBoundingClientRect();
    return pointAt([point[0] - box.left, point[1] - box.top]);
  }

  // The film's point below one of the pane, in px from its corner.
  function pointAt([left, top]) {
    const { pixels } = v.films[number];
    const { x, y } = matrix().inverse().transformPoint({ x: left, y: top });
    return [x / pixels.width, y / pixels.height];
  }

  return {
    element: figure,
    thumb,
    caption,
    put,
    paint,
    share,
    filmPoint,
    pointAt,
    size: () => size,
    isShown: () => !figure.hidden || !thumb.hidden,
  };
}

const extentOf = (film) => ({
  width: Number(film.fileWidth),
  height: Number(film.fileHeight),
  mmWidth: Number(film.mmWidth),
  mmHeight: Number(film.mmHeight),
  detector: Boolean(film.detector),
});

function place(node, { x, y, width, height }) {
  const px = { left: x, top: y, width, height };
  Object.entries(px).forEach(([name, value]) => (node.style[name] = `${Math.round(value)}px`));
}

// Give a canvas a size in px of the page, with as many pixels as the screen has.
function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
}

function clear(canvas) {
  const paper = canvas.getContext("2d");
  paper.setTransform(1, 0, 0, 1, 0, 0);
  paper.clearRect(0, 0, canvas.width, canvas.height);
}
