"use strict";
const $ = id => document.getElementById(id);
const study = JSON.parse($("study").textContent);
const stage = $("stage"), canvas = $("canvas"), list = $("list"), slider = $("slider"), profile = $("profile");
const buttons = new Map([...document.querySelectorAll("[data-layer]")].map(button => [button.dataset.layer, button]));
const names = new Map(study.datasets.map(set => [set.id, set.name]));
const words = Object.fromEntries([...$("kind").options].map(option => [option.value, option.text.toLowerCase()]));
const layers = { truth: true, prediction: true, map: false };
let shown = [], current = null, slice = 0;

// ---- Numbers as text.
const number = (value, digits, unit = "") => value === null ? "\u2013" : value.toFixed(digits) + unit;
const dsc = entry => entry.overlap === null ? null : 1 - entry.overlap;
const volume = value => number(value, value !== null && value < 10 ? 2 : 1, "\u202fmL");
const sorted = { classification: e => number(e.classification, 2), overlap: e => number(e.overlap, 2), false: e => volume(e.false), missed: e => volume(e.missed) };

// ---- Sheets: one per layer and case, loaded when the case is looked at.
const sheets = new Map();
function sheet(entry, layer) {
  const drawn = { image: true, truth: entry.truth_mm2?.some(area => area > 0), prediction: entry.prediction_mm2?.some(area => area > 0), map: entry.map }[layer];
  if (!drawn) return null;
  const path = `${entry.set}/${entry.case}-${layer}.${layer === "image" || layer === "map" ? "jpg" : "png"}`;
  if (!sheets.has(path)) {
    const image = new Image();
    image.onload = draw;
    image.src = path;
    sheets.set(path, image);
    if (sheets.size > 60) sheets.delete(sheets.keys().next().value);
  }
  return sheets.get(path);
}
function draw() {
  if (!current) return;
  const [columns, rows] = current.tile, ratio = devicePixelRatio || 1;
  const scale = Math.min(stage.clientWidth / columns, stage.clientHeight / rows);
  canvas.style.width = `${columns * scale}px`; canvas.style.height = `${rows * scale}px`;
  canvas.width = Math.round(columns * scale * ratio); canvas.height = Math.round(rows * scale * ratio);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  const x = slice % study.columns, y = Math.floor(slice / study.columns);
  let complete = true;
  for (const layer of ["image", "map", "prediction", "truth"]) {
    const picture = layer === "image" || layers[layer] ? sheet(current, layer) : null;
    if (!picture) continue;
    if (!picture.complete || !picture.naturalWidth) { complete = false; continue; }
    const [w, h] = layer === "map" ? current.map : current.tile;
    pen.globalCompositeOperation = layer === "map" ? "screen" : "source-over";
    pen.drawImage(picture, x * w, y * h, w, h, 0, 0, canvas.width, canvas.height);
  }
  canvas.dataset.drawn = complete ? `${current.case}:${slice}` : "";
}

// ---- The slice.
function go(to) {
  if (!current) return;
  slice = Math.max(0, Math.min(current.z.length - 1, to));
  slider.value = slice;
  const area = kind => current[kind] === null ? "" : `${(current[kind][slice] / 100).toFixed(1)} cm\u00b2`;
  const text = `slice ${current.z[slice] + 1} of ${current.slices}`;
  $("where").textContent = text;
  slider.setAttribute("aria-valuetext", text);
  canvas.setAttribute("aria-label", `Case ${current.case}, ${text}; reference ${area("truth_mm2") || "none"}, prediction ${area("prediction_mm2") || "none"}`);
  profile.querySelector(".here")?.setAttribute("x", slice);
  draw();
  remember();
}
function fullest(entry) {
  const areas = entry.z.map((_, i) => (entry.truth_mm2?.[i] ?? 0) + (entry.prediction_mm2?.[i] ?? 0));
  const most = Math.max(...areas);
  return most > 0 ? areas.indexOf(most) : Math.floor(entry.z.length / 2);
}
function drawProfile(entry) {
  const most = Math.max(1, ...(entry.truth_mm2 ?? []), ...(entry.prediction_mm2 ?? []));
  profile.setAttribute("viewBox", `0 0 ${entry.z.length} 100`);
  const bar = (x, width, height, kind) => `<rect class="${kind}" x="${x}" y="${100 - height}" width="${width}" height="${height}"/>`;
  profile.innerHTML = bar(0, 1, 100, "here") + entry.z.map((_, i) =>
    ["truth", "prediction"].map((kind, k) => {
      const area = entry[kind + "_mm2"]?.[i] ?? 0;
      return area ? bar(i + .1 + .4 * k, .4, Math.max(2, 96 * area / most), kind) : "";
    }).join("")).join("");
}

