"use strict";
(() => {
  const data = JSON.parse(document.getElementById("sweep-data").textContent);
  const at = Object.fromEntries(data.columns.map((name, k) => [name, k]));
  const root = document.documentElement, plot = document.getElementById("plot");
  const choice = document.getElementById("figure"), table = document.getElementById("sets");
  const SVG = "http://www.w3.org/2000/svg";
  let chosen = null, sorted = "profit", falling = true;

  function make(tag, attributes, text) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }
  function short(value) {
    if (value === null) return "–";
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value)) return value.toLocaleString("en");
    const size = Math.abs(value);
    return size >= 1e-3 && size < 1e9 ? value.toLocaleString("en", { maximumSignificantDigits: 6 }) : value.toPrecision(4);
  }
  const order = (a, b) => (typeof a === "number" && typeof b === "number") ? a - b : String(a) < String(b) ? -1 : a === b ? 0 : 1;
  const values = (name) => [...new Set(data.rows.map((row) => row[at[name]]))].sort(order);
  function range(name) {
    const known = data.rows.map((row) => row[at[name]]).filter((v) => v !== null);
    return known.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  }
  const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  function shade(part) {
    const x = Math.min(Math.max(part, 0), 1) * (STOPS.length - 1), k = Math.min(Math.floor(x), STOPS.length - 2);
    return "rgb(" + STOPS[k].map((c, j) => Math.round(c + (STOPS[k + 1][j] - c) * (x - k))).join(",") + ")";
  }
  function colour(value, [low, high]) {
    return value === null ? "var(--line)" : shade(high > low ? (value - low) / (high - low) : 0.5);
  }
  function bright(fill) {
    const [red, green, blue] = (fill.match(/\d+/g) || [0, 0, 0]).map(Number);
    return 0.3 * red + 0.59 * green + 0.11 * blue > 140;
  }
  function told(row) {
    return data.columns.map((name, k) => name + " " + short(row[k])).join("\n");
  }
  function mark(node, row) {
    node.dataset.number = row[at.number];
    node.classList.toggle("chosen", row[at.number] === chosen);
    node.append(make("title", {}, told(row)));
    node.addEventListener("click", () => choose(row[at.number]));
    return node;
  }
  function choose(number) {
    chosen = number;
    for (const node of document.querySelectorAll("[data-number]")) node.classList.toggle("chosen", Number(node.dataset.number) === number);
    const line = table.querySelector("tr.chosen");
    if (line) line.scrollIntoView({ block: "nearest" });
  }

  function heat(figure) {
    const [down, across] = data.varying, xs = values(across), ys = values(down).reverse();
    const left = 90, top = 8, width = 1180, cell = Math.min(56, Math.max(14, 460 / ys.length));
    const wide = (width - left) / xs.length, height = top + cell * ys.length + 40;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    const limits = range(figure), named = wide > 52 && cell > 18;
    for (const row of data.rows) {
      const x = left + xs.indexOf(row[at[across]]) * wide, y = top + ys.indexOf(row[at[down]]) * cell;
      const fill = colour(row[at[figure]], limits);
      svg.append(mark(make("rect", { x: x + 0.5, y: y + 0.5, width: Math.max(wide - 1, 1), height: Math.max(cell - 1, 1), fill }), row));
      if (named) {
        const word = make("text", { class: bright(fill) ? "value dark" : "value", x: x + wide / 2, y: y + cell / 2 + 4, "text-anchor": "middle", "pointer-events": "none" }, short(row[at[figure]] === null ? null : Number(row[at[figure]].toPrecision(4))));
        svg.append(word);
      }
    }
    const everyX = Math.ceil(xs.length / Math.max(1, Math.floor((width - left) / 60))), everyY = Math.ceil(14 / cell);
    xs.forEach((v, k) => k % everyX || svg.append(make("text", { x: left + (k + 0.5) * wide, y: height - 24, "text-anchor": "middle" }, short(v))));
    ys.forEach((v, k) => k % everyY || svg.append(make("text", { x: left - 8, y: top + (k + 0.5) * cell + 4, "text-anchor": "end" }, short(v))));
    svg.append(make("text", { class: "name", x: left + (width - left) / 2, y: height - 6, "text-anchor": "middle" }, across));
    svg.append(make("text", { class: "name", x: 12, y: top + cell * ys.length / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${top + cell * ys.length / 2})` }, down));
    return svg;
  }

  function parallel(figure) {
    const axes = [...(data.varying.length ? data.varying : data.params), figure];
    const width = 1180, height = 420, top = 40, bottom = 24, left = 70, step = (width - 2 * left) / Math.max(axes.length - 1, 1);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    const places = axes.map((name) => {
      const known = values(name).filter((v) => v !== null);
      if (!known.length || known.some((v) => typeof v !== "number")) return { ticks: known, part: (v) => known.length > 1 ? known.indexOf(v) / (known.length - 1) : 0.5 };
      const [low, high] = range(name);
      const ticks = known.length <= 9 ? known : [0, 0.25, 0.5, 0.75, 1].map((p) => Number((low + p * (high - low)).toPrecision(4)));
      return { ticks, part: (v) => high > low ? (v - low) / (high - low) : 0.5 };
    });
    const y = (k, v) => height - bottom - places[k].part(v) * (height - top - bottom);
    const limits = range(figure);
    const drawn = data.rows.filter((row) => row[at[figure]] !== null).sort((a, b) => a[at[figure]] - b[at[figure]]); // the highest on top
    for (const row of drawn) {
      const line = axes.map((name, k) => `${k ? "L" : "M"}${(left + k * step).toFixed(1)} ${y(k, row[at[name]]).toFixed(1)}`).join("");
      svg.append(mark(make("path", { d: line, stroke: colour(row[at[figure]], limits) }), row));
    }
    axes.forEach((name, k) => {
      const x = left + k * step, last = k === axes.length - 1;
      svg.append(make("line", { class: "axis", x1: x, x2: x, y1: top, y2: height - bottom }));
      svg.append(make("text", { class: "name", x, y: 18, "text-anchor": "middle" }, name));
      for (const v of places[k].ticks) svg.append(make("text", { x: x + (last ? 6 : -6), y: y(k, v) + 4, "text-anchor": last ? "start" : "end" }, short(v)));
    });
    return svg;
  }

  function draw() {
    const figure = choice.value, map = data.varying.length === 2;
    const [low, high] = range(figure);
    document.getElementById("heading").textContent = map ? `${figure} by ${data.varying.join(" and ")}` : `${figure} by parameters`;
    plot.replaceChildren(map ? heat(figure) : parallel(figure));
    const bar = document.createElement("i"), scale = document.getElementById("scale");
    bar.style.background = `linear-gradient(90deg, ${STOPS.map((c) => `rgb(${c})`).join(",")})`;
    if (low > high) scale.replaceChildren(`${figure} is not known of any set`);
    else scale.replaceChildren(short(low), bar, short(high));
  }

  function list() {
    const head = document.createElement("thead"), line = document.createElement("tr"), body = document.createElement("tbody");
    for (const name of data.columns) {
      const cell = document.createElement("th"), button = document.createElement("button");
      button.type = "button";
      button.textContent = name + (name === sorted ? (falling ? " ▾" : " ▴") : "");
      cell.setAttribute("aria-sort", name !== sorted ? "none" : falling ? "descending" : "ascending");
      button.addEventListener("click", () => { falling = name === sorted ? !falling : data.figures.includes(name); sorted = name; list(); });
      cell.append(button);
      line.append(cell);
    }
    head.append(line);
    const k = at[sorted], sign = falling ? -1 : 1;
    const rows = [...data.rows].sort((a, b) => (a[k] === null) - (b[k] === null) || sign * order(a[k], b[k]) || a[at.number] - b[at.number]);
    for (const row of rows) {
      const tr = document.createElement("tr");
      tr.dataset.number = row[at.number];
      tr.classList.toggle("chosen", row[at.number] === chosen);
      tr.addEventListener("click", () => choose(row[at.number]));
      row.forEach((value, j) => {
        const cell = document.createElement("td");
        cell.textContent = short(value);
        if (data.columns[j] === "profit" && value) cell.className = value > 0 ? "good" : "bad";
        tr.append(cell);
      });
      body.append(tr);
    }
    table.replaceChildren(head, body);
  }

  for (const name of data.figures) choice.add(new Option(name, name, name === "profit", name === "profit"));
  choice.addEventListener("change", draw);
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  draw();
  list();
})();
