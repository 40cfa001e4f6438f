// The rack as a heat map. `data` is what lightloom.flow.rack.mapdata makes:
//   racks: [{nodes: [[name, x, y, width, height, plane]], links: [[from, to]], peers,
//            gpus, planes, pitch, straight, width, height}]
//   runs:  [{name, rack, fault, base, saturated, why, figures, received, sent, use, lost, sure}]
// A run of a fault has in `base` the place of the run without it.
"use strict";
function rackMap(data) {
  const NS = "http://www.w3.org/2000/svg";
  const $ = id => document.getElementById(id);
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const svg = $("map");
  let rack, run, base, marks = [], halves = [], view, at = null;

  const make = (name, attributes, parent) => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  };
  const html = (name, text, parent, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    if (parent) parent.append(element);
    return element;
  };
  const rate = value => value.toFixed(4), percent = value => (100 * value).toFixed(1) + " %";
  const signed = (value, show) => (value > 0 ? "+" : value < 0 ? "−" : "±") + show(Math.abs(value));
  const mean = list => list.length ? list.reduce((a, b) => a + b, 0) / list.length : 0;

  // ---- colours: between stops given by the page, so that light and dark each have theirs
  const rgb = text => {
    const hex = text.replace("#", "");
    return [0, 2, 4].map(k => parseInt(hex.slice(k, k + 2), 16));
  };
  const between = (stops, t) => {
    const place = Math.max(0, Math.min(1, t)) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2), part = place - low;
    const [a, b] = [stops[low], stops[low + 1]];
    return `rgb(${a.map((value, k) => Math.round(value + (b[k] - value) * part)).join()})`;
  };
  const palette = names => names.map(name => rgb(css(name)));
  const scale = () => base
    ? {stops: palette(["--loss", "--none", "--gain"]), of: (value, most) => 0.5 + value / (2 * most)}
    : {stops: palette(["--cold", "--warm", "--hot"]), of: (value, most) => value / most};

  // ---- what is shown: of a run, or of the difference to the run without the fault
  const gpuValue = (each, node) => each[$("metric").value][node];
  const arriving = node => rack.into[node];
  const switchUse = (each, node) => mean(arriving(node).map(link => each.use[link]));
  const shown = (value, ...place) => value(run, ...place) - (base ? value(base, ...place) : 0);
  const linkUse = (each, link) => each.use[link];

  function prepare(number) {
    rack = data.racks[number];
    if (!rack.into) {
      rack.into = rack.nodes.map(() => []);
      rack.from = rack.nodes.map(() => []);
      rack.links.forEach(([from, to], link) => { rack.into[to].push(link); rack.from[from].push(link); });
    }
    svg.replaceChildren();
    // A wide rack takes all of the page, with the figures below it.
    svg.closest(".rack").classList.toggle("wide", rack.width > 2.4 * rack.height);
    marks = []; halves = [];
    home();
    const plane = +$("plane").value || 0, lines = make("g", {class: "lines"}, svg);
    const hits = make("g", {class: "hits"}, svg), cells = make("g", {}, svg);
    const centre = node => [node[1] + node[3] / 2, node[2] + node[4] / 2];
    const seen = new Map();
    rack.links.forEach(([from, to], link) => {
      const a = rack.nodes[from], b = rack.nodes[to];
      const back = rack.peers[link];
      if (from < rack.gpus || to < rack.gpus || a[5] !== plane || link > back) return;
      // Fibres between the same two switches, and long ones past others, are bent apart.
      const pair = Math.min(from, to) + " " + Math.max(from, to), twin = seen.get(pair) || 0;
      seen.set(pair, twin + 1);
      const [p, q] = [centre(a), centre(b)], [dx, dy] = [q[0] - p[0], q[1] - p[1]];
      const far = rack.straight ? 0 : Math.hypot(dx, dy) > 1.3 * rack.pitch ? 0.16 : 0;
      const bend = far + 0.05 * twin;
      const m = [(p[0] + q[0]) / 2 - bend * dy, (p[1] + q[1]) / 2 + bend * dx];
      // The half at its end is the direction that arrives there.
      const middle = [(p[0] + q[0] + 2 * m[0]) / 4, (p[1] + q[1] + 2 * m[1]) / 4];
      for (const [end, place] of [[q, link], [p, back]]) {
        const side = [(end[0] + m[0]) / 2, (end[1] + m[1]) / 2];
        halves.push([place, make("path", {d: `M${middle} Q${side} ${end}`}, lines)]);
      }
      const hit = make("path", {d: `M${p} Q${m} ${q}`, "data-link": link}, hits);
      hit.addEventListener("mouseenter", () => { at = ["link", link]; inform(); });
    });
    rack.nodes.forEach((node, number) => {
      if (node[5] >= 0 && node[5] !== plane) return;
      const [name, x, y, width, height] = node;
      const cell = make("rect", {x, y, width, height, rx: number < rack.gpus ? 0.12 : 0.35,
                                 "data-node": number, class: number < rack.gpus ? "gpu" : "switch"}, cells);
      marks.push([number, cell]);
      cell.addEventListener("mouseenter", () => { at = ["node", number]; inform(); });
      if (number >= rack.gpus && width * svg.clientWidth / rack.width > 34) {
        const short = name.replace(/^plane \d+ /, "");
        const label = make("text", {x: x + width / 2, y: y + height / 2, class: "label"}, cells);
        label.textContent = short.length * 0.42 > width ? short.split(" ").pop() : short;
      }
    });
  }

  // ---- colour everything by what is chosen
  function paint() {
    const {stops, of} = scale();
    const gpus = rack.nodes.slice(0, rack.gpus).map((_, node) => shown(gpuValue, node));
    const use = rack.links.map((_, link) => shown(linkUse, link));
    const most = list => Math.max(1e-9, ...list.map(Math.abs));
    const top = {gpu: most(gpus), link: most(use)};
    for (const [node, cell] of marks)
      cell.setAttribute("fill", between(stops, node < rack.gpus ? of(gpus[node], top.gpu)
                                                                : of(shown(switchUse, node), top.link)));
    for (const [link, path] of halves) {
      path.setAttribute("stroke", between(stops, of(use[link], top.link)));
      path.setAttribute("stroke-opacity", 0.25 + 0.75 * Math.min(1, Math.abs(use[link]) / top.link));
    }
    const bar = stops.map((_, k) => between(stops, k / (stops.length - 1))).join();
    $("bar").style.background = `linear-gradient(90deg, ${bar})`;
    $("low").textContent = base ? `−${rate(top.gpu)} · −${percent(top.link)}` : "0";
    $("high").textContent = `${base ? "+" : ""}${rate(top.gpu)} · ${base ? "+" : ""}${percent(top.link)}`;
    $("scale").textContent = base ? "difference to the run without the fault"
                                  : "GPUs: flits a cycle · switches and links: share of cycles in use";
  }

  // ---- the figures of what the pointer is on
  function line(table, name, value, show) {
    const row = html("tr", undefined, table);
    html("td", name, row);
    html("td", base ? show(value(base)) : show(value(run)), row);
    if (base) {
      html("td", show(value(run)), row);
      const change = value(run) - value(base);
      html("td", signed(change, show), row, change < 0 ? "less" : change > 0 ? "more" : "");
    }
  }
  function inform() {
    const panel = $("figures");
    panel.replaceChildren();
    for (const [, path] of halves) path.classList.remove("on");
    for (const [, cell] of marks) cell.classList.remove("on");
    if (!at) {
      html("h3", "Point at a node or a link", panel);
      html("p", "Its figures show here. Wheel: zoom, drag: move, double click: all.", panel, "dim");
      return;
    }
    const [kind, place] = at;
    const title = kind === "node" ? rack.nodes[place][0]
                                  : rack.links[place].map(node => rack.nodes[node][0]).join(" — ");
    html("h3", title, panel).id = "subject";
    const table = html("table", undefined, panel), head = html("tr", undefined, table);
    for (const text of base ? ["", "without", "with fault", "change"] : ["", ""]) html("th", text, head);
    const link = number => rack.links[number].map(node => rack.nodes[node][0]).join(" → ");
    if (kind === "link") {
      for (const each of [place, rack.peers[place]]) line(table, link(each), r => r.use[each], percent);
      light([place, rack.peers[place]]);
    } else if (place < rack.gpus) {
      line(table, "received, flits a cycle", r => r.received[place], rate);
      line(table, "sent, flits a cycle", r => r.sent[place], rate);
      for (const each of rack.from[place]) line(table, link(each), r => r.use[each], percent);
      for (const each of rack.into[place]) line(table, link(each), r => r.use[each], percent);
    } else {
      const into = arriving(place), most = r => Math.max(...into.map(each => r.use[each]));
      line(table, `${into.length} links in, mean use`, r => switchUse(r, place), percent);
      line(table, "most used of them", most, percent);
      line(table, "links out, mean use", r => mean(rack.from[place].map(each => r.use[each])), percent);
      const value = each => Math.abs(shown(linkUse, each));
      const first = [...into, ...rack.from[place]].sort((a, b) => value(b) - value(a)).slice(0, 6);
      for (const each of first) line(table, link(each), r => r.use[each], percent);
      light([...into, ...rack.from[place]]);
    }
    if (kind === "node") for (const [node, cell] of marks) if (node === place) cell.classList.add("on");
  }
  function light(links) {
    const lit = new Set(links);
    for (const [link, path] of halves) if (lit.has(link)) path.classList.add("on");
  }

  // ---- the run as a whole, and whom the fault hits
  function sum() {
    const tiles = $("runfigures");
    tiles.replaceChildren();
    for (const [name, value] of Object.entries(run.figures)) {
      const tile = html("div", undefined, tiles);
      html("b", value, tile);
      html("span", name + (base ? `, ${base.figures[name]} without` : ""), tile);
    }
    $("verdict").textContent = run.saturated ? `Saturated: ${run.why}. Rates hold, latencies do not.` : "";
    $("blast").hidden = !base;
    if (!base) return;
    const sure = run.lost.map((lost, gpu) => [lost, gpu]).filter(([, gpu]) => run.sure[gpu]);
    sure.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    $("hit").textContent = sure.length
      ? `${sure.length} of ${rack.gpus} GPUs receive less than without the fault, beyond what is chance.`
      : "No GPU receives less than without the fault, beyond what is chance.";
    const body = $("losers");
    body.replaceChildren();
    for (const [lost, gpu] of sure.slice(0, 12)) {
      const row = html("tr", undefined, body);
      row.addEventListener("mouseenter", () => { at = ["node", gpu]; inform(); });
      html("td", rack.nodes[gpu][0], row);
      html("td", rate(base.received[gpu]), row);
      html("td", rate(run.received[gpu]), row);
      html("td", percent(lost), row, "less");
    }
    $("losertable").hidden = !sure.length;
  }

  // ---- zoom and move
  function home() { svg.style.aspectRatio = rack.width / rack.height; view = [0, 0, rack.width, rack.height]; look(); }
  function look() { svg.setAttribute("viewBox", view.join(" ")); }
  function point(event) {
    const box = svg.getBoundingClientRect(), unit = Math.max(view[2] / box.width, view[3] / box.height);
    return [view[0] + view[2] / 2 + (event.clientX - box.left - box.width / 2) * unit,
            view[1] + view[3] / 2 + (event.clientY - box.top - box.height / 2) * unit, unit];
  }
  svg.addEventListener("wheel", event => {
    event.preventDefault();
    const [x, y] = point(event), factor = Math.exp(event.deltaY / 500);
    const width = Math.max(6, Math.min(rack.width, view[2] * factor)), k = width / view[2];
    view = [x - (x - view[0]) * k, y - (y - view[1]) * k, width, view[3] * k];
    if (width === rack.width) home(); else look();
  }, {passive: false});
  let drag = null;
  svg.addEventListener("pointerdown", event => { drag = [event.clientX, event.clientY, ...view]; });
  addEventListener("pointerup", () => { drag = null; });
  svg.addEventListener("pointermove", event => {
    if (!drag) return;
    const unit = point(event)[2];
    view = [drag[2] - (event.clientX - drag[0]) * unit, drag[3] - (event.clientY - drag[1]) * unit, view[2], view[3]];
    look();
  });
  svg.addEventListener("dblclick", home);
  $("find").addEventListener("input", () => {
    const wanted = $("find").value.trim().toLowerCase();
    const place = rack.nodes.findIndex(node => node[0].toLowerCase() === wanted);
    if (place >= 0) { at = ["node", place]; inform(); }
  });

  // ---- choices
  const option = (select, value, text) => { const each = html("option", text, select); each.value = value; };
  const plain = data.runs.map((each, number) => [each, number]).filter(([each]) => each.base === null);
  for (const [each, number] of plain) option($("run"), number, each.name);
  function faults() {
    const chosen = $("fault").value && data.runs[+$("fault").value]?.fault;
    $("fault").replaceChildren();
    option($("fault"), "", "none");
    data.runs.forEach((each, number) => {
      if (each.base === +$("run").value) option($("fault"), number, each.fault);
    });
    $("fault").disabled = $("fault").length === 1;
    const same = [...$("fault").options].find(each => each.value && data.runs[+each.value].fault === chosen);
    if (same) $("fault").value = same.value;
  }
  function choose(redraw) {
    const number = $("fault").value === "" ? +$("run").value : +$("fault").value;
    run = data.runs[number];
    base = run.base === null ? null : data.runs[run.base];
    if (redraw || data.racks[run.rack] !== rack) {
      $("plane").hidden = data.racks[run.rack].planes < 2;
      if ($("plane").length !== data.racks[run.rack].planes) {
        $("plane").replaceChildren();
        for (let p = 0; p < data.racks[run.rack].planes; p++) option($("plane"), p, `plane ${p}`);
      }
      at = null;
      prepare(run.rack);
    }
    paint(); inform(); sum();
  }
  $("run").addEventListener("change", () => { faults(); choose(); });
  $("fault").addEventListener("change", () => choose());
  $("metric").addEventListener("change", () => choose());
  $("plane").addEventListener("change", () => choose(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paint(); });
  if ($("run").length) { $("run").value = data.first; faults(); choose(); }
}
