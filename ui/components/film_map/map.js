// The map of films. Points are painted into the pixels of a canvas by hand: 40,000 take a few
// milliseconds without a graphics card. Python is asked for the picture of a film when the pointer
// rests on it, and sends an area that is drawn or a point that is clicked.

const REST = 70; // ms for which the pointer rests before a picture is asked for
const REACH = 12; // px from the pointer within which a point counts as under it
const CLICK = 4; // px that a pointer may move while it clicks
const CORNERS = 64; // of an area, at most
const SCALE = 1000; // thousandths of the map
const MARGIN = 0.03; // of the plane around the whole map
const MOST_ZOOM = 200;
const FAINT = 128; // added to the class of a point in the background
const FAINT_SHARE = 0.25; // of its colour
const PICTURES = 200; // kept in the browser
const SIZES = [[500, 4.5], [5_000, 3], [20_000, 2], [Infinity, 1.5]]; // points -> radius in px
const maps = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  if (!maps.has(root)) maps.set(root, makeMap(root));
  const map = maps.get(root);
  const has = map.update(data, setTriggerValue);
  if (!has) setTriggerValue("whole", true); // the message with the points was lost
  return () => {
    map.close();
    maps.delete(root);
  };
}

function element(tag, settings = {}, ...children) {
  const made = Object.assign(document.createElement(tag), settings);
  made.append(...children);
  return made;
}

// Whether a shape covers a place, -1 to 1 each, in a square around a point.
const COVERS = {
  circle: (x, y) => x * x + y * y <= 1.15, // a little more, without which a few pixels are a cross
  triangle: (x, y) => y >= -1 && y <= 0.75 && Math.abs(x) <= (y + 1) / 1.75 + 0.12,
  square: (x, y) => Math.abs(x) <= 0.85 && Math.abs(y) <= 0.85,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1.15,
};
const OUTLINES = {
  circle: "M6 1a5 5 0 100 10a5 5 0 100-10z",
  triangle: "M6 1l5 9H1z",
  square: "M1.5 1.5h9v9h-9z",
  diamond: "M6 0l6 6-6 6-6-6z",
};

// A colour as one pixel of a canvas.
function pixel(red, green, blue) {
  return new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer)[0];
}

