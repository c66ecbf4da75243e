"""The look of a report's page: its styles, and the script of its filters."""

from __future__ import annotations

__all__ = ["SCRIPT", "STYLE"]

STYLE = r"""
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #ffffff; --line: #d5dae0; --fill: #f4f6f8;
  --good: #116b2e; --bad: #b3261e; --a: #0b5cad; --b: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9da7b3; --paper: #14181d; --line: #343b44;
  --fill: #1d232a; --good: #5fd38a; --bad: #ff8a80; --a: #6cb2ff; --b: #ffb066; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .soft { color: var(--soft); }
p { margin: .25rem 0; } ul { margin: .25rem 0; padding-left: 1.25rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { min-width: 5rem; } th, .number { overflow-wrap: normal; } .number { text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; }
.filters { display: flex; flex-wrap: wrap; gap: .5rem; margin: .5rem 0; }
input, select { font: inherit; color: inherit; background: var(--fill); border: 1px solid var(--line); padding: .3rem .5rem;
  border-radius: .25rem; max-width: 100%; }
.run { border-bottom: 1px solid var(--line); } .run[hidden] { display: none; }
summary, .flat { padding: .4rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
summary { cursor: pointer; } summary:focus-visible { outline: 2px solid var(--a); }
summary .name::before { content: "\25b8\a0"; } [open] > summary .name::before { content: "\25be\a0"; }
.name { flex: 1 1 14rem; } .state { flex: 0 0 auto; font-weight: 600; }
.detail { padding: 0 0 1rem 1rem; } code { font: .9rem/1.4 ui-monospace, monospace; }
figure { margin: .75rem 0; } svg { width: 100%; height: auto; max-width: 40rem; background: var(--fill); display: block; }
.a { stroke: var(--a); } .b { stroke: var(--b); stroke-dasharray: 5 4; } .line { fill: none; stroke-width: 1.5; }
.mark { fill: none; stroke: var(--bad); stroke-width: 2; } text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.key-a { color: var(--a); } .key-b { color: var(--b); }
"""

SCRIPT = """
const words = document.getElementById("words"), state = document.getElementById("state");
const shown = document.getElementById("shown"), runs = [...document.querySelectorAll(".run")];
function filter() {
  const wanted = words.value.toLowerCase();
  let count = 0;
  for (const run of runs) {
    const fits = (!state.value || run.dataset.state === state.value) && run.firstElementChild.textContent.toLowerCase().includes(wanted);
    run.hidden = !fits;
    count += fits;
  }
  shown.textContent = count + " of " + runs.length + " shown";
}
words.addEventListener("input", filter);
state.addEventListener("change", filter);
filter();
"""
