// The interactive figures: each follows the still figure that it lets the reader move,
// and comes when all else is there. Without scripts, and on paper, the still one is all.
{
  const here = document.currentScript.src
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
