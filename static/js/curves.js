// Draws the curves of an update with uPlot, and again whenever the page's live part has been replaced.
const section = document.getElementById("curves");
const plots = new Map();
let latest = {};

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(holder) {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  return {
    width: holder.clientWidth,
    height: 180,
    cursor: { y: false },
    scales: { x: { time: false } },
    axes: [axis, { ...axis, size: 54 }],
    series: [
      { label: section.dataset.step },
      { label: holder.dataset.label, stroke: colour("--accent"), width: 2, points: { show: false }, value: (_plot, value) => (value == null ? "–" : value.toFixed(3)) },
    ],
  };
}

function draw(holder) {
  const curve = latest[holder.dataset.curve];
  if (!curve || curve.steps.length < 2) return;
  const data = [curve.steps, curve.values];
  const plot = plots.get(holder);
  if (plot) plot.setData(data);
  else {
    holder.replaceChildren();
    plots.set(holder, new uPlot(options(holder), data, holder));
  }
}

function holders() {
  return section.querySelectorAll("[data-curve]");
}

function drawAnew() {
  for (const plot of plots.values()) plot.destroy();
  plots.clear();
  holders().forEach(draw);
}

async function refresh() {
  try {
    const response = await fetch(section.dataset.url, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    latest = await response.json();
  } catch {
    return; // the next poll tries again
  }
  holders().forEach(draw);
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "live") refresh();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);
addEventListener("resize", () => {
  for (const [holder, plot] of plots) plot.setSize({ width: holder.clientWidth, height: 180 });
});
refresh();
