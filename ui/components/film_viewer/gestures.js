// Pointer and keyboard: what a drag, a click or a key does.

const FINGER = 4; // px; a shorter drag is a click
const STEP = 0.15; // of a pane, for an arrow key
const OFF = "fracture-viewer-keys-off"; // in the browser's storage: shortcuts are switched off

function followPointer(v, pane, number) {
  const point = (event) => [event.clientX, event.clientY];
  const within = (event) => {
    const box = pane.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  pane.addEventListener("pointerenter", () => (v.hovered = number));
  pane.addEventListener("pointerleave", () => {
    if (v.hovered === number) v.hovered = null;
    v.pointer = null;
    if (v.lens) v.paint();
  });
  pane.addEventListener("pointermove", (event) => {
    v.pointer = within(event);
    const loose = v.marks.find((mark) => mark.loose && mark.film === number);
    if (loose) loose.points[loose.points.length - 1] = v.panes[number].filmPoint(point(event));
    if (v.lens || loose) v.paint();
  });
  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    v.zoomAt(number, Math.exp(-event.deltaY * 0.0015), point(event));
  }, { passive: false });
  pane.addEventListener("contextmenu", (event) => event.preventDefault());
  pane.addEventListener("dblclick", () => {
    if (v.mode === null || v.mode === "window") v.resetFilm(number);
  });
  pane.addEventListener("pointerdown", (event) => {
    v.active = number;
    if (!v.films[number].pixels) return;
    if (event.button === 2 || (event.button === 0 && (event.shiftKey || v.mode === "window"))) {
      follow(event, windowing());
    } else if (event.button === 0) {
      follow(event, { erase: erasing, ruler: measuring, angle: measuring }[v.mode]?.(event) ?? panning());
    }
  });

  // Follow the pointer until it is let go: `move` gets what it moved by, `end` the whole way.
  function follow(event, { move, end = () => {} }) {
    pane.setPointerCapture(event.pointerId);
    const began = point(event);
    let last = began;
    const moved = (next) => {
      move(next, next.clientX - last[0], next.clientY - last[1]);
      last = point(next);
    };
    const done = (next) => {
      ["pointermove", "pointerup", "pointercancel"].forEach((name, i) =>
        pane.removeEventListener(name, i ? done : moved),
      );
      pane.classList.remove("moving");
      end(next, Math.hypot(next.clientX - began[0], next.clientY - began[1]));
    };
    pane.classList.add("moving");
    pane.addEventListener("pointermove", moved);
    pane.addEventListener("pointerup", done);
    pane.addEventListener("pointercancel", done);
  }

  const panning = () => ({ move: (_, dx, dy) => v.shift(number, dx, dy) });

  // To the right widens the window, down raises its level (a darker film), as in a reading room.
  function windowing() {
    const { low, high } = v.films[number].pixels;
    const step = (high - low) / 400;
    return {
      move: (_, dx, dy) => {
        const { width, level } = v.windows[number];
        v.setWindow(number, {
          width: between(1, width + dx * step, 2 * (high - low)),
          level: between(low, level + dy * step, high),
        });
      },
    };
  }

  function erasing(event) {
    v.stroke = { number, film: v.films[number].name, radius: v.brush / 200, points: [] };
    const touch = (next) => {
      v.stroke?.points.push(v.panes[number].filmPoint(point(next)));
      v.paint();
    };
    touch(event);
    return {
      move: touch,
      end: () => {
        if (!v.stroke) return;
        const { film, radius, points } = v.stroke;
        v.sendStrokes([...v.strokes, { film, radius, points }]);
      },
    };
  }

  // Points are clicked one after the other; a ruler can also be dragged.
  function measuring(event) {
    const at = v.panes[number].filmPoint(point(event));
    const open = v.marks.find((mark) => mark.loose && mark.film === number);
    if (open) {
      open.points[open.points.length - 1] = at;
      if (open.points.length === POINTS[open.kind]) delete open.loose;
      else open.points.push(at);
      v.changed();
      return { move: () => {} };
    }
    const mark = { film: number, kind: v.mode, points: [at, at], loose: true };
    v.marks = [...v.marks.filter((each) => !each.loose), mark];
    v.changed();
    return {
      move: () => {}, // the pane's own listener moves the last point
      end: (next, way) => {
        if (way < FINGER || !mark.loose) return;
        mark.points[1] = v.panes[number].filmPoint(point(next));
        if (mark.kind === "ruler") delete mark.loose;
        else mark.points.push(mark.points[1]);
        v.changed();
      },
    };
  }
}

// Keys act only where the viewer has the focus or the pointer.
function listenToKeys(v, help) {
  const letters = {
    "+": () => v.zoomBy(1.4),
    "=": () => v.zoomBy(1.4),
    "-": () => v.zoomBy(1 / 1.4),
    0: v.reset,
    w: () => v.setMode("window"),
    i: v.invert,
    r: v.rotate,
    h: v.flip,
    d: () => v.setMode("ruler"),
    g: () => v.setMode("angle"),
    m: () => v.toggle("lens"),
    p: () => v.toggle("smooth"),
    l: () => v.films.length > 1 && v.link(),
    v: () => v.films.length > 1 && v.nextView(),
    e: () => v.data.erasable && v.setMode("erase"),
    u: v.undo,
    q: () => v.data.quiz && v.send.trigger("quiz", "switch"),
    f: v.fullScreen,
    "?": help.open,
  };
  const arrows = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

  function act(event, path) {
    const focused = path[0];
    if (event.key === "Escape") return escape();
    // A slider that is moved by an arrow must not open the next study as well.
    if (event.key in arrows) {
      if (focused.type === "range") return "its own";
      return (focused.classList?.contains("film") && v.pan(...arrows[event.key])) || step(event.key);
    }
    const action = letters[event.key.toLowerCase()];
    if (!action || (localStorage.getItem(OFF) && event.key !== "?")) return false;
    action();
    return true;
  }

  // In full screen no button of the page leads to another study.
  function step(key) {
    const steps = v.isFull() && v.data.steps;
    if (!steps || !steps[{ ArrowLeft: "previous", ArrowRight: "next" }[key]]) return false;
    v.send.trigger("step", key === "ArrowLeft" ? -1 : 1);
    return true;
  }

  function escape() {
    const opened = help.isOpen() || v.menuOpen() || v.mode !== null;
    if (help.isOpen()) help.close();
    else if (v.menuOpen()) v.closeMenu();
    else if (v.mode !== null) v.setMode(v.mode);
    return opened;
  }

  const key = (event) => {
    const path = event.composedPath();
    const typing = path[0].isContentEditable || /^(TEXTAREA|SELECT)$/.test(path[0].tagName);
    const text = path[0].tagName === "INPUT" && !/range|checkbox/.test(path[0].type);
    if (typing || text || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!path.includes(v.root) && !v.root.matches(":hover") && !v.isFull()) return;
    const acted = act(event, path);
    if (!acted) return;
    event.stopPropagation();
    if (acted !== "its own") event.preventDefault();
  };
  window.addEventListener("keydown", key, true); // before the page's own shortcuts
  return () => window.removeEventListener("keydown", key, true);
}
