// The live curves: draws what Python sends into the same elements every time, and keeps to itself
// how far one has zoomed in and which lines are shown.

const SVG = "http://www.w3.org/2000/svg";
const ROOM = { left: 50, right: 8, top: 50, bottom: 34 };
const ROOM_BIG = { left: 92, right: 28, top: 70, bottom: 46 };
const BESIDE = 58; // px at the right of a plot with a baseline, for its words
const BESIDE_BIG = 98;
const LIVE = 0.8; // opacity of the line inside the epochs: 3:1 on both grounds
const ROWS = 3; // of words above a plot, in ROOM.top: what happened when, never over the data
const ROWS_BIG = 1;
const charts = new WeakMap(); // the element that Streamlit gives -> its chart, across reruns

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".curves");
  if (!charts.has(root)) charts.set(root, makeChart(root));
  const chart = charts.get(root);
  if (!chart.update(data)) setTriggerValue("whole", true); // a message before this one was lost
  return () => {
    chart.close();
    charts.delete(root);
  };
}

function element(tag, settings = {}, ...children) {
  const made = Object.assign(document.createElement(tag), settings);
  made.append(...children);
  return made;
}

function drawing(tag, settings = {}, text = "") {
  const made = document.createElementNS(SVG, tag);
  Object.entries(settings).forEach(([name, value]) => made.setAttribute(name, value));
  made.textContent = text;
  return made;
}

