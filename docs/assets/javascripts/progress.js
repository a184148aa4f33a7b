// Which chapters the reader has read. This browser keeps it, and tells nobody.
{
  const site = new URL("../../", document.currentScript.src).href
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
}
