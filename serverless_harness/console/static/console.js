"use strict";
// Keeps the page's live parts fresh, says when the stack is gone, and asks before what can't be undone.

const button = document.getElementById("live");
const gone = document.getElementById("gone");
let isLive = sessionStorage.getItem("live") !== "off";
let goneSince = null;

function isInUse(part) {
  const active = document.activeElement;
  if (active && active !== part && part.contains(active) && active.matches("input:not([type=checkbox]), select, textarea")) return true;
  const selection = document.getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function replace(part, fresh) {
  if (part.innerHTML === fresh.innerHTML || isInUse(part)) return;
  const open = new Set([...part.querySelectorAll("details[open]")].map((each) => each.id));
  const checked = new Set([...part.querySelectorAll("input:checked")].map((each) => each.value));
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const focused = active && { href: active.getAttribute("href"), value: active.value };
  const scrolls = [...part.querySelectorAll("[data-stick]")].map((each) =>
    each.scrollHeight - each.scrollTop - each.clientHeight < 30 ? null : each.scrollTop);
  part.replaceChildren(...fresh.childNodes);
  for (const each of part.querySelectorAll("details")) each.open = open.has(each.id);
  for (const each of part.querySelectorAll("input[type=checkbox]")) each.checked = checked.has(each.value);
  stick(part, scrolls);
  if (!focused) return;
  for (const each of part.querySelectorAll("a, button, input, summary")) {
    if (each.getAttribute("href") === focused.href && each.value === focused.value) {
      each.focus({ preventScroll: true });
      break;
    }
  }
}

function stick(part, scrolls = []) {
  [...part.querySelectorAll("[data-stick]")].forEach((each, index) => {
    each.scrollTop = scrolls[index] ?? each.scrollHeight;
  });
}

function clock(when) {
  return when.toLocaleTimeString("en-GB");
}

function say(text) {
  if (gone.textContent !== text) gone.textContent = text;
  gone.hidden = !text;
  document.body.classList.toggle("stale", Boolean(text));
}

async function refresh() {
  let answer;
  try {
    answer = await fetch(document.body.dataset.address, {
      credentials: "same-origin",
      headers: { "X-Refresh": "1" },
      redirect: "error",
    });
  } catch {
    goneSince ??= new Date();
    say(`The console has ended. To go on, run its command again and open the link that it prints. What you see is from ${clock(goneSince)}.`);
    return;
  }
  if (answer.status === 503 && !("problem" in document.body.dataset)) {
    goneSince ??= new Date();
    say(`The stack has not answered since ${clock(goneSince)}. What you see is from then. This page refreshes again when the stack answers.`);
    return;
  }
  if (answer.ok && (goneSince || "problem" in document.body.dataset)) {
    location.reload();
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const own = fresh.getElementById(part.id);
    if (own) replace(part, own);
  }
}

async function keepFresh() {
  for (;;) {
    await new Promise((done) => setTimeout(done, Number(document.body.dataset.pauseMs)));
    if (isLive && !document.hidden) await refresh();
  }
}

function show() {
  button.setAttribute("aria-pressed", String(isLive));
}

button.addEventListener("click", () => {
  isLive = !isLive;
  sessionStorage.setItem("live", isLive ? "on" : "off");
  show();
});
document.addEventListener("click", async (event) => {
  const source = document.getElementById(event.target.dataset?.copy);
  if (!source) return;
  await navigator.clipboard.writeText(source.textContent);
  event.target.textContent = "Copied";
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !confirm(question)) {
    event.preventDefault();
    return;
  }
  const busy = event.target.dataset.busy;
  if (busy && event.submitter) {
    event.submitter.textContent = busy;
    event.submitter.disabled = true;
  }
});
show();
stick(document);
keepFresh();
