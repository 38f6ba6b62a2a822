// Makes one tree of elements like another, touching only what differs: what is open, chosen or focused stays so.

// What belongs to the reader, not to the page.
const KEPT = new Set(["open", "checked", "value"]);
const keeps = (element, name) => KEPT.has(name) && /^(DETAILS|INPUT|SELECT|TEXTAREA|OPTION)$/.test(element.tagName);

function attributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (!keeps(from, name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!keeps(from, name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
}

const key = (node) => (node.nodeType === Node.ELEMENT_NODE && node.id) || "";
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);

export function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  attributes(from, to);
  // A time is told by its attributes.
  if (from.tagName === "TIME") return;
  const named = new Map([...from.children].filter(key).map((child) => [key(child), child]));
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    let found = named.get(key(wanted));
    if (!found && at && !key(at) && alike(at, wanted)) found = at;
    if (found && alike(found, wanted)) {
      if (found === at) at = at.nextSibling;
      else from.insertBefore(found, at);
      morph(found, wanted);
    } else {
      from.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
