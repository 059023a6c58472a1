// Drawing what is in view, as SVG.
const html = (text) => String(text).replace(/[&<>"']/g, (c) => "&#" + c.charCodeAt(0) + ";");
const n = (number) => number.toFixed(1);
const tag = (tx) => (tx && !state.tx ? " " + tx : "");

const cross = (cx, cy) => `<path class="cross" d="M${n(cx - 5)} ${n(cy - 5)}l10 10m0 -10l-10 10"/>`;
function head(fromX, fromY, toX, toY, more = "") {
  const turn = Math.atan2(toY - fromY, toX - fromX) * 180 / Math.PI;
  return `<path class="head ${more}" d="M0 0L-9 -4L-9 4Z" transform="translate(${n(toX)} ${n(toY)}) rotate(${n(turn)})"/>`;
}

function drawMessage({ i, one }) {
  const from = x(one.from), to = x(one.to), way = to - from, side = Math.sign(way);
  const y1 = place.y[one.asked], closed = one.closed === null ? null : place.y[one.closed];
  const answered = one.end === "heard" || one.end === "refused";
  const late = one.done !== null && one.closed !== null && one.done > one.closed;
  const kind = late ? "late" : one.done === null && !answered ? "lost" : one.end === "refused" ? "refused" : !answered ? "late" : "";
  let out = "";
  const there = one.done !== null ? place.y[one.done] : answered ? (y1 + closed) / 2 : null;
  if (there === null) {
    const [cx, cy] = [from + way * 0.6, y1 + state.row * 0.6];
    out += `<path d="M${n(from)} ${n(y1)}L${n(cx)} ${n(cy)}"/>` + cross(cx, cy);
  } else if (there - y1 > state.row * 7) {
    // What takes long bends before it arrives.
    const bend = to - side * 26;
    out += `<path d="M${n(from)} ${n(y1)}L${n(bend)} ${n(y1 + state.row)}L${n(bend)} ${n(there - state.row / 2)}L${n(to)} ${n(there)}"/>`;
    out += head(bend, there - state.row / 2, to, there);
  } else {
    out += `<path d="M${n(from)} ${n(y1)}L${n(to)} ${n(there)}"/>` + head(from, y1, to, there);
  }
  if (answered && closed >= there) {
    if (closed - there > state.row * 7) {
      const bend = from + side * 26;
      out += `<path class="back" d="M${n(to)} ${n(there)}L${n(bend)} ${n(there + state.row)}L${n(bend)} ${n(closed - state.row / 2)}L${n(from)} ${n(closed)}"/>`;
    } else out += `<path class="back" d="M${n(to)} ${n(there)}L${n(from)} ${n(closed)}"/>`;
    out += head(to, Math.min(there, closed), from, closed, "back");
  } else if (one.done !== null && !answered) {
    const [cx, cy] = [to - way * 0.45, there + state.row * 0.5];
    out += `<path class="back" d="M${n(to)} ${n(there)}L${n(cx)} ${n(cy)}"/>` + cross(cx, cy);
  }
  return `<g class="message ${kind}" data-m="${i}">${out}</g>`;
}

function drawHop(i, mark) {
  const [a, b] = mark.arrow === "in" ? [mark.peer, mark.lane] : [mark.lane, mark.peer];
  const failed = mark.arrow === "failed", y = place.y[i];
  const end = failed ? x(a) + (x(b) - x(a)) * 0.6 : x(b);
  const tip = failed ? cross(end, y) : head(x(a), y, end, y);
  return `<g class="hop ${failed ? "failed" : ""}" data-i="${i}"><path d="M${n(x(a))} ${n(y)}L${n(end)} ${n(y)}"/>${tip}</g>`;
}

const SIGNS = { decision: "M0 -8L8 0L0 8L-8 0Z", force: "M0 -6L6 0L0 6L-6 0Z", committed: "M-5 -5H5V5H-5Z", rolled_back: "M-5 -5H5V5H-5Z",
  fault: "M0 -7L7 6H-7Z", stranger: "M0 -7L7 6H-7Z", yes: "M-6 -1L-3 -4L-1 0L4 -6L7 -3L-1 6Z", no: "M-5 -3L-3 -5L0 -2L3 -5L5 -3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0Z" };
SIGNS.gave_up = SIGNS.no;
const DOT = "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0";

function drawMark(i, mark) {
  const y = place.y[i], small = state.row < 13, line = mark.lane === null;
  const at = line ? x(0) : x(mark.lane);
  // An answer is written on the side that it does not come from.
  const left = mark.kind === "message" && mark.peer > mark.lane && state.heard.has(i);
  const words = small ? "" : `<text x="${n(at + (left ? -10 : 12))}" y="${n(y - 5)}" ${left ? 'text-anchor="end"' : ""}>${html(mark.short + tag(mark.tx))}</text>`;
  const band = line ? `<line class="band" x1="${n(x(0))}" x2="${n(x(run.lanes.length - 1))}" y1="${n(y)}" y2="${n(y)}"/>` : "";
  const kind = mark.kind === "message" ? "message_" : mark.kind;
  const chosen = i === state.chosen ? " chosen" : "";
  return `<g class="mark ${kind}${chosen}" data-i="${i}" tabindex="-1" role="img" aria-label="${html(ms(mark.at_us) + " ms: " + mark.text)}">${band}<path class="sign" transform="translate(${n(at)} ${n(y)})" d="${SIGNS[mark.kind] || DOT}"/>${words}</g>`;
}

function drawBar({ i, bar, top, bottom, slot, side }) {
  const at = x(side), shapes = { down: [-9, 18], cut: [-20 - slot * 5, 4], sick: [-14, 5], ailing: [-14, 5], paused: [-9, 18], stale: [-14, 3],
    forcing: [-4 - slot * 3, 8], owed: [-4 + slot * 6, 5], prepared: [-4 + slot * 6, 5] };
  const [dx, width] = shapes[bar.kind];
  return `<rect class="bar ${bar.kind}" data-b="${i}" x="${n(at + dx)}" y="${n(top)}" width="${width}" height="${n(Math.max(2, bottom - top))}"/>`;
}

function drawSheet(top, bottom) {
  const inView = (one) => one.bottom >= top && one.top <= bottom;
  const width = x(run.lanes.length - 1) + place.lane;
  const lanes = run.lanes.map((_, lane) => isHidden(lane) ? "" : `<line class="life" x1="${n(x(lane))}" x2="${n(x(lane))}" y1="${n(top)}" y2="${n(bottom)}"/>`);
  const out = [`<svg style="top:${top}px" width="${n(width)}" height="${n(bottom - top)}" viewBox="0 ${n(top)} ${n(width)} ${n(bottom - top)}">`,
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--bg)"/><rect width="2.5" height="6" fill="var(--fault)"/></pattern></defs>',
    ...lanes, ...place.bars.filter(inView).map(drawBar), ...place.messages.filter(inView).map(drawMessage)];
  const from = search(top - 30), marks = [];
  let time = "", used = new Set(), timeY = -99;
  for (let k = from; k < place.shown.length && place.y[place.shown[k]] <= bottom; k++) {
    const i = place.shown[k], mark = run.marks[i], y = place.y[i];
    // Where many events share a pixel, to scale, one of each kind in a lane is drawn.
    const spot = `${mark.lane} ${mark.arrow} ${mark.kind} ${Math.round(y)}`;
    if (!state.all && state.scale === "time" && used.has(spot)) continue;
    used.add(spot);
    if (mark.arrow !== "none") out.push(drawHop(i, mark));
    marks.push(drawMark(i, mark));
    if (ms(mark.at_us) !== time && y - timeY > 12) {
      time = ms(mark.at_us); timeY = y;
      marks.push(`<text class="at" x="${GUTTER - 24}" y="${n(y + 4)}">${time}</text>`);
    }
  }
  if (state.row > 12) for (const { y, us } of place.pauses) if (y >= top && y <= bottom)
    marks.push(`<text class="pause" x="${GUTTER - 24}" y="${n(y - state.row / 2 + 4)}">+ ${(us / 1000).toFixed(0)} ms</text>`);
  run.verdicts.forEach((one) => {
    const y = place.y[one.mark] + 7 + 23 * one.nth;
    if (y < top - 30 || y > bottom) return;
    marks.push(`<g class="verdict"><rect x="0" y="${n(y)}" width="${n(width)}" height="20"/><text x="${GUTTER}" y="${n(y + 14)}">▲ VIOLATION ${html(one.invariant)}: ${html(one.what)}</text></g>`);
  });
  return out.concat(marks, "</svg>").join("");
}

// The first shown mark that is not above this.
function search(y) {
  let low = 0, high = place.shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place.y[place.shown[middle]] < y) low = middle + 1; else high = middle;
  }
  return low;
}
