// Where films stand on the stage. All lengths in px; a box is { x, y, width, height } of a film
// without its caption, which stands below it.

const GAP = 8; // between films
const STRIP_FROM = 5; // films; so many become a strip beside one large film
const NARROW = 560; // of a stage: films may stand one below the other
const LINE = 24; // height of a caption of one line
const TWO_LINES = 44; // of one below a narrow film
const ROOMY = 300; // width from which a film's caption has one line
const THUMB_LINE = 20; // height of a strip's captions
const MOST_OF_ALL = 0.62; // of the width, for the large film beside a strip

const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);
const area = (boxes) => sum(boxes.map((box) => box.width * box.height));

// Films in rows of so many. Films of a row have one height; `filled` gives each its share of the
// whole stage, so that a zoomed film is not caught in its own outline.
function rows(ratios, columns, width, height, filled, caption = LINE) {
  const lines = [];
  for (let i = 0; i < ratios.length; i += columns) lines.push(ratios.slice(i, i + columns));
  const room = (height - GAP * (lines.length - 1)) / lines.length - caption;
  const tall = lines.map((line) =>
    Math.max(40, Math.min(room, (width - GAP * (line.length - 1)) / sum(line))),
  );
  const wide = lines.map((line, i) => sum(line) * tall[i] + GAP * (line.length - 1));
  const used = filled ? width : Math.max(...wide);
  const boxes = [];
  let y = 0;
  lines.forEach((line, i) => {
    const more = filled ? (width - wide[i]) / line.length : 0;
    let x = filled ? 0 : (used - wide[i]) / 2;
    const rowHeight = filled ? Math.max(room, tall[i]) : tall[i];
    line.forEach((ratio) => {
      boxes.push({ x, y, width: ratio * tall[i] + more, height: rowHeight });
      x += ratio * tall[i] + more + GAP;
    });
    y += rowHeight + caption + GAP;
  });
  const narrowest = Math.min(...lines.flatMap((line, i) => line.map((ratio) => ratio * tall[i])));
  if (caption === LINE && narrowest < ROOMY) {
    return rows(ratios, columns, width, height, filled, TWO_LINES);
  }
  return { boxes, caption, width: used, height: y - GAP, thumbs: [] };
}

// One large film, and beside it a strip of all of them.
function strip(ratios, large, width, height, filled, caption = LINE) {
  const tall = Math.min(height - caption, (MOST_OF_ALL * width) / ratios[large]);
  if (caption === LINE && ratios[large] * tall < ROOMY) {
    return strip(ratios, large, width, height, filled, TWO_LINES);
  }
  const rest = width - ratios[large] * tall - 2 * GAP;
  const widest = Math.max(...ratios);
  let best = { side: 0 };
  for (let columns = 1; columns <= ratios.length; columns += 1) {
    const lines = Math.ceil(ratios.length / columns);
    const side = Math.min(
      (height - GAP * (lines - 1)) / lines - THUMB_LINE,
      (rest - GAP * (columns - 1)) / columns / widest,
    );
    if (side > best.side) best = { side, columns };
  }
  const { side, columns } = best;
  const cell = side * widest;
  const stripWidth = columns * cell + GAP * (columns - 1);
  const wide = filled ? width - stripWidth - 2 * GAP : ratios[large] * tall;
  const thumbs = ratios.map((ratio, i) => ({
    x: wide + 2 * GAP + (i % columns) * (cell + GAP) + (cell - ratio * side) / 2,
    y: Math.floor(i / columns) * (side + THUMB_LINE + GAP),
    width: ratio * side,
    height: side,
  }));
  const box = { x: 0, y: 0, width: wide, height: filled ? height - caption : tall };
  const boxes = ratios.map((_, i) => (i === large ? box : null));
  const bottom = Math.max(box.height + caption, ...thumbs.map((each) => each.y + side + THUMB_LINE));
  return { boxes, caption, width: wide + 2 * GAP + stripWidth, height: bottom, thumbs };
}

// Lay out films: one fills the stage, two or three stand side by side, four as 2 x 2.
//
// ratios: width over height of each; only: the one film to show, or null; large: the film beside
// the strip; filled: whether a film is zoomed in.
function arranged(ratios, width, height, { only = null, large = 0, filled = false, free = false }) {
  if (only !== null) {
    const one = rows([ratios[only]], 1, width, height, filled);
    const boxes = ratios.map((_, i) => (i === only ? one.boxes[0] : null));
    return { ...one, boxes };
  }
  const count = ratios.length;
  if (count >= STRIP_FROM && !free) return strip(ratios, large, width, height, filled);
  const all = Array.from({ length: count }, (_, i) => i + 1);
  const choices = free || width < NARROW ? all : [count === 4 ? 2 : count];
  const laid = choices.map((columns) => rows(ratios, columns, width, height, false));
  const best = laid.reduce((a, b, i) => (area(b.boxes) > area(laid[a].boxes) ? i : a), 0);
  return filled ? rows(ratios, choices[best], width, height, true) : laid[best];
}

// Two studies side by side, each on its half below a line with its name.
function sideBySide(groups, width, height, settings, head) {
  const half = (width - 3 * GAP) / 2;
  const boxes = [];
  let bottom = 0;
  let caption = LINE;
  groups.forEach((ratios, group) => {
    const laid = arranged(ratios, half, height - head, { ...settings, free: true });
    const left = group * (half + 3 * GAP) + (half - laid.width) / 2;
    laid.boxes.forEach((box) => boxes.push({ ...box, x: box.x + left, y: box.y + head }));
    bottom = Math.max(bottom, laid.height + head);
    caption = Math.max(caption, laid.caption);
  });
  return { boxes, caption, width, height: bottom, thumbs: [] };
}
