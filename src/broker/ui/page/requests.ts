/** Asks the broker for its state every second, and sends what forms and buttons ask for. */
export const requests = String.raw`
// The chosen channel is kept in the address, so that a reload shows it again.
function chosenChannel() {
  const [kind, name] = location.hash.slice(1).split("/").map(decodeURIComponent);
  return kind && name ? { kind, name, key: kind + "/" + name } : undefined;
}

function choose({ kind, name }) {
  location.hash = encodeURIComponent(kind) + "/" + encodeURIComponent(name);
}

// The form is for the chosen channel, until the user writes another one.
function fillForm() {
  const chosen = chosenChannel();
  if (chosen === undefined) return;
  const { kind, channel } = $("send").elements;
  kind.value = chosen.kind;
  channel.value = chosen.name;
}

async function draw() {
  const chosen = chosenChannel();
  const query = chosen ? "?" + new URLSearchParams({ kind: chosen.kind, channel: chosen.name }) : "";
  try {
    const response = await fetch("state" + query);
    const state = await response.json();
    if (!response.ok) throw new Error(state.error);
    drawBroker(state, (quirk, on) => report($("injected"), post("fault", { quirk, on })));
    drawChannels(state, chosen?.key, choose);
    drawMessages(state.messages, chosen);
    setText($("live"), "live");
    $("live").classList.remove("gone");
  } catch (error) {
    // fetch fails with a TypeError when nothing listens.
    setText($("live"), error instanceof TypeError ? "the broker is gone" : error.message);
    $("live").classList.add("gone");
  }
}

async function post(path, value) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer.outcome;
}

/** Shows the outcome of a request, and the state after it. */
async function report(place, outcome) {
  place.classList.remove("failed");
  setText(place, "...");
  try {
    setText(place, visible(await outcome));
  } catch (error) {
    setText(place, visible(error.message));
    place.classList.add("failed");
  }
  await draw();
}

function tagsOf(lines) {
  const tags = {};
  for (const line of lines.split("\n")) {
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    if (at < 1) throw new Error('a tag is key=value, but this line is "' + line + '"');
    tags[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  return tags;
}

$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const { kind, channel, body, hex, metadata, tags } = event.target.elements;
  const message = async () => ({
    kind: kind.value,
    channel: channel.value,
    body: body.value,
    encoding: hex.checked ? "hex" : "utf8",
    metadata: metadata.value,
    tags: tagsOf(tags.value),
  });
  void report($("sent"), message().then((value) => post("send", value)));
});

const number = (id) => Number($(id).value);
const options = {
  delayReplies: () => ({ ms: number("delay") }),
  endStreams: () => ({ rpc: $("rpc").value, code: number("code") }),
  resetStreams: () => ({ rpc: $("rpc").value }),
  forget: () => ({ fault: "restart", keepMemory: false }),
};
for (const button of document.querySelectorAll("[data-fault]")) {
  const { fault } = button.dataset;
  button.addEventListener("click", () => report($("injected"), post("fault", { fault, ...options[fault]?.() })));
}
for (const button of document.querySelectorAll("[data-state]")) {
  button.addEventListener("click", () => {
    const { begin, end } = button.dataset;
    const fault = button.getAttribute("aria-pressed") === "true" ? end : begin;
    return report($("injected"), post("fault", { fault }));
  });
}

$("filter").addEventListener("input", () => void draw());
addEventListener("hashchange", () => {
  fillForm();
  void draw();
});
async function live() {
  await draw();
  setTimeout(live, 1000);
}
fillForm();
void live();
`;