function parsed(colour) {
  const number = parseInt(colour.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

function makeMap(root) {
  let data = null;
  let send = () => {};
  let points = { version: "", x: new Float32Array(), y: new Float32Array(), kind: new Uint8Array(), order: new Uint32Array() };
  let view = { x: 0.5, y: 0.5, zoom: 1 };
  let mode = "lasso"; // or "box", "pan"
  let hidden = new Set(); // names of groups
  let area = []; // corners in shares of the map
  let drag = null; // { kind, id, x, y, corners, view }
  let under = null; // number of the point under the pointer
  let timer = null;
  let leaving = false; // a point was clicked, and its study is about to open
  let frame = 0;
  const pictures = new Map(); // number of a point -> { address, lines }

  const dots = document.createElement("canvas"); // the points
  const over = document.createElement("canvas"); // area and what is drawn
  const plane = element("div", { className: "plane draw" }, dots, over);
  over.tabIndex = 0;
  over.setAttribute("role", "img");
  const image = element("img", { alt: "", hidden: true });
  const words = element("div");
  const tooltip = element("div", { className: "tooltip", hidden: true }, image, words);
  const hint = element("span", { className: "hint" });
  const legend = element("div", { className: "legend", role: "group", ariaLabel: "Classes shown" });
  const modes = ["lasso", "box", "pan"].map((name) => button(name[0].toUpperCase() + name.slice(1), () => choose(name)));
  const closer = button("+", () => zoomBy(1.6));
  const farther = button("−", () => zoomBy(1 / 1.6));
  closer.ariaLabel = "Zoom in";
  farther.ariaLabel = "Zoom out";
  const whole = button("Whole map", () => look({ x: 0.5, y: 0.5, zoom: 1 }));
  const clear = button("Clear area", () => isOff(clear) || setArea([]));
  const top = element("div", { className: "top", role: "group", ariaLabel: "Map" }, ...modes, closer, farther, whole, clear, hint);
  root.replaceChildren(top, plane, legend, tooltip);
  const watcher = new ResizeObserver(() => redraw());
  watcher.observe(plane);

  over.addEventListener("pointerdown", begin);
  over.addEventListener("pointermove", move);
  over.addEventListener("pointerup", end);
  over.addEventListener("pointercancel", () => stopDrag());
  over.addEventListener("pointerleave", () => drag || rest(null));
  over.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 400), placeOf(event));
  }, { passive: false });
  over.addEventListener("dblclick", () => look({ x: 0.5, y: 0.5, zoom: 1 }));
  over.addEventListener("keydown", press);
  choose("lasso");

  function button(name, act) {
    const made = element("button", { type: "button", textContent: name });
    made.addEventListener("click", act);
    return made;
  }

  // --- what Python sends ------------------------------------------------------------------------

  function update(given, sender) {
    send = sender;
    leaving = false;
    if (given.points) take(given);
    const has = points.version === given.version;
    data = given;
    over.setAttribute("aria-label", given.title);
    if (!drag) area = given.area.map(([x, y]) => [x / SCALE, y / SCALE]);
    setOff(clear, !area.length);
    if (given.hovered) keep(given.hovered, given.picture);
    drawLegend();
    redraw();
    return has;
  }

  function take(given) {
    const column = (name) => given.points.getChild(name).toArray();
    const kind = Uint8Array.from(column("class"));
    points = { version: given.version, x: Float32Array.from(column("x")), y: Float32Array.from(column("y")), kind, order: mixed(kind) };
    pictures.forEach((each) => URL.revokeObjectURL(each.address));
    pictures.clear();
  }

  // An order in which no class lies on top of the others; the background first.
  function mixed(kind) {
    const order = Uint32Array.from(kind, (_, i) => i);
    let seed = 1;
    for (let i = order.length - 1; i > 0; i--) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const j = seed % (i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order.sort((one, other) => (kind[other] & FAINT) - (kind[one] & FAINT));
  }

  function keep(hovered, table) {
    if (!pictures.has(hovered.point)) {
      const bytes = table?.getChild("image").get(0);
      const address = bytes?.length ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : "";
      pictures.set(hovered.point, { address, lines: hovered.lines });
      if (pictures.size > PICTURES) {
        const [oldest, each] = pictures.entries().next().value;
        URL.revokeObjectURL(each.address);
        pictures.delete(oldest);
      }
    }
    if (hovered.point === under) tell();
  }

  // --- from the map to the plane ----------------------------------------------------------------

  const size = () => ({ width: plane.clientWidth, height: plane.clientHeight });
  function unit() {
    const { width, height } = size();
    return (Math.min(width, height) * view.zoom) / (1 + 2 * MARGIN);
  }
  const across = (x) => size().width / 2 + (x - view.x) * unit();
  const down = (y) => size().height / 2 - (y - view.y) * unit();

  function placeOf(event) {
    const box = over.getBoundingClientRect();
    const { width, height } = size();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    return { px, py, x: view.x + (px - width / 2) / unit(), y: view.y - (py - height / 2) / unit() };
  }

  function look(next) {
    const inside = (value) => Math.min(1.2, Math.max(-0.2, value));
    view = { x: inside(next.x), y: inside(next.y), zoom: Math.min(MOST_ZOOM, Math.max(0.5, next.zoom)) };
    rest(null);
    redraw();
  }

  function zoomBy(factor, at = null) {
    const zoom = Math.min(MOST_ZOOM, Math.max(0.5, view.zoom * factor));
    const { x, y } = at ?? view;
    const stay = view.zoom / zoom; // what is under the pointer stays there
    look({ x: x + (view.x - x) * stay, y: y + (view.y - y) * stay, zoom });
  }

  // --- painting ---------------------------------------------------------------------------------

  function redraw() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (data && size().width) {
        paint();
        outline();
      }
    });
  }

  function radius() {
    const [, least] = SIZES.find(([count]) => points.x.length <= count);
    return least * Math.min(3, view.zoom ** 0.4) * ratio();
  }
  const ratio = () => Math.min(2, devicePixelRatio || 1);

  function fit(canvas) {
    const { width, height } = size();
    const wide = Math.round(width * ratio());
    const high = Math.round(height * ratio());
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    return canvas.getContext("2d");
  }

  // The pixels that a shape covers around its middle, as steps across and down.
  function stamp(shape, r) {
    const reach = Math.ceil(r);
    const steps = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) if (COVERS[shape](x / r, y / r)) steps.push(x, y);
    }
    return steps;
  }

  function paint() {
    const began = performance.now();
    const context = fit(dots);
    const { width, height } = dots;
    if (!width || !height) return;
    const sheet = context.createImageData(width, height);
    const pixels = new Uint32Array(sheet.data.buffer);
    const r = radius();
    const ground = parsed(hexOf(getComputedStyle(root).getPropertyValue("--st-background-color").trim()));
    const stamps = data.groups.map((each) => stamp(each.shape, r));
    const bright = data.groups.map((each) => pixel(...parsed(each.colour)));
    const faint = data.groups.map((each) =>
      pixel(...parsed(each.colour).map((c, i) => Math.round(c * FAINT_SHARE + ground[i] * (1 - FAINT_SHARE)))));
    const off = data.groups.map((each) => hidden.has(each.name));
    const scale = unit() * ratio();
    const left = width / 2 - view.x * scale;
    const bottom = height / 2 + view.y * scale;
    const { x, y, kind, order } = points;
    for (let i = 0; i < order.length; i++) {
      const point = order[i];
      const group = kind[point] & 127;
      if (off[group] || group >= stamps.length) continue;
      const px = Math.round(left + x[point] * scale);
      const py = Math.round(bottom - y[point] * scale);
      if (!(px > -20 && py > -20 && px < width + 20 && py < height + 20)) continue;
      const colour = kind[point] & FAINT ? faint[group] : bright[group];
      const steps = stamps[group];
      for (let j = 0; j < steps.length; j += 2) {
        const [cx, cy] = [px + steps[j], py + steps[j + 1]];
        if (cx >= 0 && cy >= 0 && cx < width && cy < height) pixels[cy * width + cx] = colour;
      }
    }
    context.putImageData(sheet, 0, 0);
    root.dataset.painted = String(Number(root.dataset.painted ?? 0) + 1);
    root.dataset.milliseconds = (performance.now() - began).toFixed(1); // read by the benchmark
  }

  function hexOf(colour) {
    if (/^#[0-9a-f]{6}$/i.test(colour)) return colour;
    const numbers = colour.match(/\d+/g);
    if (!numbers || numbers.length < 3) return "#000000";
    return `#${numbers.slice(0, 3).map((each) => Number(each).toString(16).padStart(2, "0")).join("")}`;
  }

  function outline() {
    const context = fit(over);
    context.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    context.clearRect(0, 0, size().width, size().height);
    const corners = drag?.corners ?? area;
    const accent = getComputedStyle(root).getPropertyValue("--st-primary-color").trim() || "#a79bff";
    if (corners.length > 1) {
      context.beginPath();
      corners.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](across(x), down(y)));
      context.closePath();
      context.globalAlpha = 0.12;
      context.fillStyle = accent;
      context.fill();
      context.globalAlpha = 1;
      context.lineWidth = 2;
      context.strokeStyle = accent;
      context.stroke();
    }
    if (under !== null) {
      context.beginPath();
      context.arc(across(points.x[under]), down(points.y[under]), 8, 0, 2 * Math.PI);
      context.lineWidth = 2;
      context.strokeStyle = getComputedStyle(root).color;
      context.stroke();
    }
  }

  function drawLegend() {
    legend.replaceChildren(...data.groups.map((group) => {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      svg.setAttribute("viewBox", "0 0 12 12");
      svg.setAttribute("aria-hidden", "true");
      path.setAttribute("d", OUTLINES[group.shape]);
      path.setAttribute("fill", group.colour);
      svg.append(path);
      const made = button("", () => {
        hidden.has(group.name) ? hidden.delete(group.name) : hidden.add(group.name);
        made.setAttribute("aria-pressed", String(!hidden.has(group.name)));
        redraw();
      });
      made.append(svg, `${group.name} ${group.count.toLocaleString("en")}`);
      made.setAttribute("aria-pressed", String(!hidden.has(group.name)));
      return made;
    }));
  }

  // --- the pointer ------------------------------------------------------------------------------

  function choose(name) {
    mode = name;
    modes.forEach((each) => each.setAttribute("aria-pressed", String(each.textContent.toLowerCase() === name)));
    plane.classList.toggle("pan", mode === "pan");
    plane.classList.toggle("draw", mode !== "pan");
    hint.textContent = {
      lasso: "Drag around films to filter the wall; scroll to zoom",
      box: "Drag a box to filter the wall; scroll to zoom",
      pan: "Drag to pan, scroll to zoom",
    }[name];
  }

  function begin(event) {
    if (event.button !== 0 || drag) return;
    over.setPointerCapture(event.pointerId);
    const at = placeOf(event);
    const kind = event.shiftKey ? "pan" : mode;
    drag = { kind, id: event.pointerId, at, moved: false, corners: kind === "pan" ? null : [[at.x, at.y]], view: { ...view } };
  }

  function move(event) {
    const at = placeOf(event);
    if (!drag) return rest(nearest(at), at);
    if (event.pointerId !== drag.id) return;
    drag.moved ||= Math.hypot(at.px - drag.at.px, at.py - drag.at.py) > CLICK;
    if (!drag.moved) return;
    rest(null);
    if (drag.kind === "pan") {
      view = { ...view, x: drag.view.x - (at.px - drag.at.px) / unit(), y: drag.view.y + (at.py - drag.at.py) / unit() };
    } else if (drag.kind === "box") {
      drag.corners = [[drag.at.x, drag.at.y], [at.x, drag.at.y], [at.x, at.y], [drag.at.x, at.y]];
    } else {
      drag.corners.push([at.x, at.y]);
    }
    redraw();
  }

  function end(event) {
    if (!drag || event.pointerId !== drag.id) return;
    const { corners, moved } = drag;
    drag = null;
    const at = placeOf(event);
    if (!moved) {
      const point = nearest(at);
      if (point !== null) open(point);
    } else if (corners?.length > 2) {
      setArea(corners);
    }
    redraw();
  }

  // A picture asked for now would bring the address from before the study is open.
  function open(point) {
    clearTimeout(timer);
    leaving = true;
    send("open", point);
  }

  function stopDrag() {
    drag = null;
    redraw();
  }

  // The area that is kept: few corners, in whole thousandths, so that it fits into an address.
  function setArea(corners) {
    let kept = corners;
    for (let least = 0.002; kept.length > CORNERS; least *= 1.5) kept = thinned(kept, least);
    area = kept.length > 2 ? kept : [];
    send("area", area.map((corner) => corner.map((each) => Math.round(Math.min(2, Math.max(-1, each)) * SCALE))));
    redraw();
  }

  // Corners that are `least` away from the one kept before.
  function thinned(corners, least) {
    const kept = [corners[0]];
    corners.forEach(([x, y]) => {
      const [a, b] = kept[kept.length - 1];
      if (Math.hypot(x - a, y - b) >= least) kept.push([x, y]);
    });
    return kept;
  }

  function nearest(at) {
    const reach = REACH / unit();
    let [best, least] = [null, reach * reach];
    for (let i = 0; i < points.x.length; i++) {
      const [a, b] = [points.x[i] - at.x, points.y[i] - at.y];
      const away = a * a + b * b;
      if (away < least && !hidden.has(data.groups[points.kind[i] & 127]?.name)) [best, least] = [i, away];
    }
    return best;
  }

  function rest(point, at = null) {
    if (point === under) return at && place(at);
    under = point;
    plane.classList.toggle("over", under !== null);
    clearTimeout(timer);
    tooltip.hidden = true;
    redraw();
    if (under === null) return;
    place(at);
    if (pictures.has(under)) return tell();
    if (!leaving) timer = setTimeout(() => send("point", under), REST);
  }

  function tell() {
    const each = pictures.get(under);
    if (!each) return;
    image.hidden = !each.address;
    if (each.address) image.src = each.address;
    words.replaceChildren(...each.lines.map((line) => element("div", { textContent: line })));
    tooltip.hidden = false;
    image.onload = () => place();
    place();
  }

  let last = null;
  function place(at = last) {
    last = at;
    if (!at) return;
    const { width } = size();
    const left = at.px + 16 + tooltip.offsetWidth > width ? at.px - tooltip.offsetWidth - 12 : at.px + 16;
    tooltip.style.left = `${Math.max(0, left)}px`;
    const lower = plane.offsetTop + at.py + 12;
    const most = plane.offsetTop + plane.clientHeight - tooltip.offsetHeight;
    tooltip.style.top = `${Math.max(plane.offsetTop, Math.min(lower, most))}px`;
  }

  function press(event) {
    const step = 0.12 / view.zoom;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const [x, y] = moves[event.key];
      look({ ...view, x: view.x + x, y: view.y + y });
    } else if (event.key === "+" || event.key === "=") zoomBy(1.6);
    else if (event.key === "-") zoomBy(1 / 1.6);
    else if (event.key === "Escape") drag ? stopDrag() : rest(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    update,
    close: () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      watcher.disconnect();
      pictures.forEach((each) => URL.revokeObjectURL(each.address));
    },
  };
}
