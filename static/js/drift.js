// Draws the table of versions beside the base as a chart: the win rate with its interval, and the line of even.
const holder = document.getElementById("drift");
const rows = [...document.querySelectorAll("#drift-table [data-number]")];
let plot;

function column(name, factor = 1) {
  return rows.map((row) => factor * Number(row.dataset[name]));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function line(label, stroke, settings) {
  return { label, stroke, width: 2, value: (_plot, value) => (value == null ? "–" : value.toFixed(0)), ...settings };
}

function draw() {
  plot?.destroy();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const numbers = column("number");
  const accent = colour("--accent");
  plot = new uPlot(
    {
      width: holder.clientWidth,
      height: 220,
      cursor: { y: false },
      scales: { x: { time: false }, y: { range: [0, 100] } },
      axes: [{ ...axis, values: (_plot, values) => values.map((value) => (Number.isInteger(value) ? value : "")) }, { ...axis, size: 54 }],
      series: [
        { label: holder.dataset.version },
        line(holder.dataset.low, accent, { width: 1, dash: [3, 4], points: { show: false } }),
        line(holder.dataset.high, accent, { width: 1, dash: [3, 4], points: { show: false } }),
        line(holder.dataset.even, colour("--warn"), { width: 1, points: { show: false } }),
        line(holder.dataset.rate, accent, {}), // last, so that the band does not hide it
      ],
      bands: [{ series: [2, 1], fill: colour("--accent-soft") }],
    },
    [numbers, column("low", 100), column("high", 100), numbers.map(() => 50), column("rate", 100)],
    holder,
  );
}

if (rows.length > 1) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", () => plot.setSize({ width: holder.clientWidth, height: 220 }));
}
