// Replays epochs: asks Python for the next one, at most so many a second, and only when the last one
// that was asked for has been drawn. What is playing, and how fast, stays here.

const SPEEDS = [0.5, 1, 2, 4]; // epochs a second
const PATIENCE = 10_000; // ms without an answer, after which it asks again
const SHAPES = { play: "M2 1l9 5-9 5z", pause: "M2 1h3v10H2zM7 1h3v10H7z", back: "M9 1L2 6l7 5z", on: "M3 1l7 5-7 5z" };
const players = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  if (!players.has(root)) players.set(root, makePlayer(root));
  const player = players.get(root);
  player.update(data, (move) => setTriggerValue("move", move));
  return () => {
    player.close();
    players.delete(root);
  };
}

function drawn(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  return svg;
}

function makePlayer(root) {
  let data = { place: 0, count: 0 };
  let send = () => {};
  let isPlaying = false;
  let asked = null; // { place, at }: where the page was when the next epoch was asked for
  let timer = null;

  const button = (name, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: name });
    made.addEventListener("click", () => isOff(made) || act());
    return made;
  };
  const play = button("play", toggle);
  const back = button("back", () => step(-1));
  const on = button("on", () => step(1));
  const speed = document.createElement("select");
  speed.setAttribute("aria-label", "Speed, epochs per second");
  SPEEDS.forEach((each) => speed.append(new Option(`${each} epoch${each === 1 ? "" : "s"}/s`, each)));
  speed.value = matchMedia("(prefers-reduced-motion: reduce)").matches ? SPEEDS[0] : SPEEDS[2];
  speed.addEventListener("change", () => isPlaying && wait());
  back.append(drawn("back"));
  on.append(drawn("on"));
  back.setAttribute("aria-label", "Previous epoch");
  on.setAttribute("aria-label", "Next epoch");
  root.replaceChildren(play, back, on, speed);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Replay the run");
  root.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target === speed || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    step(by);
  });

  function update(given, sender) {
    data = given;
    send = sender;
    root.classList.toggle("big", given.big);
    if (isPlaying && asked && asked.place !== data.place) wait();
    if (isPlaying && data.place >= data.count - 1 && (!asked || asked.place !== data.place)) pause();
    draw();
  }

  function draw() {
    const few = data.count < 2;
    play.replaceChildren(drawn(isPlaying ? "pause" : "play"), isPlaying ? "Pause" : "Replay");
    speed.disabled = few;
    setOff(play, few);
    setOff(back, few || data.place <= 0);
    setOff(on, few || data.place >= data.count - 1);
  }

  function ask(move) {
    asked = { place: data.place, at: performance.now() };
    send(move);
  }

  function step(by) {
    if (by < 0 ? data.place <= 0 : data.place >= data.count - 1) return;
    pause();
    ask(by);
  }

  function toggle() {
    if (isPlaying) return pause();
    isPlaying = true;
    ask(data.place >= data.count - 1 ? "first" : 1);
    wait(PATIENCE);
    draw();
  }

  function pause() {
    isPlaying = false;
    asked = null;
    clearTimeout(timer);
    draw();
  }

  // The next epoch, one beat after the last one was asked for; longer where no answer comes.
  function wait(pause_ = 1000 / Number(speed.value)) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      ask(1);
      timer = setTimeout(() => isPlaying && wait(0), PATIENCE);
    }, Math.max(0, pause_ - (performance.now() - (asked?.at ?? 0))));
  }

  return { update, close: () => clearTimeout(timer) };
}
