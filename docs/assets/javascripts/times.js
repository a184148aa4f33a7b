// How long the page's code took, which may differ from build to build. Its place waits
// for the number, so that nothing moves when it comes.
{
  const wanted = document.querySelectorAll("[data-seconds]")
  const sum = (seconds, names) => {
    const all = names.split(" ").reduce((all, name) => all + (seconds[name] ?? 0), 0)
    return all < 10 ? all.toFixed(1) : Math.round(all)
  }
  if (wanted.length) {
    const runs = new URL("../../figures/runs.json", document.currentScript.src)
    fetch(runs).then((answer) => answer.json()).then((seconds) => {
      for (const place of wanted) {
        place.textContent = sum(seconds, place.dataset.seconds)
        place.closest(".waiting")?.classList.remove("waiting")
      }
    }).catch(() => {})
  }
}
