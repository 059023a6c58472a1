// What is known of the event that is chosen.
const FATES = { heard: "answered", refused: "answered: it could not be done", gave_up: "given up before an answer came",
  died: "whoever asked died before an answer came", never: "not answered in this history" };

function lasting(i, kind) {
  const names = run.bars.filter((bar) => bar.kind === kind && bar.from <= i && (bar.until === null || i < bar.until));
  return names.map((bar) => (kind === "owed" ? "" : run.lanes[bar.lane] + " ") + (bar.tx || (bar.peer !== null ? "→ " + run.lanes[bar.peer] : ""))).join(", ");
}

function details(i) {
  const mark = run.marks[i];
  if (!mark) return "<p>Choose an event: click on it, or go with the arrow keys.</p>";
  const messages = run.messages.filter((one) => one.asked === i || one.done === i || one.closed === i);
  const lines = messages.map((one) => `<p>${html(run.lanes[one.from])} asks ${html(run.lanes[one.to])} at ${ms(run.marks[one.asked].at_us)} ms; ` +
    (one.done === null ? "what was done of it is not told; " : `done at ${ms(run.marks[one.done].at_us)} ms; `) +
    FATES[one.end] + (one.closed === null ? "" : ` at ${ms(run.marks[one.closed].at_us)} ms`) + ".</p>");
  const facts = [["the log owes", "owed"], ["prepared", "prepared"], ["being forced", "forcing"], ["down", "down"], ["cut", "cut"], ["disk fails", "sick"], ["paused", "paused"], ["ails", "ailing"]];
  const then = facts.map(([name, kind]) => [name, lasting(i, kind)]).filter(([, what]) => what);
  const only = mark.tx && !state.tx ? `<p><button type="button" data-only="${html(mark.tx)}">only ${html(mark.tx)} (t)</button></p>` : "";
  return `<h2>${ms(mark.at_us)} ms</h2><p>${html(mark.text)}</p>${lines.join("")}${only}` +
    (then.length ? "<h2>at that moment</h2>" : "") + then.map(([name, what]) => `<p>${name}: ${html(what)}</p>`).join("");
}

const LEGEND = `<p><b>Arrows</b> go from who asks to who is asked; dashed is the answer. One that ends in a cross never came,
or nobody waited for it any more; one that bends came late.</p>
<p><b>Bars</b>: blue: a branch is prepared, in doubt; violet, at the log: a decision that the log owes; hatched: down; orange: cut off; magenta: its disk fails; grey: it stands still; light magenta: it ails otherwise.</p>
<p><b>Keys</b>: ↑ ↓ from event to event, Home, End, v the next violation, t only this transaction, Esc all, + and − larger and smaller.</p>
<p>To scale, events that share a spot are drawn once. Printing draws everything.</p>`;
