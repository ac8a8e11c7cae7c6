"""A real browser, and what it can be asked about a page."""

import shutil

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)")

SEEN = """() => {
  // What of a box is seen: the part inside every box around it that clips; null where nothing is.
  const inside = (a, b) => ({left: Math.max(a.left, b.left), right: Math.min(a.right, b.right),
    top: Math.max(a.top, b.top), bottom: Math.min(a.bottom, b.bottom)})
  const empty = r => r.right - r.left < 1 || r.bottom - r.top < 1
  const box = r => ({left: r.left, right: r.right, top: r.top + scrollY, bottom: r.bottom + scrollY})
  window.seen = (rect, element) => {
    let r = box(rect)
    for (let e = element; e; e = e.parentElement) {
      const style = getComputedStyle(e)
      if (style.visibility === 'hidden' || style.display === 'none') return null
      const clips = style.overflowX !== 'visible' || style.overflowY !== 'visible'
      if (clips && e !== document.body && e !== document.documentElement)
        r = inside(r, box(e.getBoundingClientRect()))
    }
    return empty(r) ? null : r
  }
  window.hidden = e => e.closest('details:not([open])') && !e.closest('summary') || e.closest('.skip')
}"""

OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(e => !hidden(e)).filter(e => {
    const r = seen(e.getBoundingClientRect(), e)
    return r && (r.right > innerWidth + 1 || r.left < -1)
  }).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))"""
"""Elements that are seen beyond the sides of the window."""

OVERLAPPING = """() => {
  const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let n = walker.nextNode(); n; n = walker.nextNode()) {
    if (!n.textContent.trim() || hidden(n.parentElement)) continue
    const range = document.createRange()
    range.selectNodeContents(n)
    for (const rect of range.getClientRects()) {
      const r = seen(rect, n.parentElement)
      // Letters are lower than their line.
      if (r) texts.push({left: r.left + 1, right: r.right - 1, top: r.top + (r.bottom - r.top) / 4,
        bottom: r.bottom - (r.bottom - r.top) / 4, node: n})
    }
  }
  texts.sort((a, b) => a.top - b.top)
  const found = []
  for (let i = 0; i < texts.length; i++)
    for (let k = i + 1; k < texts.length && texts[k].top < texts[i].bottom; k++)
      if (texts[i].node !== texts[k].node && texts[i].left < texts[k].right && texts[k].left < texts[i].right)
        found.push([texts[i], texts[k]].map(t => t.node.textContent.trim().slice(0, 40)).join(' | '))
  return found
}"""
"""Pairs of texts that lie over each other."""

CONTRAST = """() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
  const painted = colours => {
    for (const c of colours) { context.fillStyle = c; context.fillRect(0, 0, 1, 1) }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  const light = rgb => {
    const [r, g, b] = rgb.map(v => linear(v / 255))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  let least = [99, '']
  for (const e of document.querySelectorAll('body *')) {
    const words = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    if (hidden(e) || !words || !e.getClientRects().length) continue
    const grounds = []
    for (let p = e; p; p = p.parentElement) grounds.unshift(getComputedStyle(p).backgroundColor)
    grounds.unshift(getComputedStyle(document.body).backgroundColor)
    const pair = [painted([...grounds, getComputedStyle(e).color]), painted(grounds)]
    const [a, b] = pair.map(light).sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    if (ratio < least[0]) least = [ratio, e.textContent.trim().slice(0, 60)]
  }
  return least }"""
"""The least contrast of a text with the ground that it stands on, and the text."""

HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1]))"
