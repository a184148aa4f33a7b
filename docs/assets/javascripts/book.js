// The few things that a style sheet cannot do. No page needs this to be read.

const here = document.currentScript.src

// The fonts that the head of the page asked for are put to use at once: the formulas may
// lie below the first screen, and be drawn late. Of the same name there are also fonts
// with all signs, for every code point; they wait until a formula needs them.
const early = [...document.querySelectorAll("link[data-font]")].map((link) => link.dataset.font)
for (const face of document.fonts) {
  const weight = face.weight.replace("400", "normal").replace("700", "bold")
  const name = `${face.family.replaceAll('"', "")} ${face.style} ${weight}`
  if (face.unicodeRange !== "U+0-10FFFF" && early.includes(name)) face.load()
}

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
  if ("requestIdleCallback" in window) requestIdleCallback(draw)
})

// What the style sheet leaves undrawn below the first screen comes bit by bit, while
// nothing else is to be done: a long page is there at once, and soon whole.
const undrawn = [...document.querySelectorAll(".md-content__inner > *")]
const draw = () => {
  for (let elements = 0; undrawn.length && elements < 120; ) {
    const block = undrawn.shift()
    elements += block.getElementsByTagName("*").length
    block.style.contentVisibility = "visible"
  }
  if (undrawn.length) requestAnimationFrame(() => requestIdleCallback(draw))
}

// How long the page's code took, which may differ from build to build. Its place waits
// for the number, so that nothing moves when it comes.
const wanted = document.querySelectorAll("[data-seconds]")
if (wanted.length) {
  const place = new URL("../../figures/runs.json", here)
  fetch(place).then((answer) => answer.json()).then((seconds) => {
    const sum = (names) => {
      const all = names.split(" ").reduce((all, name) => all + (seconds[name] ?? 0), 0)
      return all < 10 ? all.toFixed(1) : Math.round(all)
    }
    for (const place of wanted) {
      place.textContent = sum(place.dataset.seconds)
      place.closest(".waiting")?.classList.remove("waiting")
    }
  }).catch(() => {})
}

// Which chapters the reader has read. This browser keeps it, and tells nobody.
const site = new URL("../../", here).href
const path = (address) => {
  const plain = new URL(address, location).href.split(/[?#]/)[0]
  return plain.startsWith(site) ? plain.slice(site.length).replace(/index\.html$/, "") : null
}
const KEPT = "chapters-read"
const readPages = () => new Set(JSON.parse(localStorage.getItem(KEPT) ?? "[]"))
const showRead = () => {
  const read = readPages()
  const links = ".md-nav--primary .md-nav__link[href], article td:first-child a[href]"
  for (const link of document.querySelectorAll(links)) {
    link.toggleAttribute("data-read", !/#/.test(link.getAttribute("href")) && read.has(path(link.href)))
  }
  const told = document.querySelector(".progress")
  if (!told) return
  const chapters = [...document.querySelectorAll("article td:first-child a[href]")]
  const left = chapters.filter((link) => !read.has(path(link.href)))
  told.hidden = left.length === chapters.length
  told.replaceChildren(`You have read ${chapters.length - left.length} of the ${chapters.length} chapters. `)
  if (left.length) {
    const next = document.createElement("a")
    next.href = left[0].href
    next.textContent = left[0].textContent
    told.append("Go on with ", next, ". ")
  }
  const forget = document.createElement("button")
  forget.className = "quiet-button"
  forget.textContent = "Forget what I have read"
  forget.addEventListener("click", () => {
    localStorage.removeItem(KEPT)
    showRead()
  })
  told.append(forget)
}
try {
  const done = document.querySelector(".done")
  if (done) {
    const box = done.querySelector("input")
    box.checked = readPages().has(path(location))
    box.addEventListener("change", () => {
      const read = readPages()
      read[box.checked ? "add" : "delete"](path(location))
      localStorage.setItem(KEPT, JSON.stringify([...read]))
      showRead()
    })
    done.hidden = false
  }
  showRead()
} catch {
  // A browser that keeps nothing: then there is nothing to show.
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
