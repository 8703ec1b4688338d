"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const form = document.querySelector(".filters");
const selects = all("[data-filter]", form);
const items = all(".item").map(node => ({ node, labels: { ...JSON.parse(node.dataset.labels), kind: node.dataset.kind } }));

// ---- Filters. The address keeps them behind a question mark: #figure-roc?dataset=internal
function address() {
  const [anchor, query = ""] = location.hash.slice(1).split("?");
  return { anchor: decodeURIComponent(anchor), chosen: new URLSearchParams(query) };
}
function hash(anchor) {
  const chosen = new URLSearchParams(selects.filter(s => s.value).map(s => [s.dataset.filter, s.value]));
  return "#" + anchor + (chosen.size ? "?" + chosen : "");
}
function fits(labels) {
  return selects.every(s => !s.value || labels[s.dataset.filter] === s.value || labels[s.dataset.filter] === "all");
}
function filter() {
  let shown = 0;
  for (const { node, labels } of items) {
    node.hidden = !fits(labels);
    shown += !node.hidden;
    document.querySelector(`.contents [data-item="${node.id}"]`).hidden = node.hidden;
  }
  for (const section of all("section.results")) {
    section.hidden = all(".item", section).every(node => node.hidden);
    document.querySelector(`.contents [data-section="${section.id}"]`).hidden = section.hidden;
  }
  for (const select of selects) select.classList.toggle("set", select.value !== "");
  form.querySelector("[type=reset]").hidden = !selects.some(s => s.value);
  form.querySelector("output").textContent = shown === items.length ? `${shown} shown` : `${shown} of ${items.length} shown`;
}
function aim(anchor) {
  for (const node of all(".aimed")) node.classList.remove("aimed");
  const target = anchor && document.getElementById(anchor);
  if (!target) return;
  if (target.closest("[hidden]")) { form.reset(); filter(); history.replaceState(null, "", hash(anchor)); }
  target.classList.add("aimed");
  target.scrollIntoView();
}
function follow() {
  const { anchor, chosen } = address();
  for (const select of selects) {
    const value = chosen.get(select.dataset.filter) ?? "";
    select.value = [...select.options].some(option => option.value === value) ? value : "";
  }
  filter();
  aim(anchor);
}
form.addEventListener("input", () => { filter(); history.replaceState(null, "", hash(address().anchor)); });
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => { filter(); history.replaceState(null, "", hash(address().anchor)); }));
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  event.preventDefault();
  const anchor = link.getAttribute("href").slice(1);
  history.pushState(null, "", hash(anchor));
  aim(anchor);
  if (matchMedia("(max-width: 70rem)").matches && link.closest(".contents")) document.querySelector(".contents details").open = false;
});
addEventListener("hashchange", follow);
addEventListener("popstate", follow);

// ---- The contents follow the page.
const entries = all('.contents a[href^="#"]').map(link => ({ link, target: document.getElementById(link.hash.slice(1)) }));
let waiting = false;
function mark() {
  waiting = false;
  const seen = entries.filter(({ target }) => target.offsetParent !== null && target.getBoundingClientRect().top < 140);
  const last = scrollY + innerHeight > document.documentElement.scrollHeight - 4 ? entries.at(-1) : seen.at(-1);
  for (const entry of entries) entry.link.classList.toggle("here", entry === last);
  const bar = document.querySelector(".contents"), here = last?.link.getBoundingClientRect();
  if (here && getComputedStyle(bar).position === "sticky" && (here.top < 40 || here.bottom > innerHeight - 40)) bar.scrollTop += here.top - innerHeight / 2;
}
addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(mark); } }, { passive: true });

// ---- A figure is in the page once: its link takes it from there.
for (const link of all("a[data-inside]")) link.href = link.closest(".item").querySelector("img").src;

// ---- A figure by itself.
const large = document.querySelector("dialog.large");
for (const button of all("button.open")) button.addEventListener("click", () => {
  const image = large.querySelector("img"), source = button.querySelector("img");
  image.src = source.src; image.alt = source.alt;
  large.classList.remove("full");
  large.showModal();
});
large.addEventListener("click", event => {
  if (event.target.tagName === "IMG") large.classList.toggle("full"); else large.close();
});

// ---- The graph of the rules.
const graph = document.querySelector(".graph"), panel = document.querySelector(".rule");
const rules = JSON.parse(document.getElementById("rules").textContent);
const pills = new Map(all(".pill").map(node => [node.dataset.rule, node]));
const element = (name, text, kind) => Object.assign(document.createElement(name), { textContent: text, className: kind ?? "" });
function curve(from, to, kind) {
  const a = from.querySelector("rect").getBBox(), b = to.querySelector("rect").getBBox();
  const down = b.y > a.y + a.height, x = a.x + a.width / 2, y = down ? a.y + a.height : a.y, u = b.x + b.width / 2, v = down ? b.y : b.y + b.height;
  const bend = down ? Math.max(18, (v - y) / 2) : -40;
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", `M${x},${y} C${x},${y + bend} ${u},${v - bend} ${u},${v}`);
  path.setAttribute("class", kind);
  return path;
}
function choose(name) {
  const lines = graph.querySelector(".chosen"), rule = rules[name];
  lines.replaceChildren();
  graph.classList.toggle("busy", Boolean(rule));
  for (const [other, node] of pills) {
    const kind = !rule ? "" : other === name ? "self" : rule.reads.includes(other) ? "from" : rule.read_by.includes(other) ? "to" : "";
    node.setAttribute("class", "pill " + kind);
    if (kind === "from") lines.append(curve(node, pills.get(name), "from"));
    if (kind === "to") lines.append(curve(pills.get(name), node, "to"));
  }
  if (!rule) { panel.replaceChildren(element("p", "No rule is chosen.", "lead-in")); return; }
  const head = element("p", "");
  head.append(element("b", name), ` (${rule.stage}): ${rule.does}`);
  const effort = element("p", `${rule.jobs} ${rule.jobs === 1 ? "job" : "jobs"}, ${rule.total} in all.`);
  const reads = element("p", rule.reads.length ? "Reads from " + rule.reads.join(", ") : "Reads from no other rule", "in");
  const feeds = element("p", rule.read_by.length ? "Read by " + rule.read_by.join(", ") : "Read by no other rule", "out");
  panel.replaceChildren(head, effort, reads, feeds);
}
let chosen = null;
for (const [name, node] of pills) {
  const toggle = () => choose(chosen = chosen === name ? null : name);
  node.addEventListener("click", toggle);
  node.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } });
}
choose(null);
if (matchMedia("(max-width: 70rem)").matches) document.querySelector(".contents details").open = false;
follow();
mark();
for (const box of all("#workflow .scroll")) box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