// ---- The case.
function open(entry, at) {
  current = entry;
  for (const item of list.children) item.setAttribute("aria-selected", item.dataset.case === entry?.case);
  for (const [layer, button] of buttons) button.disabled = !entry || (layer === "map" ? !entry.map : entry[layer + "_mm2"] === null);
  if (!entry) { $("numbers").replaceChildren(); $("name").textContent = "No case fits"; $("where").textContent = ""; profile.innerHTML = ""; canvas.width = 0; return; }
  const item = list.querySelector("[aria-selected=true]");
  list.setAttribute("aria-activedescendant", item?.id ?? "");
  item?.scrollIntoView({ block: "nearest", inline: "nearest" });
  slider.max = entry.z.length - 1;
  $("name").textContent = `${entry.case}\n${names.get(entry.set)}`;
  drawProfile(entry);
  describe(entry);
  go(at ?? fullest(entry));
  const place = shown.indexOf(entry);
  for (const near of [shown[place + 1], shown[place - 1]]) if (near) sheet(near, "image");
}
function describe(entry) {
  const group = (title, rows) => {
    const section = document.createElement("section"), dl = document.createElement("dl");
    section.append(Object.assign(document.createElement("h3"), { textContent: title }), dl);
    for (const [name, value] of rows) {
      const row = document.createElement("div");
      row.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
      dl.append(row);
    }
    return section;
  };
  const parts = [Object.assign(document.createElement("h2"), { textContent: entry.case })];
  if (entry.wrong.length) parts.push(Object.assign(document.createElement("p"), { className: "wrong", textContent: entry.wrong.map(kind => words[kind]).join(", ") }));
  parts.push(group("Scan", [["data set", names.get(entry.set)], ["hemorrhage", entry.truth ? entry.hemorrhage || "yes" : "none"], ["slices", entry.slices], ["voxel (mm)", [...entry.spacing_mm].reverse().join(" \u00d7 ")]]));
  if (entry.probability !== null) parts.push(group("Classifier", [["probability", number(entry.probability, 3)], ["called", entry.called ? "hemorrhage" : "none"], ["|truth \u2212 probability|", number(entry.classification, 3)]]));
  if (entry.predicted_ml !== null) parts.push(group("Segmenter", [["reference", volume(entry.truth_ml)], ["prediction", volume(entry.predicted_ml)], ["DSC", number(dsc(entry), 3)], ["false volume", volume(entry.false)], ["missed volume", volume(entry.missed)]]));
  $("numbers").replaceChildren(...parts);
}
function step(by) {
  const place = shown.indexOf(current) + by;
  if (shown[place]) open(shown[place]);
}

