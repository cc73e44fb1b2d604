/**
 * Colours follow the system. Figures have a fixed width, so that nothing moves when they change.
 */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #fff; --ink: #1a1f27; --quiet: #5b6472; --line: #d9dde3; --field: #fff; --row: #eef3fc;
  --accent: #1f5fd1; --on-accent: #fff; --on: #9a3412; --on-card: #fff1e8; --bad: #b42318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151a; --card: #1a1f27; --ink: #e7eaef; --quiet: #9aa4b2; --line: #323a46; --field: #12151a; --row: #202b3d;
    --accent: #8ab4ff; --on-accent: #0d1b33; --on: #ffb787; --on-card: #3a2415; --bad: #ff9d94;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1, h2, h3, p, dl, dd, ol { margin: 0; padding: 0; }
h1 { font-size: 1.15rem; } h2 { margin-bottom: .5rem; font-size: 1rem; } .head h2 { margin: 0; } h3 { font-size: .85rem; margin: .9rem 0 .35rem; color: var(--quiet); }
code, textarea, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; }
.quiet { color: var(--quiet); font-weight: normal; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.5rem; padding: .8rem 1.2rem; background: var(--card); border-bottom: 1px solid var(--line); }
#live { min-width: 8rem; color: var(--quiet); } #live::before { content: "\\25CF"; margin-right: .4rem; } #live.gone { color: var(--bad); font-weight: 600; } #live.gone::before { content: "\\25A0"; }
.figures { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; margin-left: auto; }
.figures div { min-width: 6.5rem; text-align: right; } .figures dt { font-size: .75rem; color: var(--quiet); }
.figures dd, td.figure { font-variant-numeric: tabular-nums; }
main, .column { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
main { padding: 1rem 1.2rem; max-width: 100rem; margin: 0 auto; }
section { min-width: 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: .5rem; margin-bottom: .6rem; }
.scroll { overflow: auto; max-height: 24rem; }
table { width: 100%; min-width: 43rem; table-layout: fixed; border-collapse: collapse; }
.c-kind { width: 6.8rem; } .c-figure { width: 4.9rem; }
th { position: sticky; top: 0; background: var(--card); font-size: .75rem; font-weight: 600; color: var(--quiet); text-align: left; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); }
th:nth-child(n+3), td.figure { text-align: right; }
td { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
td button { display: block; width: 100%; border: 0; padding: .1rem .2rem; background: none; color: var(--accent); text-align: left; overflow: hidden; text-overflow: ellipsis; }
tr.chosen td { background: var(--row); } tr.chosen button { font-weight: 700; } tr.chosen button::before { content: "\\25B8 "; }
.empty { padding: .6rem 0; }
#messages { list-style: none; max-height: 36rem; overflow: auto; }
#messages li { padding: .6rem 0; border-top: 1px solid var(--line); }
#messages .line { display: flex; flex-wrap: wrap; gap: .1rem .8rem; font-size: .8rem; color: var(--quiet); overflow-wrap: anywhere; }
#messages pre { margin: .3rem 0 0; max-height: 12rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
#messages .tag { padding: 0 .4rem; border: 1px solid var(--line); border-radius: .3rem; color: var(--ink); }
label { display: block; margin-bottom: .6rem; font-size: .85rem; }
input, select, textarea, button { font: inherit; color: inherit; }
label > input:not([type=checkbox]), label > select, textarea { display: block; width: 100%; margin-top: .15rem; }
input:not([type=checkbox]), select, textarea { padding: .35rem .5rem; background: var(--field); border: 1px solid var(--line); border-radius: .3rem; }
label.inline { display: inline-flex; align-items: center; gap: .4rem; margin: 0; } label.inline > input, label.inline > select { width: auto; margin: 0; }
label.inline > input[type=number] { width: 5.5rem; } label.filter { margin: 0; } label.check { display: flex; gap: .4rem; align-items: center; }
.pair { display: grid; grid-template-columns: 9rem 1fr; gap: .6rem; }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem; margin-bottom: .4rem; }
button { padding: .35rem .7rem; background: var(--card); border: 1px solid var(--line); border-radius: .3rem; cursor: pointer; }
button:hover { border-color: var(--accent); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button[data-state] b { display: inline-block; min-width: 1.6rem; text-align: left; }
button[data-state][aria-pressed=true] { background: var(--on-card); border-color: var(--on); color: var(--on); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
td button:focus-visible, .scroll:focus-visible { outline-offset: -2px; }
output, #injected { font-size: .85rem; overflow-wrap: anywhere; } #injected { min-height: 2.6rem; padding-top: .3rem; } .failed { color: var(--bad); }
fieldset { margin: .4rem 0 .8rem; border: 1px solid var(--line); border-radius: .3rem; } legend { font-size: .85rem; color: var(--quiet); }
fieldset label { margin: .2rem 0; }
#settings { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; padding-top: .4rem; font-size: .85rem; } #settings dt { color: var(--quiet); }
@media (min-width: 64rem) {
  main { grid-template-columns: minmax(0, 1fr) 26rem; align-items: start; }
}
@media (max-width: 40rem) {
  table { min-width: 41rem; } .c-kind { width: 6.5rem; } .c-figure { width: 4.4rem; } th, td { padding: .3rem; } #messages { max-height: 24rem; }
  header, main { padding: .7rem; } .figures { margin-left: 0; } .figures div { min-width: 0; text-align: left; } section { padding: .8rem; }
}
`;
