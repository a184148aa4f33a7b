// Material gives the search dialog no name, makes every copy button a landmark, and lets
// wide tables scroll that no key can reach, and code until it has come into sight.
{
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
  const sized = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0
      else target.removeAttribute("tabindex")
    }
  })
  for (const code of document.querySelectorAll("pre > code")) sized.observe(code)
}
