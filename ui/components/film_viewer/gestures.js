// Pointer and keyboard: what a drag, a click or a key does.

const FINGER = 4; // px; a shorter drag is a click
const STEP = 0.15; // of a pane, for an arrow key
const CROSS_STEP = 0.02; // of a pane, by which an arrow key moves the cross; with Shift, 1 px
const OFF = "fracture-viewer-keys-off"; // in the browser's storage: shortcuts are switched off

// Whether single keys act: in the browser's storage, or, where that is refused, until the page goes.
function makeKeySwitch() {
  let isOn = true;
  const stored = (use) => {
    try {
      return use(localStorage);
    } catch {
      return undefined; // a browser that stores nothing
    }
  };
  return {
    areOn: () => isOn && !stored((store) => store.getItem(OFF)),
    set: (on) => {
      isOn = on;
      stored((store) => (on ? store.removeItem(OFF) : store.setItem(OFF, "yes")));
    },
  };
}

// The cross on a film, by which arrow keys do what a pointer does with ruler, angle, eraser, magnifier.
function makeCross(v) {
  const isWanted = () => v.lens || ["ruler", "angle", "erase"].includes(v.mode);
  const start = (film) => {
    const { width, height } = v.panes[film].size();
    return { film, x: width / 2, y: height / 2 };
  };
  const follow = () => {
    const { film, x, y } = v.cross;
    const loose = v.marks.find((mark) => mark.loose && mark.film === film);
    if (loose) loose.points[loose.points.length - 1] = v.panes[film].pointAt([x, y]);
    Object.assign(v, { hovered: film, pointer: [x, y] });
    v.paint();
  };
  function move(film, [dx, dy], fine) {
    if (v.cross?.film !== film) v.cross = start(film);
    const { width, height } = v.panes[film].size();
    const [wide, high] = fine ? [1, 1] : [CROSS_STEP * width, CROSS_STEP * height];
    v.cross.x = between(0, v.cross.x + Math.sign(dx) * wide, width);
    v.cross.y = between(0, v.cross.y + Math.sign(dy) * high, height);
    follow();
  }
  function set(film) {
    if (v.cross?.film !== film) v.cross = start(film);
    const at = v.panes[film].pointAt([v.cross.x, v.cross.y]);
    if (v.mode === "erase") {
      v.sendStrokes([...v.strokes, { film: v.films[film].name, radius: v.brush / 200, points: [at] }]);
    } else if (v.mode !== null) v.setPoint(film, at);
    follow();
  }
  return { isWanted, move, set };
}

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
    v.cross = null;
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
    const { low, high, least } = v.films[number].pixels;
    const step = (high - low) / 400;
    return {
      move: (_, dx, dy) => {
        const { width, level } = v.windows[number];
        v.setWindow(number, {
          width: between(least, width + dx * step, 2 * (high - low)),
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
    const mark = v.setPoint(number, v.panes[number].filmPoint(point(event)));
    if (!mark) return { move: () => {} };
    return {
      move: () => {}, // the pane's own listener moves the last point
      end: (next, way) => {
        if (way < FINGER || !mark.loose) return;
        v.setPoint(number, v.panes[number].filmPoint(point(next)));
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
  const cross = makeCross(v);
  const arrows = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

  function act(event, path) {
    const focused = path[0];
    if (event.key === "Escape") return escape();
    // A slider that is moved by an arrow must not open the next study as well.
    const film = v.panes.findIndex((each) => path.includes(each.element)); // its picture, if clicked
    if (event.key in arrows) {
      if (focused.type === "range") return "its own";
      if (film < 0) return step(event.key);
      if (!cross.isWanted()) return v.pan(...arrows[event.key]) || step(event.key);
      cross.move(film, arrows[event.key], event.shiftKey);
      return true;
    }
    if (film >= 0 && cross.isWanted() && (event.key === "Enter" || event.key === " ")) {
      cross.set(film);
      return true;
    }
    const action = letters[event.key.toLowerCase()];
    if (!action || !v.keys.areOn()) return false;
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
  // Escape that closes a list or leaves a field of the page must not leave the study as well.
  const keep = (event) => {
    if (event.key === "Escape" && event.target.closest("input, textarea, [role=listbox]")) event.stopPropagation();
  };
  window.addEventListener("keydown", key, true); // before the page's own shortcuts
  document.body.addEventListener("keydown", keep); // after the field, before them
  return () => {
    window.removeEventListener("keydown", key, true);
    document.body.removeEventListener("keydown", keep);
  };
}
