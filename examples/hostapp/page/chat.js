// The chat of a project: what was said, what is live, and saying something.
const log = document.querySelector("#log"), state = document.querySelector("#state")
const older = document.querySelector("#older")
const project = log.dataset.project, messages = `/projects/${encodeURIComponent(project)}/messages`
let shown = new Map() // the line of each message, by its id
let searching = false

// line shows a message, or another version of it.
function line(m) {
  const li = shown.get(m.id) ?? document.createElement("li")
  const from = document.createElement("b"), at = document.createElement("small")
  from.textContent = m.from
  at.textContent = (m.at ? new Date(m.at).toLocaleString() : "") + (m.edited ? ", edited" : "")
  if (m.kind === "tombstone") li.textContent = "(gone)"
  else li.replaceChildren(from, m.text, at)
  shown.set(m.id, li)
  return li
}

async function read(query) {
  const answer = await fetch(messages + query)
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}

// begin shows the newest messages, or what a search finds.
async function begin(q = "") {
  try {
    const page = await read(q && "?q=" + encodeURIComponent(q))
    searching = q !== ""
    shown = new Map()
    log.replaceChildren(...(searching ? page.messages.reverse() : page.messages).map(line))
    log.dataset.first = page.messages[0]?.seq ?? 0
    older.hidden = searching || !page.more
    log.scrollTop = log.scrollHeight
    state.textContent = ""
  } catch (err) { state.textContent = err.message }
}

older.onclick = async () => {
  try {
    const page = await read("?before=" + log.dataset.first)
    log.prepend(...page.messages.map(line))
    log.dataset.first = page.messages[0]?.seq ?? 0
    older.hidden = !page.more
  } catch (err) { state.textContent = err.message }
}

// What is live. The browser comes back by itself, and says where it was. Events come while the
// newest messages are still being read; one after the other, they find those there.
let queue = Promise.resolve()
function listen() {
  const live = new EventSource("/live")
  live.addEventListener("begin", () => { queue = queue.then(() => searching || begin()) })
  live.onmessage = (e) => { queue = queue.then(() => happened(JSON.parse(e.data))) }
  live.onopen = () => { state.textContent = "" }
  live.onerror = () => {
    state.textContent = "not connected"
    if (live.readyState === EventSource.CLOSED) setTimeout(listen, 3000) // it was refused
  }
}

function happened(e) {
  if (e.room !== project || searching) return
  switch (e.kind) {
  case "text":
    if (!shown.has(e.id)) log.append(line(e))
    log.scrollTop = log.scrollHeight
    break
  case "edit":
    if (shown.has(e.target)) line({ ...e, id: e.target, edited: true })
    break
  case "retract":
  case "erase":
    if (shown.has(e.target)) line({ id: e.target, kind: "tombstone" })
  }
}

// Saying something: under one key until there is an answer, so that it is said once.
document.querySelector("#say").onsubmit = async (e) => {
  e.preventDefault()
  const input = e.target.querySelector("input"), text = input.value
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("")
  input.value = ""
  if (searching) await begin()
  for (let wait = 1; ; wait = Math.min(2 * wait, 60)) {
    try {
      const answer = await fetch(messages, { method: "POST", body: text, headers: { "Idempotency-Key": key } })
      if (answer.ok) { state.textContent = ""; return }
      state.textContent = await answer.text()
      if (answer.status < 500 && answer.status !== 429) { input.value ||= text; return }
    } catch { state.textContent = "not connected, sending again" }
    await new Promise((done) => setTimeout(done, 1000 * wait))
  }
}

document.querySelector("#search").onsubmit = (e) => {
  e.preventDefault()
  begin(e.target.querySelector("input").value)
}

listen()
