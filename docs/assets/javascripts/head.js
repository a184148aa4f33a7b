// Runs before the page is there. Its body shall know at once that scripts run.
document.documentElement.classList.replace("no-js", "js")

// Material says this in a script inside each page, which
// a strict content security policy forbids: where the reader's settings are kept.
const __md_scope = new URL(document.currentScript.dataset.base, location)
const __md_hash = (text) =>
  [...text].reduce((hash, letter) => (hash << 5) - hash + letter.charCodeAt(0), 0)
const __md_get = (name, store = localStorage, scope = __md_scope) => {
  try {
    return JSON.parse(store.getItem(`${scope.pathname}.${name}`))
  } catch {
    return null // the browser keeps nothing, or something else
  }
}
const __md_set = (name, value, store = localStorage, scope = __md_scope) => {
  try {
    store.setItem(`${scope.pathname}.${name}`, JSON.stringify(value))
  } catch {
    // The browser keeps nothing; then every visit is the first.
  }
}

// The search index is larger than any page, and the worker that searches it is not small.
// Material asks for both with every page; they come when the reader turns to the search.
{
  const turned = new Promise((resolve) => {
    const look = ({ target }) => {
      if (target.matches?.(".md-search__input, #__search")) resolve()
    }
    addEventListener("focusin", look)
    addEventListener("change", look)
    if (new URLSearchParams(location.search).has("q")) resolve()
  })
  const { open, send } = XMLHttpRequest.prototype
  const waiting = new WeakSet()
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    if (String(address).endsWith("/search/search_index.json")) waiting.add(this)
    return open.call(this, method, address, ...rest)
  }
  XMLHttpRequest.prototype.send = function (...body) {
    if (!waiting.has(this)) return send.apply(this, body)
    turned.then(() => send.apply(this, body))
  }
  const Now = globalThis.Worker
  globalThis.Worker = class extends EventTarget {
    constructor(...given) {
      super()
      this.real = turned.then(() => {
        const real = new Now(...given)
        for (const type of ["message", "error"]) {
          real.addEventListener(type, ({ data }) => this.dispatchEvent(new MessageEvent(type, { data })))
        }
        return real
      })
    }

    postMessage(...message) {
      this.real.then((real) => real.postMessage(...message))
    }

    terminate() {
      this.real.then((real) => real.terminate())
    }
  }
}
