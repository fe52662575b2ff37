"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#9aa6b4" : "#5b6675", line = dark ? "#323b47" : "#e6eaef", accent = dark ? "#7db3ec" : "#2f6fb3";
  const config = {
    background: "transparent", view: { stroke: null }, font: "system-ui, sans-serif",
    mark: { color: accent, tooltip: true }, bar: { color: accent }, line: { color: accent }, point: { color: accent }, area: { color: accent },
    rule: { color: ink }, text: { color: dark ? "#e4e8ee" : "#1d2430" },
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line, labelLimit: 160, titleFontWeight: "normal" },
    legend: { labelColor: ink, titleColor: ink, orient: "top", titleFontWeight: "normal", labelLimit: 200 },
    header: { labelColor: ink, titleColor: ink }, title: { color: ink },
    range: { category: dark ? ["#7db3ec", "#f0a45d", "#6fd39f", "#ff8a80", "#c5a3ff", "#e6d36b"] : ["#2f6fb3", "#d97b1f", "#1c8a5a", "#b3261e", "#7a52c7", "#9a8410"] },
  };
  const waiting = new Set(document.querySelectorAll(".chart"));
  const draw = async (place) => {
    if (!waiting.delete(place)) return;
    try {
      const spec = JSON.parse(place.nextElementSibling.textContent);
      const schema = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", autosize: { type: "fit-x", contains: "padding" } };
      const compiled = vegaLite.compile({ ...schema, ...spec }, { config }).spec;
      await new vega.View(vega.parse(compiled), { renderer: "svg", container: place, hover: true }).runAsync();
      place.style.minHeight = "";
      place.dataset.drawn = "yes";
    } catch (error) { place.textContent = "This chart cannot be drawn: " + error.message; }
  };
  // What is in view comes first, the others while nothing else is to do.
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "400px" });
  for (const place of waiting) seen.observe(place);
  const next = async () => {
    const [place] = waiting;
    if (place) { await draw(place); setTimeout(next, 5); }
  };
  addEventListener("load", () => setTimeout(next, 50));
  addEventListener("beforeprint", () => { for (const place of waiting) draw(place); });
  for (const field of document.querySelectorAll("input[data-filter]")) {
    const rows = document.querySelectorAll(field.dataset.filter);
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
})();
