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
  const draw = async (place) => {
    const spec = JSON.parse(place.nextElementSibling.textContent);
    const compiled = vegaLite.compile({ $schema: "https://vega.github.io/schema/vega-lite/v6.json", autosize: { type: "fit-x", contains: "padding" }, ...spec }, { config }).spec;
    const view = new vega.View(vega.parse(compiled), { renderer: "svg", container: place, hover: true });
    await view.runAsync();
    place.style.minHeight = "";
    place.dataset.drawn = "yes";
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      draw(entry.target).catch((error) => { entry.target.textContent = "This chart cannot be drawn: " + error.message; });
    }
  }, { rootMargin: "600px" });
  for (const place of document.querySelectorAll(".chart")) seen.observe(place);
  addEventListener("beforeprint", () => {
    for (const place of document.querySelectorAll(".chart:not([data-drawn])")) { seen.unobserve(place); draw(place); }
  });
  for (const field of document.querySelectorAll("input[data-filter]")) {
    const rows = document.querySelectorAll(field.dataset.filter);
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
})();
