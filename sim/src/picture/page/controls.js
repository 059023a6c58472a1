// What a reader does: scroll, choose, filter, jump.
const element = (id) => document.getElementById(id);
const view = element("view"), sheet = element("sheet"), tip = element("tip");
let drawn = [1, 0];
state.heard = new Set(run.messages.filter((one) => one.closed !== null).map((one) => one.closed));

function draw(force) {
  const [top, bottom] = [view.scrollTop, view.scrollTop + view.clientHeight];
  if (!force && drawn[0] <= Math.max(0, top - 50) && bottom + 50 <= drawn[1]) return paintMap();
  drawn = state.all ? [0, place.height] : [Math.max(0, top - 500), Math.min(place.height, bottom + 500)];
  sheet.innerHTML = drawSheet(...drawn);
  paintMap();
}

function update() {
  layOut();
  sheet.style.height = place.height + "px";
  sheet.style.width = element("heads").style.width = x(run.lanes.length - 1) + place.lane + "px";
  element("heads").innerHTML = run.lanes.map((name, lane) => isHidden(lane) ? "" : `<b style="left:${x(lane)}px">${html(name)}</b>`).join("");
  draw(true);
}

function paintMap() {
  const map = element("map"), height = map.clientHeight, c = map.getContext("2d");
  const css = getComputedStyle(document.documentElement), color = (name) => css.getPropertyValue(name);
  map.height = height;
  const to = (y) => y / place.height * height;
  c.fillStyle = color("--line");
  c.fillRect(0, to(view.scrollTop), 26, Math.max(4, to(view.clientHeight)));
  const colors = { fault: "--fault", stranger: "--stranger", gave_up: "--late" };
  for (const i of place.shown) {
    const name = colors[run.marks[i].kind];
    if (name) { c.fillStyle = color(name); c.fillRect(4, to(place.y[i]), 18, 1); }
  }
  c.fillStyle = color("--fault");
  for (const one of run.verdicts) c.fillRect(0, to(place.y[one.mark]) - 2, 26, 4);
}

function choose(i, jump) {
  state.chosen = i;
  element("details").innerHTML = details(i);
  const y = place.y[i];
  if (jump || y < view.scrollTop + 40 || y > view.scrollTop + view.clientHeight - 60) {
    view.scrollTop = y - view.clientHeight / 2;
    if (run.marks[i] && run.marks[i].lane !== null) view.scrollLeft = x(run.marks[i].lane) - view.clientWidth / 2;
  }
  draw(true);
}

function only(tx) { state.tx = tx; element("tx").value = tx; update(); if (state.chosen >= 0) choose(state.chosen, true); }
function zoom(by) { state.row = Math.max(2, Math.min(60, state.row * by)); update(); if (state.chosen >= 0) choose(state.chosen, true); }
function violation() {
  const marks = run.verdicts.map((one) => one.mark).sort((a, b) => a - b);
  if (marks.length) choose(marks.find((mark) => mark > state.chosen) ?? marks[0], true);
}
function step(by) {
  const now = state.chosen < 0 ? search(view.scrollTop) - by : place.shown.findIndex((i) => i >= state.chosen);
  const next = place.shown[Math.max(0, Math.min(place.shown.length - 1, now + by))];
  if (next !== undefined) choose(next, false);
}

const KEYS = { ArrowDown: () => step(1), ArrowUp: () => step(-1), Home: () => choose(place.shown[0], true), End: () => choose(place.shown.at(-1), true),
  v: violation, t: () => only(run.marks[state.chosen]?.tx || ""), Escape: () => only(""), "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3) };
document.addEventListener("keydown", (event) => {
  if (event.target.closest("select, input") || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
view.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)));
addEventListener("resize", update);
addEventListener("beforeprint", () => { state.all = true; draw(true); });
sheet.addEventListener("click", (event) => { const mark = event.target.closest("[data-i]"); if (mark) choose(Number(mark.dataset.i), false); });
sheet.addEventListener("pointermove", (event) => {
  const at = event.target.closest("[data-i], [data-m], [data-b]");
  tip.hidden = !at;
  if (!at) return;
  const { i, m, b } = at.dataset, bar = run.bars[b];
  const mark = run.marks[i ?? (m !== undefined ? run.messages[m].asked : bar.from)];
  const more = m !== undefined ? ": " + FATES[run.messages[m].end] : bar ? ` (until ${bar.until === null ? "the end" : ms(run.marks[bar.until].at_us) + " ms"})` : "";
  tip.textContent = ms(mark.at_us) + " ms  " + mark.text + more;
  tip.style.left = Math.min(event.clientX + 14, innerWidth - 390) + "px";
  tip.style.top = event.clientY + 14 + "px";
});
sheet.addEventListener("pointerleave", () => { tip.hidden = true; });
element("details").addEventListener("click", (event) => { const tx = event.target.dataset.only; if (tx) only(tx); });
element("map").addEventListener("click", (event) => { view.scrollTop = event.offsetY / element("map").clientHeight * place.height - view.clientHeight / 2; });
element("in").onclick = () => zoom(1.3);
element("out").onclick = () => zoom(1 / 1.3);
element("tx").onchange = (event) => only(event.target.value);
element("scale").onchange = (event) => { state.scale = event.target.value; update(); };
element("rows").onchange = (event) => { state.rows = event.target.checked; update(); };
element("controls").onsubmit = (event) => event.preventDefault();

const txs = [...new Set(run.marks.map((mark) => mark.tx).filter(Boolean))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
for (const tx of txs) element("tx").add(new Option(tx, tx));
run.lanes.forEach((name, lane) => {
  if (!name.startsWith("participant-")) return;
  const label = document.createElement("label"), box = document.createElement("input");
  box.type = "checkbox"; box.checked = true;
  box.onchange = () => { box.checked ? state.hidden.delete(lane) : state.hidden.add(lane); update(); };
  label.append(box, " " + name.slice(12));
  element("places").append(label);
});
run.verdicts.forEach((one) => {
  const button = document.createElement("button");
  button.className = "broken"; button.type = "button"; button.title = one.claim;
  button.textContent = `▼ VIOLATION ${one.invariant}: ${one.what}`;
  button.onclick = () => choose(one.mark, true);
  element("broken").append(button);
});
element("counts").textContent = `${run.marks.length} events, ${txs.length} transactions, ${run.messages.length} requests` + (run.verdicts.length ? "" : "; every invariant held");
element("legend").innerHTML = LEGEND;
element("details").innerHTML = details(-1);
state.all = location.hash === "#all";
update();
if (location.hash === "#violation") violation();
document.documentElement.dataset.arrows = sheet.querySelectorAll(".message, .hop").length;
