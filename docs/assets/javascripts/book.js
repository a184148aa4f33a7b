// The few things that a style sheet cannot do. No page needs this to be read.

const here = document.currentScript.src

// The figures that move. They come when all else is there, before the reader is: each
// takes the place of the still figure below it, which stays for paper and for readers
// without scripts.
const start = (place) => {
  const data = JSON.parse(place.firstElementChild.textContent)
  import(new URL(`moving/${place.dataset.figure}.js`, here)).then((figure) => {
    figure.default(place, data)
    place.nextElementSibling.classList.add("still")
  })
}
addEventListener("load", () => {
  for (const place of document.querySelectorAll(".moving")) start(place)
})

// How long the page's code took, which may differ from build to build.
const said = document.querySelector(".provenance[data-modules]")
const wanted = document.querySelectorAll("[data-seconds]")
if (said || wanted.length) {
  const place = new URL("../../figures/runs.json", here)
  fetch(place).then((answer) => answer.json()).then((seconds) => {
    const sum = (names) => {
      const all = names.split(" ").reduce((all, name) => all + (seconds[name] ?? 0), 0)
      return all < 10 ? all.toFixed(1) : Math.round(all)
    }
    said?.firstChild.after(` It took ${sum(said.dataset.modules)} s.`)
    for (const place of wanted) {
      place.textContent = sum(place.dataset.seconds)
    }
  }).catch(() => {})
}

// On paper every fold is open.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true
    fold.dataset.opened = ""
  }
})
addEventListener("afterprint", () => {
  for (const fold of document.querySelectorAll("details[data-opened]")) {
    fold.open = false
    delete fold.dataset.opened
  }
})

// Material gives the search dialog no name, makes every copy button a landmark, and lets
// wide tables scroll that no key can reach.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search")
document.querySelector(".md-search__scrollwrap")?.setAttribute("tabindex", "0")
const quiet = () => {
  for (const bar of document.querySelectorAll(".md-code__nav:not([role])")) {
    bar.setAttribute("role", "none")
  }
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    wide.tabIndex = 0
  }
}
new MutationObserver(quiet).observe(document.body, { childList: true, subtree: true })
quiet()