// ---- The list.
function fill(keep) {
  const set = $("set").value, kind = $("kind").value, sort = $("sort").value;
  shown = study.cases.filter(e => (!set || e.set === set) && (!kind || (kind === "none" ? !e.wrong.length : e.wrong.includes(kind))));
  shown.sort((a, b) => (b[sort] ?? -1) - (a[sort] ?? -1) || (a.case < b.case ? -1 : 1));
  list.replaceChildren(...shown.map(entry => {
    const item = document.createElement("li");
    item.id = "case-" + entry.case; item.dataset.case = entry.case; item.setAttribute("role", "option");
    item.innerHTML = '<span class="thumb"></span><span><span class="line"><code></code><b></b></span><span class="small"></span><br><span class="wrong"></span></span>';
    const thumb = item.querySelector(".thumb");
    thumb.style.backgroundImage = `url("${entry.set}/thumbs.jpg")`;
    thumb.style.backgroundPosition = `${-45 * (entry.place % study.columns)}px ${-60 * Math.floor(entry.place / study.columns)}px`;
    item.querySelector("code").textContent = entry.case;
    item.querySelector("b").textContent = sorted[sort](entry);
    item.querySelector(".small").textContent = `${names.get(entry.set)} \u00b7 ${entry.truth ? entry.hemorrhage || "hemorrhage" : "no hemorrhage"}`;
    item.querySelector(".wrong").textContent = entry.wrong.map(kind => words[kind]).join(", ");
    return item;
  }));
  $("count").textContent = `${shown.length} of ${study.cases.length} cases`;
  open(shown.includes(keep) ? keep : shown[0] ?? null);
}

// ---- The address remembers all of it.
function remember() {
  const parts = { case: current.case, slice: current.z[slice] + 1, set: $("set").value, kind: $("kind").value, sort: $("sort").value };
  history.replaceState(null, "", "#" + new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== "")));
}
function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  for (const id of ["set", "kind", "sort"]) {
    const value = parts.get(id) ?? (id === "sort" ? $(id).options[0].value : "");
    if ([...$(id).options].some(option => option.value === value)) $(id).value = value;
  }
  const entry = study.cases.find(e => e.case === parts.get("case"));
  fill(entry);
  if (entry && entry === current && parts.has("slice")) {
    const at = entry.z.indexOf(Number(parts.get("slice")) - 1);
    if (at >= 0) go(at);
  }
}

// ---- What a person does.
function toggle(layer) {
  const button = buttons.get(layer);
  if (button.disabled) return;
  layers[layer] = !layers[layer];
  button.setAttribute("aria-pressed", layers[layer]);
  draw();
}
const keys = {
  ArrowUp: () => go(slice + 1), k: () => go(slice + 1), ArrowDown: () => go(slice - 1), j: () => go(slice - 1),
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => go(0), End: () => go(Infinity), f: () => go(fullest(current)),
  t: () => toggle("truth"), p: () => toggle("prediction"), m: () => toggle("map"), "?": () => $("keys").showModal(),
};
for (let n = 1; n <= 9; n++) keys[n] = () => go(Math.round(n / 10 * (current.z.length - 1)));
addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || $("keys").open || event.target.closest("select, input") || !keys[event.key]) return;
  event.preventDefault();
  if (current || event.key === "?") keys[event.key]();
});
let turned = 0;
stage.addEventListener("wheel", event => {
  event.preventDefault();
  turned += event.deltaMode ? Math.sign(event.deltaY) * 40 : event.deltaY;
  const by = Math.trunc(turned / 40);
  if (by) { turned -= 40 * by; go(slice - by); }
}, { passive: false });
let drag = null;
stage.addEventListener("pointerdown", event => { drag = { y: event.clientY, slice }; stage.setPointerCapture(event.pointerId); });
stage.addEventListener("pointermove", event => { if (drag) go(drag.slice + Math.round((drag.y - event.clientY) / 14)); });
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { drag = null; });
profile.addEventListener("click", event => {
  const box = profile.getBoundingClientRect();
  go(Math.floor((event.clientX - box.left) / box.width * current.z.length));
});
slider.addEventListener("input", () => go(Number(slider.value)));
list.addEventListener("click", event => {
  const item = event.target.closest("li");
  if (item) open(shown.find(entry => entry.case === item.dataset.case));
});
for (const id of ["set", "kind", "sort"]) $(id).addEventListener("change", event => { fill(current); event.target.blur(); });
for (const [layer, button] of buttons) button.addEventListener("click", () => toggle(layer));
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("help").addEventListener("click", () => $("keys").showModal());
addEventListener("hashchange", recall);
new ResizeObserver(draw).observe(stage);
recall();
