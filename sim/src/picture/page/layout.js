"use strict";
// Where everything is: from events to places on the sheet.
const run = JSON.parse(document.getElementById("data").textContent);
const GUTTER = 96, TOP = 14;
const state = { tx: "", hidden: new Set(), rows: false, scale: "events", row: 24, chosen: -1, all: false };
const place = { y: [], shown: [], pauses: [], height: 0, lane: 200, messages: [], bars: [], hops: 0 };

const ms = (us) => (us / 1000).toFixed(3);
const x = (lane) => GUTTER + 20 + lane * place.lane;
const isHidden = (lane) => lane !== null && state.hidden.has(lane);

function isShown(mark) {
  if (mark.kind === "rows" && !state.rows) return false;
  if (isHidden(mark.lane) || isHidden(mark.peer)) return false;
  return !state.tx || mark.tx === state.tx || (mark.tx === null && mark.kind !== "rows");
}

function layOut() {
  const broken = new Map();
  for (const one of run.verdicts) {
    one.nth = broken.get(one.mark) || 0;
    broken.set(one.mark, one.nth + 1);
  }
  const room = document.getElementById("view").clientWidth - GUTTER - 40;
  place.lane = Math.max(150, Math.min(260, room / run.lanes.length));
  place.shown = []; place.pauses = [];
  let y = TOP, before = null, last = TOP;
  const first = run.marks.length ? run.marks[0].at_us : 0;
  place.y = run.marks.map((mark, i) => {
    if (!isShown(mark) && !broken.has(i)) return last;
    const pause = before === null ? 0 : mark.at_us - before;
    if (state.scale === "time") {
      last = TOP + state.row + ((mark.at_us - first) / 1000) * state.row / 6;
    } else {
      // A pause is as long as its order of magnitude.
      const extra = pause < 5000 ? 0 : state.row * Math.min(1.8, 0.3 + 0.5 * Math.log10(pause / 1000));
      if (extra) place.pauses.push({ y: y + state.row + extra / 2, us: pause });
      y += state.row + extra;
      last = y;
      if (broken.has(i)) y += Math.max(state.row, 24 * broken.get(i));
    }
    before = mark.at_us;
    place.shown.push(i);
    return last;
  });
  place.height = last + 3 * state.row + 40;
  const of = (one) => !state.tx || one.tx === null || one.tx === state.tx;
  const visible = (lane) => !isHidden(lane);
  place.messages = [];
  run.messages.forEach((one, i) => {
    if (!of(one) || !visible(one.to) || !visible(one.from)) return;
    const ends = [one.asked, one.done, one.closed].filter((mark) => mark !== null).map((mark) => place.y[mark]);
    place.messages.push({ i, one, top: Math.min(...ends), bottom: Math.max(...ends) + 20 });
  });
  layOutBars(of, visible);
}

// Bars that last at the same time in the same lane stand beside each other.
function layOutBars(of, visible) {
  const slots = {};
  place.bars = [];
  run.bars.forEach((bar, i) => {
    if (!of(bar) || !visible(bar.lane) || (bar.peer !== null && !visible(bar.peer))) return;
    const top = place.y[bar.from];
    const bottom = bar.until === null ? place.height - 20 : place.y[bar.until];
    const side = bar.kind === "cut" && bar.peer > bar.lane ? bar.peer : bar.lane;
    const taken = slots[bar.kind + side] ||= [];
    let slot = taken.findIndex((until) => until <= top);
    if (slot < 0) slot = taken.length;
    taken[slot] = bottom;
    place.bars.push({ i, bar, top, bottom, slot: Math.min(slot, 7), side });
  });
}
