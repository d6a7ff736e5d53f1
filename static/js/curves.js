// Draws the curves of an update with uPlot, and again whenever the page's live part has been replaced; where
// the section names those of another update, too, both stand in one chart, and those of the other are dashed.
const section = document.getElementById("curves");
const plots = new Map();
const addresses = [section.dataset.url, section.dataset.other].filter(Boolean);
let latest = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function line(label, stroke, dash) {
  return { label, stroke, dash, width: 2, spanGaps: true, points: { show: false }, value: (_plot, value) => (value == null ? "–" : value.toFixed(3)) };
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
      line(holder.dataset.label ?? section.dataset.label, colour("--accent")),
      ...(section.dataset.other ? [line(section.dataset.otherLabel, colour("--warn"), [6, 4])] : []),
    ],
  };
}

function draw(holder) {
  const curves = latest.map((each) => each[holder.dataset.curve]);
  if (!curves.some((curve) => curve?.steps.length > 1)) return;
  const data = uPlot.join(curves.map((curve) => [curve?.steps ?? [], curve?.values ?? []]));
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

async function fetchCurves(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

async function refresh() {
  try {
    latest = await Promise.all(addresses.map(fetchCurves));
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
