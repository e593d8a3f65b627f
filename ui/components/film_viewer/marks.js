// Ruler and angle: marks on a film, in shares of its width and height.

const POINTS = { ruler: 2, angle: 3 }; // of a whole mark

// Words for a mark: "34.2 mm", "118.4 px", "23.5°".
// extent: { width, height } of the whole film in px of its file, and { mmWidth, mmHeight, detector }
// where the file says them.
function measured(mark, extent) {
  const known = extent.mmWidth > 0;
  const [width, height] = known ? [extent.mmWidth, extent.mmHeight] : [extent.width, extent.height];
  const [a, b, c] = mark.points.map(([x, y]) => [x * width, y * height]);
  if (mark.kind === "ruler") {
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    return `${length.toFixed(1)} ${known ? "mm" : "px"}${known && extent.detector ? " at the detector" : ""}`;
  }
  const [one, two] = [Math.atan2(a[1] - b[1], a[0] - b[0]), Math.atan2(c[1] - b[1], c[0] - b[0])];
  const degrees = Math.abs(((one - two) * 180) / Math.PI);
  return `${Math.min(degrees, 360 - degrees).toFixed(1)}°`;
}

// Draw a mark; `place` takes a point of the film to one of the pane.
function drawMark(mark, extent, place) {
  const points = mark.points.map(place);
  const made = [
    drawing("polyline", { class: "line", points: points.map((each) => each.join()).join(" ") }),
    ...points.map(([x, y]) => drawing("circle", { class: "end", cx: x, cy: y, r: 3.5 })),
  ];
  if (mark.points.length === POINTS[mark.kind]) {
    const [x, y] = points[mark.kind === "ruler" ? points.length - 1 : 1];
    const words = drawing("text", { x: x + 10, y: y - 8 });
    words.textContent = measured(mark, extent);
    made.push(words);
  }
  return made;
}
