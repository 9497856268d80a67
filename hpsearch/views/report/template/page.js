"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const narrow = matchMedia("(max-width: 46rem)").matches;

  // Colours follow the page's own, which the style sheet sets for light, dark and paper.
  const template = () => {
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = {
      automargin: true, zeroline: false, gridcolor: color("--line"), linecolor: color("--line"),
      title: { standoff: 8, font: { size: 12 } },
    };
    return { data: { heatmap: [{ textfont: { color: color("--ink") } }] }, layout: {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: color("--ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      xaxis: axis, yaxis: axis, margin: { l: 48, r: 12, t: 12, b: 44 }, hovermode: "closest",
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      hoverlabel: { bgcolor: color("--raised"), bordercolor: color("--line"), font: { color: color("--ink") }, align: "left" },
      // A finger that drags across a drawing wants to scroll the page.
      dragmode: touch ? false : "zoom",
    } };
  };

  const plots = [...document.querySelectorAll(".plot")];
  for (const plot of plots) {
    const figure = JSON.parse(plot.nextElementSibling.textContent);
    const height = figure.layout.height ?? (narrow ? 280 : 320);
    Plotly.newPlot(plot, figure.data, { ...figure.layout, height, template: template() },
      { responsive: true, displayModeBar: false });
  }
  const repaint = () => plots.forEach((plot) => Plotly.relayout(plot, { template: template() }));
  dark.addEventListener("change", repaint);
  document.documentElement.dataset.drawn = String(plots.length);
})();
