"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const print = matchMedia("print");
  const touch = matchMedia("(pointer: coarse)").matches;
  const narrow = matchMedia("(max-width: 46rem)").matches;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const made = (tag, attributes = {}, text = "") => {
    const element = Object.assign(document.createElement(tag), { textContent: text });
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  };

  // A drawing names the style sheet's colours, which are others in light, in dark and on paper.
  const painted = (value, key) => {
    if (typeof value === "string") {
      return ["color", "colorscale"].includes(key) && value.startsWith("--") ? color(value) : value;
    }
    if (Array.isArray(value)) {
      return key === "colorscale" || typeof value[0] === "object" ? value.map((one) => painted(one, key)) : value;
    }
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, painted(one, name)]));
  };

  const template = () => {
    const axis = {
      automargin: true, zeroline: false, gridcolor: color("--line"), linecolor: color("--line"),
      title: { standoff: 8, font: { size: 12 } },
    };
    return { data: { heatmap: [{ textfont: { color: color("--ink") } }] }, layout: {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: color("--ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      xaxis: axis, yaxis: axis, margin: { l: 48, r: 12, t: 12, b: 44 }, hovermode: "closest",
      hoverlabel: { bgcolor: color("--raised"), bordercolor: color("--line"), font: { color: color("--ink") }, align: "left" },
      // A finger that drags across a drawing wants to scroll the page.
      dragmode: touch ? false : "zoom",
    } };
  };

  // What plotly would read as markup, as text; and back again.
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const words = (text) => new DOMParser().parseFromString(text, "text/html").documentElement.textContent;

  const figures = new Map();
  const draw = (plot) => {
    const { data, layout } = figures.get(plot);
    const height = layout.height ?? (narrow ? 280 : 320);
    const width = plot.clientWidth || undefined;
    Plotly.react(plot, painted(data), { ...painted(layout), showlegend: false, height, width, template: template() },
      { displayModeBar: false });
  };
  const repaint = () => figures.forEach((_, plot) => draw(plot));

  // The legend and what else can be done with a drawing are buttons, for keyboards too.
  const button = (text, pressed, press) => {
    const one = made("button", { type: "button", "aria-pressed": pressed }, text);
    one.addEventListener("click", () => {
      const now = one.getAttribute("aria-pressed") !== "true";
      one.setAttribute("aria-pressed", now);
      press(now);
    });
    return one;
  };
  const legend = (plot, { data, layout }) => {
    const row = made("div", { class: "legend", role: "group", "aria-label": "what is drawn" });
    if (layout.showlegend) {
      data.filter((trace) => trace.name && trace.showlegend).forEach((trace) => {
        const one = button(words(trace.name), true, (shown) => { trace.visible = shown; draw(plot); });
        const filled = trace.mode === "markers" || trace.type === "bar";
        const mark = made("i", { class: filled ? trace.marker.symbol ?? "dot" : "dash" });
        const paint = (filled ? trace.marker : trace.line).color;
        // Points that are coloured by their trial have no colour of their own.
        mark.style.color = `var(${typeof paint === "string" ? paint : "--violet"})`;
        // Hollow points of several sizes differ only in size.
        if (mark.className === "circle-open") mark.style.width = mark.style.height = `${trace.marker.size + 2}px`;
        one.prepend(mark);
        row.append(one);
      });
    }
    if (layout.yaxis?.cut) {
      const range = layout.yaxis.range;
      row.append(button("outliers", false, (all) => {
        layout.yaxis.range = all ? undefined : range;
        layout.yaxis.autorange = all;
        draw(plot);
      }));
    }
    if (row.children.length) plot.before(row);
  };

  // A point's words begin with its trial's number: a click shows that trial alone.
  const chooser = document.querySelector(".trials select");
  const add = (plot, figure) => {
    figures.set(plot, figure);
    draw(plot);
    plot.on("plotly_click", ({ points }) => {
      const number = /^trial (\d+)\b/.exec(points[0]?.text ?? "")?.[1];
      if (!chooser?.querySelector(`option[value="${number}"]`)) return;
      chooser.value = number;
      chooser.dispatchEvent(new Event("change"));
      chooser.scrollIntoView({ block: "nearest" });
    });
  };

  for (const plot of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(plot.nextElementSibling.textContent);
    legend(plot, figure);
    add(plot, figure);
  }

  if (chooser) {
    const { trials, kinds, unit } = JSON.parse(document.querySelector(".trials > script").textContent);
    const [settings, pairs] = document.querySelectorAll(".trials > .settings, .trials > .pairs");
    const show = () => {
      const trial = trials[chooser.value];
      settings.textContent = trial.words;
      pairs.querySelectorAll(".plot").forEach((plot) => { Plotly.purge(plot); figures.delete(plot); });
      pairs.replaceChildren();
      for (const [kind, series] of Object.entries(kinds)) {
        const data = series.filter(({ name }) => trial.curves[name]).map(({ name, color }) => ({
          x: trial.steps, y: trial.curves[name], name: plain(name), showlegend: true, mode: "lines+markers", connectgaps: true,
          text: trial.steps.map((step, place) => `${plain(name)}<br>${unit} ${step}: ${trial.curves[name][place]}`),
          hoverinfo: "text", line: { color, width: 2 }, marker: { color },
        }));
        if (!data.length) continue;
        const last = trial.steps.length - 1;
        const spoken = data.map(({ name, y }) => `${words(name)}: ${y[0]} after ${unit} ${trial.steps[0]}, ${y[last]} after ${unit} ${trial.steps[last]}`);
        const box = made("figure");
        const plot = made("div", { class: "plot", role: "img", "aria-label": `${kind} of trial ${chooser.value}. ${spoken.join("; ")}` });
        box.append(made("h3", {}, kind), plot);
        pairs.append(box);
        const ticks = trial.steps[last] <= 20 ? { dtick: 1 } : {};
        const figure = { data, layout: { showlegend: data.length > 1, xaxis: { title: { text: unit }, ...ticks }, yaxis: { title: { text: plain(kind) } } } };
        legend(plot, figure);
        add(plot, figure);
      }
    };
    chooser.addEventListener("change", show);
    show();
  }

  dark.addEventListener("change", repaint);
  print.addEventListener("change", repaint);
  addEventListener("beforeprint", repaint);
  addEventListener("afterprint", repaint);
  new ResizeObserver(() => figures.forEach((_, plot) => {
    if (plot.clientWidth !== plot.layout?.width) draw(plot);
  })).observe(document.querySelector("main"));
  document.documentElement.dataset.drawn = String(figures.size);
})();