// About `count` round numbers from low to high, `least` apart at least.
function ticks(low, high, count, least = 0) {
  const rough = Math.max(least, (high - low) / count || 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const found = [];
  for (let i = first; i * step <= high + 1e-9 * step; i++) found.push(i * step);
  return { step, values: found };
}

function makeChart(root) {
  const hidden = new Set(); // names of lines
  let data = null;
  let lines = []; // as Python describes them, with `points`
  let message = ""; // the last one whose points are in them
  let zoom = null; // [low, high] of the axis of epochs
  let panes = []; // one a panel
  let buttons = new Map(); // name of lines -> what shows or hides them
  let pointer = null; // { pane, px }: where it rests, across that pane
  let chosen = null; // { pane, from, to }: epochs, while one drags
  let alone = null; // number of the panel that has the whole width, from 1; 0: all of them
  let isTable = false; // numbers in the place of the plots
  let rowsShown = new Map(); // of that table: their words -> the row

  const panels = element("div", { className: "panels" });
  const legend = element("div", { className: "legend", role: "group", ariaLabel: "Lines shown" });
  const hint = element("span", { className: "hint" });
  const guideName = element("span", { className: "guide-name" });
  const help = makeHelp();
  const tools = makeTools();
  const table = element("div", { className: "numbers", hidden: true, tabIndex: 0, role: "region" });
  table.setAttribute("aria-label", "Values of the curves by epoch");
  const [head, body] = [element("thead"), element("tbody")];
  table.append(element("table", {}, head, body));
  const keys = element("div", { className: "keys", role: "group", ariaLabel: "Figure" }); // of a projector
  const top = element("div", { className: "top" }, legend, help, tools.box, keys);
  root.replaceChildren(top, panels, table); // what the colours mean, before them
  root.addEventListener("keydown", press);
  const dismiss = (event) => event.key === "Escape" && pointer && pointAway();
  window.addEventListener("keydown", dismiss);
  const watcher = new ResizeObserver(() => data && draw());
  watcher.observe(panels);

  // What Python sends goes on from the message that it names; gives whether that one was here.
  function update(given) {
    if (given.message !== message) {
      if (given.follows && given.follows !== message) return false;
      const before = new Map(given.follows ? lines.map((line) => [nameOf(line), line.points]) : []);
      lines = given.lines.map((line, number) => {
        const [stay, x = [], y = []] = given.points[number];
        const points = (before.get(nameOf(line)) ?? []).slice(0, stay);
        return { ...line, points: points.concat(x.map((each, i) => [each, y[i]])) };
      });
      message = given.message;
    }
    data = given;
    root.classList.toggle("big", given.big);
    const names = given.panels.map((panel) => panel.name).join();
    if (panels.dataset.names !== names) {
      panels.dataset.names = names;
      pointer = null;
      panes = given.panels.map(makePane);
      panels.replaceChildren(...panes.map((pane) => pane.box));
      panes[0]?.box.append(hint); // beside its title, where a longer word moves nothing
      keys.replaceChildren(...makeKeys());
    }
    alone ??= given.panels.length; // in a lecture hall, the last one first: what the product is about
    help.hidden = !given.help || given.big;
    tools.box.hidden = given.big;
    help.querySelector("p").textContent = given.help;
    arrange();
    draw();
    drawLegend();
    return true;
  }

  // --- one figure or all, numbers or plots ------------------------------------------------------

  function makeKeys() {
    const all = [[0, "All"], ...panes.map((pane, i) => [i + 1, data.panels[i].short || data.panels[i].title])];
    return all.map(([number, words]) => {
      const made = element("button", { type: "button", textContent: `${number}: ${words}` });
      made.dataset.number = number;
      made.addEventListener("click", () => show(number));
      return made;
    });
  }

  function show(number) {
    alone = number;
    arrange();
    draw();
  }

  function arrange() {
    root.classList.toggle("alone", data.big && alone > 0);
    panes.forEach((pane, i) => {
      pane.title.textContent = data.big && alone === 0 ? data.panels[i].short || data.panels[i].title : data.panels[i].title;
    });
    panes.forEach((pane, i) => (pane.box.hidden = isTable || (data.big && alone > 0 && alone !== i + 1)));
    panels.hidden = isTable;
    table.hidden = !isTable;
    keys.hidden = !data.big;
    [...keys.children].forEach((each) => each.setAttribute("aria-pressed", Number(each.dataset.number) === alone));
    if (isTable) drawTable();
  }

  // One row an epoch, one column a line of a panel. A row that says the same stays the same element,
  // where somebody may be reading.
  function drawTable() {
    const columns = lines.filter((line) => line.width >= 2 && line.points.length);
    const titles = new Map(data.panels.map((panel) => [panel.name, panel]));
    const epochs = [...new Set(columns.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => b - a);
    const values = columns.map((line) => new Map(line.points));
    const words = (epoch) => columns.map((line, i) =>
      values[i].has(epoch) ? written(titles.get(line.panel), values[i].get(epoch)) : "");
    const wanted = [
      ["Epoch", ...columns.map((line) => `${titles.get(line.panel).title}: ${line.name}`)],
      ...epochs.map((epoch) => [String(epoch), ...words(epoch)]),
    ];
    const rows = wanted.map((cells, row) => {
      const same = rowsShown.get(cells.join("\n"));
      return same ?? element("tr", {}, ...cells.map((cell, i) => makeCell(cell, row === 0 ? "col" : i ? "" : "row")));
    });
    rowsShown = new Map(wanted.map((cells, i) => [cells.join("\n"), rows[i]]));
    if (head.firstChild !== rows[0]) head.replaceChildren(rows[0]);
    const [, ...under] = rows;
    const stay = new Set(under);
    [...body.children].forEach((each) => stay.has(each) || each.remove());
    under.forEach((each, i) => body.children[i] === each || body.insertBefore(each, body.children[i] ?? null));
  }

  function makeCell(words, scope) {
    return element(scope ? "th" : "td", { textContent: words, ...(scope ? { scope } : {}) });
  }

  const written = (panel, value) => (panel.percent ? `${(100 * value).toFixed(1)} %` : value.toFixed(4));

  // What a plot shows, for who does not see it: each line's last value and where it is going.
  function described(panel) {
    const told = lines.filter((line) => line.panel === panel.name && line.width >= 2 && line.points.length).map((line) => {
      const [x, y] = line.points.at(-1);
      const [, before] = line.points[Math.max(0, line.points.length - 6)];
      const change = y - before;
      const least = panel.percent ? 0.01 : 0.02 * Math.abs(before || 1);
      const trend = line.points.length < 2 ? "" : Math.abs(change) < least ? ", level" : change > 0 ? ", rising" : ", falling";
      return `${line.name} ${written(panel, y)} at epoch ${x}${trend}`;
    });
    return `${panel.title}: ${told.join("; ") || "no epoch is completed yet"}.`;
  }

  function makeHelp() {
    const words = element("p", { hidden: true, });
    const button = element("button", { type: "button", textContent: "What are dev and valid?" });
    button.setAttribute("aria-expanded", "false");
    const set = (isOpen) => {
      words.hidden = !isOpen;
      button.setAttribute("aria-expanded", isOpen);
    };
    button.addEventListener("click", () => set(words.hidden));
    const box = element("div", { className: "help" }, button, words);
    box.addEventListener("keydown", (event) => event.key === "Escape" && set(false));
    box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || set(false));
    return box;
  }

  // Zoom without dragging; each button keeps its place.
  function makeTools() {
    const tool = (words, sign, act) => {
      const made = element("button", { type: "button", title: words, textContent: sign });
      made.setAttribute("aria-label", words);
      made.addEventListener("click", () => isOff(made) || act());
      return made;
    };
    const all = {
      closer: tool("Zoom in on the last epochs", "+", () => scale(0.5)),
      farther: tool("Zoom out", "−", () => scale(2)),
      earlier: tool("Earlier epochs", "←", () => shift(-0.5)),
      later: tool("Later epochs", "→", () => shift(0.5)),
      table: tool("Show the values as a table", "Table", () => {
        isTable = !isTable;
        arrange();
        draw();
        drawLegend();
      }),
    };
    const box = element("div", { className: "tools", role: "group", ariaLabel: "Epochs shown" }, ...Object.values(all));
    return { box, ...all };
  }

  function scale(factor) {
    const [low, high] = range();
    const end = Math.min(high, data.last * 1.01);
    const wide = (end - low) * factor;
    const middle = zoom ? (low + end) / 2 : end - wide / 2; // the last epochs first
    look(middle - wide / 2, middle + wide / 2);
  }

  function shift(share) {
    if (!zoom) return;
    const by = Math.max(-zoom[0], Math.min(data.last * 1.01 - zoom[1], share * (zoom[1] - zoom[0])));
    look(zoom[0] + by, zoom[1] + by);
  }

  function look(low, high) {
    const end = data.last * 1.01;
    if (high - low >= end) zoom = null;
    else if (high - low >= Math.min(1, end)) {
      const by = Math.max(-low, Math.min(0, end - high));
      zoom = [low + by, high + by];
    }
    draw();
    drawLegend();
  }

  // With the focus inside: digits choose a figure of the projector.
  function press(event) {
    if (!data?.big || event.ctrlKey || event.metaKey || event.altKey) return;
    const number = Number(event.key);
    if (event.key === " " || !Number.isInteger(number) || number > panes.length) return;
    event.preventDefault();
    show(number);
  }

  const nameOf = (line) => `${line.panel} ${line.name}`;
  const range = () => zoom ?? [0, data.last * 1.01];

  function makePane(panel) {
    const svg = drawing("svg", { role: "img", "aria-label": panel.title });
    const told = element("div", { className: "told", hidden: true });
    const box = element("div", { className: "panel" });
    const title = element("h2", { textContent: panel.title });
    box.append(title, svg, told);
    const pane = { box, title, svg, told, name: panel.name };
    svg.addEventListener("pointermove", (event) => point(pane, event));
    svg.addEventListener("pointerleave", () => pointAway());
    svg.addEventListener("pointerdown", (event) => choose(pane, event));
    svg.addEventListener("dblclick", () => {
      zoom = null;
      draw();
      drawLegend();
    });
    return pane;
  }

  // --- what is drawn ---------------------------------------------------------------------------

  function draw() {
    panes.forEach(drawPane);
    if (pointer) drawPointed();
    if (chosen) drawChosen();
  }

  function drawPane(pane) {
    const panel = data.panels.find((each) => each.name === pane.name);
    const width = pane.svg.clientWidth || 400;
    const height = pane.svg.clientHeight || 290;
    const [x0, x1] = range();
    const shown = lines.filter((line) => line.panel === pane.name && !hidden.has(line.name));
    const guides = data.guides.filter((guide) => guide.panel === pane.name);
    const plain = data.big ? ROOM_BIG : ROOM;
    const beside = data.big ? BESIDE_BIG : BESIDE;
    const room = { ...plain, right: guides.length ? beside : plain.right };
    const [y0, y1] = heights(panel, shown, guides, x0, x1);
    const sx = (x) => room.left + ((x - x0) / (x1 - x0)) * (width - room.left - room.right);
    const sy = (y) => height - room.bottom - ((y - y0) / (y1 - y0)) * (height - room.top - room.bottom);
    Object.assign(pane, { sx, sy, x0, x1, width, height, room, panel });
    const clip = `clip-${pane.name}`;
    const area = { x: room.left, y: room.top, width: Math.max(0, width - room.left - room.right),
      height: Math.max(0, height - room.top - room.bottom) };
    const frame = drawing("clipPath", { id: clip });
    frame.append(drawing("rect", area));
    const inside = drawing("g", { "clip-path": `url(#${clip})` });
    inside.append(
      ...guides.map((guide) => drawGuide(guide, pane)),
      ...shown.flatMap((line) => drawLine(line, pane)),
    );
    pane.cursor = drawing("g", { "pointer-events": "none" });
    const marks = data.marks.filter((mark) => mark.x >= x0 && mark.x <= x1);
    const words = guides.flatMap((guide) => drawGuideWords(guide, pane));
    pane.svg.setAttribute("aria-label", described(panel));
    pane.svg.replaceChildren(
      frame, ...drawAxes(pane, panel, y0, y1), ...drawMarks(marks, pane), inside, ...words, pane.cursor,
    );
  }

  function heights(panel, shown, guides, x0, x1) {
    const values = shown.flatMap((line) =>
      line.points.filter(([x]) => x >= x0 && x <= x1).map(([, y]) => y),
    );
    if (panel.percent) {
      // Up to perfect, so that the room sees how far there is to go.
      const lowest = Math.min(0.45, ...values, ...guides.map((guide) => guide.y));
      return [Math.max(0, Math.floor((lowest - 0.03) * 20) / 20), 1.0];
    }
    if (!values.length) return [0, 1];
    const low = Math.min(...values);
    const high = Math.max(...values);
    const pad = (high - low || Math.abs(high) || 1) * 0.06;
    return [zoom || low < 0 ? low - pad : Math.max(0, low - pad), high + pad];
  }

  function drawAxes({ sx, sy, x0, x1, width, height, room }, panel, y0, y1) {
    const found = [];
    const digits = (step) => Math.max(0, Math.ceil(-Math.log10(step)));
    const level = ticks(y0, y1, data.big ? 4 : 5);
    for (const y of level.values) {
      const words = panel.percent
        ? `${(100 * y).toFixed(digits(100 * level.step))} %`
        : y.toFixed(digits(level.step));
      found.push(
        drawing("line", { class: "grid", x1: room.left, x2: width - room.right, y1: sy(y), y2: sy(y) }),
        drawing("text", { class: "tick", x: room.left - 6, y: sy(y) + (data.big ? 9 : 4), "text-anchor": "end" }, words),
      );
    }
    const most = Math.max(2, Math.min(8, (width - room.left) / (data.big ? 130 : 60)));
    const along = ticks(x0, x1, most, x1 - x0 < 2 ? 0 : 1); // parts of an epoch only when near
    for (const x of along.values) {
      found.push(
        drawing("line", { class: "axis", x1: sx(x), x2: sx(x), y1: height - room.bottom, y2: height - room.bottom + 4 }),
        drawing("text", { class: "tick", x: sx(x), y: height - room.bottom + (data.big ? 34 : 16), "text-anchor": "middle" },
          x.toFixed(digits(along.step))),
      );
    }
    found.push(
      drawing("line", { class: "axis", x1: room.left, x2: width - room.right, y1: height - room.bottom, y2: height - room.bottom }),
    );
    if (!data.big) {
      found.push(drawing("text", { class: "faint", x: (room.left + width) / 2, y: height - 4, "text-anchor": "middle" }, "epoch"));
    }
    return found;
  }

  function drawLine(line, { sx, sy }) {
    if (!line.points.length) return [];
    const width = line.width * (data.big ? 1.6 : 1);
    const path = line.points.map(([x, y], i) => `${i ? "L" : "M"}${sx(x).toFixed(1)} ${sy(y).toFixed(1)}`);
    const stroke = (d, opacity) =>
      drawing("path", { class: "line", d: d.join(""), fill: "none", stroke: line.colour,
        "stroke-width": width, "stroke-dasharray": line.dash, "stroke-linejoin": "round", opacity });
    // After the epoch that is shown, what is not known there is faint.
    const count = data.shown === null ? path.length : line.points.filter(([x]) => x <= data.shown).length;
    const ahead = path.slice(Math.max(0, count - 1));
    const made = [
      stroke(path.slice(0, count), line.width < 2 ? LIVE : 1),
      ...(ahead.length > 1 && count < path.length
        ? [stroke([ahead[0].replace("L", "M"), ...ahead.slice(1)], 0.15)] : []),
    ];
    // A path of one point shows nothing: the first one is a dot.
    const dotted = line.dots || line.points.length === 1;
    const dots = !dotted ? [] : line.points.length <= 120 ? line.points : line.points.slice(-1);
    const radius = (line.width < 2 ? 1.5 : 2.8) * (data.big ? 1.5 : 1);
    dots.forEach(([x, y]) =>
      made.push(drawing("circle", { cx: sx(x), cy: sy(y), r: radius, fill: line.colour,
        opacity: data.shown !== null && x > data.shown ? 0.15 : 1 })),
    );
    return made;
  }

  function drawGuide(guide, { sy, width, room }) {
    return drawing("line", { class: "guide", x1: room.left, x2: width - room.right, y1: sy(guide.y), y2: sy(guide.y) });
  }

  // At the right of the plot, where no line goes: its name and its value.
  function drawGuideWords(guide, { sy, width, height, room }) {
    const step = 14;
    const x = width - room.right + 5;
    const y = Math.min(height - room.bottom - step, Math.max(room.top + 8, sy(guide.y) - step / 2 + 4));
    const value = `${(100 * guide.y).toFixed(1)} %`;
    return (data.big ? [value] : [guide.words, value]).map((words, row) => // big: its name is in the legend
      drawing("text", { class: "faint beside", x, y: y + row * step }, words),
    );
  }

  // Upright lines, each up to its words above the plot. Where three rows have no room for the words
  // of another event, its line stands alone and says them to a pointer.
  function drawMarks(marks, { sx, width, height, room }) {
    const letter = data.big ? 14.5 : 6.1; // px, about
    const rows = data.big ? ROWS_BIG : ROWS;
    const step = (room.top - 4) / rows;
    const taken = Array.from({ length: rows }, () => []);
    const rank = { here: 0, best: 1, event: 2 };
    const [lines, words] = [[], []];
    const later = (a, b) => rank[a.kind] - rank[b.kind] || b.x - a.x;
    for (const mark of [...marks].sort(later)) {
      const x = sx(mark.x);
      const wide = letter * mark.words.length + 8;
      const left = x + wide > width - 4; // its words stand at the left
      const span = left ? [x - wide, x] : [x, x + wide];
      const free = (row) => taken[row].every(([low, high]) => span[1] <= low || span[0] >= high);
      const row = span[0] < 0 ? -1 : [...taken.keys()].findIndex(free); // from the plot upwards
      let top = room.top;
      if (row >= 0) {
        taken[row].push(span);
        const y = room.top - (data.big ? 24 : 6) - row * step;
        top = Math.max(0, y - step + 6);
        words.push(drawing("text", { class: "halo", x: x + (left ? -5 : 5), y, "text-anchor": left ? "end" : "start" }, mark.words));
      }
      lines.push(drawing("line", { class: `mark ${mark.kind}`, x1: x, x2: x, y1: top, y2: height - room.bottom }));
    }
    return [...lines, ...words];
  }

  // Each button stays the same element, so that it keeps a keyboard's focus and a half done press.
  function drawLegend() {
    const names = [...new Set(lines.map((line) => line.name))];
    buttons = new Map(names.map((name) => [name, buttons.get(name) ?? makeButton(name)]));
    names.forEach(drawButton);
    guideName.textContent = data.guides.length ? `\u2013 \u00b7 \u2013 ${data.guides[0].words}` : "";
    hint.textContent = data.big ? "" : zoom ? "Double click to zoom out." : "Drag to zoom.";
    const [low, high] = range();
    const end = data.last * 1.01;
    setOff(tools.closer, isTable || (high - low) / 2 < Math.min(1, end));
    setOff(tools.farther, isTable || !zoom);
    setOff(tools.earlier, isTable || low <= 1e-9);
    setOff(tools.later, isTable || high >= end - 1e-9);
    tools.table.setAttribute("aria-pressed", isTable);
    const wanted = [...buttons.values()];
    if (data.big && data.guides.length) wanted.push(guideName);
    if (wanted.some((each, place) => legend.children[place] !== each) || legend.children.length !== wanted.length) {
      legend.replaceChildren(...wanted);
    }
  }

  function makeButton(name) {
    const made = element("button", { type: "button", title: "Show or hide" });
    made.addEventListener("click", () => {
      if (!hidden.delete(name)) hidden.add(name);
      draw();
      drawLegend();
    });
    return made;
  }

  function drawButton(name) {
    const line = lines.find((each) => each.name === name);
    const sample = drawing("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" });
    sample.append(
      drawing("line", { x1: 0, x2: 26, y1: 5, y2: 5, stroke: line.colour, "stroke-width": line.width, "stroke-dasharray": line.dash }),
    );
    const over = lines.filter((each) => each.name === name && each.over).map((each) => each.over);
    const words = over.length && !data.big ? `${name} (${[...new Set(over)].join(", ")})` : name;
    buttons.get(name).replaceChildren(sample, words);
    buttons.get(name).setAttribute("aria-pressed", !hidden.has(name));
  }

  // --- what a pointer does ---------------------------------------------------------------------

  const across = (pane, event) => event.clientX - pane.svg.getBoundingClientRect().left; // px

  function epochAt(pane, px) {
    const share = (px - pane.room.left) / (pane.width - pane.room.left - pane.room.right);
    return pane.x0 + Math.min(1, Math.max(0, share)) * (pane.x1 - pane.x0);
  }

  function choose(pane, event) {
    if (event.button !== 0) return;
    pointAway();
    const from = epochAt(pane, across(pane, event));
    chosen = { pane, from, to: from };
    pane.svg.setPointerCapture(event.pointerId);
    const move = (next) => {
      chosen.to = epochAt(pane, across(pane, next));
      drawChosen();
    };
    const end = (last) => {
      pane.svg.removeEventListener("pointermove", move);
      pane.svg.removeEventListener("pointerup", end);
      pane.svg.removeEventListener("pointercancel", end);
      const [low, high] = [chosen.from, chosen.to].sort((a, b) => a - b);
      if (pane.sx(high) - pane.sx(low) > 8) zoom = [low, high];
      chosen = null;
      draw();
      drawLegend();
      point(pane, last);
    };
    pane.svg.addEventListener("pointermove", move);
    pane.svg.addEventListener("pointerup", end);
    pane.svg.addEventListener("pointercancel", end);
  }

  function drawChosen() {
    const { pane, from, to } = chosen;
    const [a, b] = [pane.sx(Math.min(from, to)), pane.sx(Math.max(from, to))];
    const { top, bottom } = pane.room;
    pane.cursor.replaceChildren(
      drawing("rect", { class: "chosen", x: a, width: b - a, y: top, height: pane.height - top - bottom }),
    );
  }

  function point(pane, event) {
    if (event.buttons) return;
    pointer = { pane, px: across(pane, event) };
    drawPointed();
  }

  // What lies where the pointer rests, in every panel.
  function drawPointed() {
    const epoch = epochAt(pointer.pane, pointer.px);
    for (const pane of panes) {
      const shown = lines.filter(
        (line) => line.panel === pane.name && !hidden.has(line.name) && line.points.length,
      );
      const nearest = shown.map((line) => ({
        line,
        at: line.points.reduce((best, each) => (Math.abs(each[0] - epoch) < Math.abs(best[0] - epoch) ? each : best)),
      }));
      const x = nearest.find(({ line }) => line.width >= 2)?.at[0] ?? nearest[0]?.at[0];
      pane.told.hidden = x === undefined;
      pane.cursor.replaceChildren();
      if (x === undefined) continue;
      pane.cursor.append(
        drawing("line", { class: "cursor", x1: pane.sx(x), x2: pane.sx(x), y1: pane.room.top, y2: pane.height - pane.room.bottom }),
      );
      const rows = nearest
        .filter(({ at }) => Math.abs(at[0] - x) < Math.max(0.51, (pane.x1 - pane.x0) / 50))
        .map(({ line, at }) => {
          const dot = element("i");
          dot.style.background = line.colour;
          const value = written(pane.panel, at[1]);
          return element("div", {}, dot, `${line.name}: ${value}`);
        });
      // An event inside an epoch lies between two values: it is near the pointer, or near its value.
      const near = data.marks.filter((mark) =>
        [x, epoch].some((each) => Math.abs(pane.sx(mark.x) - pane.sx(each)) < 7),
      );
      const title = Number.isInteger(x) ? `epoch ${x}` : `epoch ${x.toFixed(2)}`;
      pane.told.replaceChildren(
        element("div", { textContent: title }),
        ...rows,
        ...near.map((mark) => element("div", { textContent: mark.words })),
      );
      const right = pane.sx(x) < pane.width / 2;
      pane.told.style.left = right ? `${pane.sx(x) + 12}px` : "";
      pane.told.style.right = right ? "" : `${pane.width - pane.sx(x) + 12}px`;
    }
  }

  function pointAway() {
    pointer = null;
    panes.forEach((pane) => {
      pane.told.hidden = true;
      pane.cursor.replaceChildren();
    });
  }

  const close = () => {
    watcher.disconnect();
    window.removeEventListener("keydown", dismiss);
  };
  return { update, close };
}
