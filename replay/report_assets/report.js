/* Charts of a report: one uPlot a panel, time axes linked, fills as triangles. */
(() => {
  "use strict";
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const AXIS = 84; // px; the same for all panels, so that equal times stand above each other
  const charts = [];
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const number = (v) => v == null ? "–" : v.toLocaleString("en-US", { maximumSignificantDigits: 10 });
  const clock = (v) => v == null ? "–" : new Date(v * 1e3).toISOString().replace("T", " ").slice(0, 23);

  // ── the common time axis ──
  const times = report.panels.flatMap((p) => p.series.flatMap((s) => s.x.length ? [s.x[0], s.x[s.x.length - 1]] : []));
  let first = Math.min(...times), last = Math.max(...times);
  if (!times.length) { first = 0; last = 1; }
  if (first === last) { first -= 0.5; last += 0.5; }
  const NARROWEST = 1e-4; // s
  let shown = [first, last];

  function show(min, max) {
    const width = Math.min(Math.max(max - min, NARROWEST), last - first);
    min = Math.min(Math.max(min, first), last - width);
    shown = [min, min + width];
    for (const chart of charts) chart.setScale("x", { min: shown[0], max: shown[1] });
    document.getElementById("reset").disabled = shown[0] === first && shown[1] === last;
  }
  const zoom = (factor, at = (shown[0] + shown[1]) / 2) =>
    show(at - (at - shown[0]) * factor, at + (shown[1] - at) * factor);
  const move = (share) => { const by = (shown[1] - shown[0]) * share; show(shown[0] + by, shown[1] + by); };
  const all = () => show(first, last);

  // ── fills ──
  function triangles(chart, panel) {
    const { ctx } = chart, size = 5 * devicePixelRatio, { left, top, width, height } = chart.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    panel.series.forEach((series, i) => {
      if (series.kind !== "fills" || !chart.series[i + 1].show) return;
      const up = series.side > 0 ? 1 : -1;
      ctx.fillStyle = ctx.strokeStyle = colour(series.colour);
      ctx.lineWidth = 1.5 * devicePixelRatio;
      for (let k = 0; k < series.x.length; k++) {
        if (series.x[k] < shown[0] || series.x[k] > shown[1]) continue;
        const x = chart.valToPos(series.x[k], "x", true), y = chart.valToPos(series.y[k], "y", true);
        ctx.beginPath();
        ctx.moveTo(x, y - up * size);
        ctx.lineTo(x + size, y + up * size);
        ctx.lineTo(x - size, y + up * size);
        ctx.closePath();
        if (series.maker[k]) ctx.fill(); else ctx.stroke();
      }
    });
    ctx.restore();
  }

  function tell(chart, panel, tip) {
    const { left, top } = chart.cursor;
    let best = 12, text = "", place = [0, 0]; // px, how near the pointer must be
    if (left >= 0) panel.series.forEach((series, i) => {
      if (series.kind !== "fills" || !chart.series[i + 1].show) return;
      series.x.forEach((at, k) => {
        if (at < shown[0] || at > shown[1]) return;
        const x = chart.valToPos(at, "x"), y = chart.valToPos(series.y[k], "y");
        const far = Math.hypot(x - left, y - top);
        if (far >= best) return;
        best = far;
        place = [x, y];
        text = `${series.side > 0 ? "Buy" : "Sell"} ${number(series.qty[k])} at ${number(series.y[k])}, ` +
          `${series.maker[k] ? "maker" : "taker"}, ${clock(at)}`;
      });
    });
    tip.hidden = !text;
    tip.textContent = text;
    const room = chart.over.clientWidth - tip.offsetWidth - 4;
    tip.style.left = chart.over.offsetLeft + Math.max(0, Math.min(place[0] + 12, room)) + "px";
    tip.style.top = Math.max(0, place[1] - 30) + "px";
  }

  // ── panels ──
  function seriesOf(series) {
    const stroke = () => colour(series.colour);
    const value = (_, v) => number(v);
    if (series.kind === "fills") return { label: series.name, stroke, value, paths: () => null, points: { show: false } };
    const options = { label: series.name, stroke, value, width: 1.5, points: { show: series.x.length < 2 } };
    if (series.dash) options.dash = series.dash;
    if (series.kind !== "line") options.paths = uPlot.paths.stepped({ align: 1 });
    if (series.kind === "area") {
      options.fill = () => colour(series.colour) + "29";
      options.fillTo = 0;
    }
    return options;
  }

  const DATE = "\n{YYYY}-{MM}-{DD}", MINUTE = "\n{HH}:{mm}"; // the second line under a tick
  const TICKS = [ // step in s, label, then what to add when the year, month, day, hour, minute, second changed
    [365 * 86400, "{YYYY}", null, null, null, null, null, null, 1],
    [28 * 86400, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
    [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
    [60, "{HH}:{mm}", DATE, null, DATE, null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", DATE, null, DATE, null, null, null, 1],
    [0.001, "{ss}.{fff}", DATE + " {HH}:{mm}", null, DATE + " {HH}:{mm}", null, MINUTE, null, 1],
  ];

  function axis(more) {
    return {
      stroke: () => colour("quiet"), grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { stroke: () => colour("line"), width: 1 }, font: "12px system-ui, sans-serif", ...more,
    };
  }

  function draw(panel) {
    const card = document.createElement("div"), title = document.createElement("h2");
    card.className = "card";
    title.textContent = panel.title;
    const note = document.createElement("span");
    note.textContent = [panel.unit, panel.note].filter(Boolean).join(" · ");
    title.append(note);
    const box = document.createElement("div"), tip = document.createElement("div");
    box.className = "chart";
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", panel.title);
    tip.className = "tip";
    tip.hidden = true;
    card.append(title, box);
    document.getElementById("charts").append(card);
    const tables = panel.series.map((s) => [s.x, s.y]);
    const data = tables.length > 1 ? uPlot.join(tables) : tables[0];
    const chart = new uPlot({
      width: box.clientWidth, height: panel.height, padding: [null, 40, null, null],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC"),
      scales: { x: { time: true, range: (_, min, max) => min == null ? [first, last] : [min, max] } },
      axes: [axis({ space: 70, values: TICKS }), axis({ size: AXIS })],
      series: [{ label: "Time", value: (_, v) => clock(v) }, ...panel.series.map(seriesOf)],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        sync: { key: "time", filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        bind: { dblclick: () => () => { all(); return null; } },
        points: { size: 6 },
      },
      hooks: {
        setSelect: [(u) => {
          if (u.select.width > 2) show(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        draw: [(u) => triangles(u, panel)],
        setCursor: [(u) => tell(u, panel, tip)],
      },
    }, data, box);
    chart.root.querySelector(".u-wrap").append(tip);
    chart.over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // the bare wheel scrolls the page
      event.preventDefault();
      zoom(event.deltaY < 0 ? 0.8 : 1.25, chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x"));
    }, { passive: false });
    new ResizeObserver(() => {
      if (box.clientWidth !== chart.width) chart.setSize({ width: box.clientWidth, height: panel.height });
    }).observe(box);
    charts.push(chart);
  }

  report.panels.forEach(draw);
  all();
  const repaint = () => charts.forEach((chart, at) => {
    chart.root.querySelectorAll(".u-legend .u-series").forEach((row, i) => { // uPlot paints these only once
      const marker = row.querySelector(".u-marker"), series = report.panels[at].series[i - 1];
      if (marker && series) marker.style.background = marker.style.borderColor = colour(series.colour);
    });
    chart.redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    repaint();
  });
  document.getElementById("reset").addEventListener("click", all);
  repaint();
  const keys = { "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), "0": all, ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2) };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  window.extremaReport = { charts, shown: () => shown.slice(), show, all }; // for the console and for tests
})();
