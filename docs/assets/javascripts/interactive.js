// The interactive figures: each follows the still figure that it lets the reader move,
// and comes when all else is there. Without scripts, and on paper, the still one is all.
{
  const here = document.currentScript.src
  const isStill = (node) => node?.tagName === "FIGURE" && !node.matches(".interactive")

  // A place that stands before its still figure goes behind it.
  for (const place of document.querySelectorAll(".moving[data-figure], .interactive[data-figure]")) {
    if (place.tagName === "FIGURE" && isStill(place.previousElementSibling)) continue
    let still = place.nextElementSibling
    while (still && !isStill(still)) still = still.nextElementSibling
    const name = place.dataset.figure
    const figure = document.createElement("figure")
    Object.assign(figure, { className: "interactive", id: place.id || `figure-${name}-interactive` })
    figure.dataset.figure = name
    figure.append(...place.childNodes)
    if (still) still.after(figure)
    else place.after(figure)
    place.remove()
  }

  const start = async (place) => {
    const data = JSON.parse(place.querySelector("script").textContent)
    const figure = await import(new URL(`interactive/${place.dataset.figure}.js`, here))
    figure.default(place, data)
    place.dataset.ready = ""
  }
  addEventListener("load", () => {
    for (const place of document.querySelectorAll(".interactive[data-figure]")) start(place)
  })
}
