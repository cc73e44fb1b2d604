/** Draws the state of the broker: channels, messages, faults. */
export const tables = String.raw`
const $ = (id) => document.getElementById(id);
const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
// Writing the same text again would disturb a selection and screen readers.
const setText = (node, text) => {
  if (node.textContent !== String(text)) node.textContent = String(text);
};
const whole = new Intl.NumberFormat("en-US");
const rateOf = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const mostRows = 500;

// Rates are the mean of the last three seconds.
const samples = new Map();
function rates(key, atMs, channel) {
  let kept = samples.get(key) ?? [];
  const last = kept.at(-1);
  if (last && (last.messagesIn > channel.messagesIn || last.messagesOut > channel.messagesOut)) kept = [];
  kept = kept.filter((sample) => atMs - sample.atMs < 3500);
  kept.push({ atMs, messagesIn: channel.messagesIn, messagesOut: channel.messagesOut });
  samples.set(key, kept);
  const first = kept[0];
  const seconds = (atMs - first.atMs) / 1000;
  const rate = (name) => (seconds > 0 ? (channel[name] - first[name]) / seconds : 0);
  return [rate("messagesIn"), rate("messagesOut")].map((value) => rateOf.format(value >= 100 ? Math.round(value) : value));
}

const rows = new Map();
function drawChannels({ channels, atMs }, chosen, choose) {
  const search = $("filter").value.toLowerCase();
  const body = $("channels");
  const present = new Set();
  const found = channels.filter(({ name }) => name.toLowerCase().includes(search));
  let position = 0;
  for (const channel of channels) {
    const key = channel.kind + "/" + channel.name;
    present.add(key);
    const [rateIn, rateOut] = rates(key, atMs, channel);
    const row = rows.get(key) ?? newRow(key, channel, choose);
    const visible = position < mostRows && channel.name.toLowerCase().includes(search);
    if (!visible) row.remove();
    else if (body.children[position++] !== row) body.insertBefore(row, body.children[position - 1] ?? null);
    const figures = [channel.depth, channel.consumers, rateIn, rateOut, channel.messagesIn, channel.messagesOut];
    figures.forEach((figure, at) => setText(row.children[at + 2], typeof figure === "number" ? whole.format(figure) : figure));
    row.classList.toggle("chosen", key === chosen);
    row.querySelector("button").setAttribute("aria-pressed", String(key === chosen));
  }
  for (const [key, row] of rows) {
    if (present.has(key)) continue;
    row.remove();
    rows.delete(key);
    samples.delete(key);
  }
  const shown = Math.min(found.length, mostRows);
  setText($("channel-count"), shown === channels.length ? whole.format(shown) : whole.format(shown) + " of " + whole.format(channels.length));
  $("no-channels").hidden = channels.length > 0;
  body.parentElement.hidden = channels.length === 0;
}

function newRow(key, channel, choose) {
  const row = element("tr");
  row.append(element("td", "", channel.kind));
  const name = element("td");
  const button = element("button", "", visible(channel.name));
  button.type = "button";
  button.title = channel.name;
  button.addEventListener("click", () => choose(channel));
  name.append(button);
  row.append(name);
  for (let at = 0; at < 6; at++) row.append(element("td", "figure"));
  rows.set(key, row);
  return row;
}

// Control characters and those that change the direction of text are shown as escapes.
const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (odd) =>
    "\\u" + odd.charCodeAt(0).toString(16).padStart(4, "0"));

let drawn = "";
function drawMessages(messages, chosen) {
  const state = (chosen?.key ?? "") + " " + (messages[0]?.number ?? 0);
  if (state === drawn) return;
  drawn = state;
  setText($("chosen"), chosen ? "of " + chosen.kind + " " + visible(chosen.name) : "");
  setText($("no-messages"), chosen ? "No message since the broker started." : "Choose a channel to see its last 20 messages.");
  $("no-messages").hidden = messages.length > 0;
  $("messages").replaceChildren(...messages.map(drawMessage));
}

function drawMessage({ id, at, metadata, tags, encoding, body, bytes, cut }) {
  const item = element("li");
  const line = element("div", "line");
  const time = element("time", "", new Date(at).toISOString().slice(11, 23));
  time.dateTime = new Date(at).toISOString();
  line.append(time, element("span", "", visible(id)), element("span", "", whole.format(bytes) + (bytes === 1 ? " byte" : " bytes")));
  if (encoding === "hex") line.append(element("span", "", "binary, shown as hex"));
  if (cut) line.append(element("span", "", "cut"));
  if (metadata !== "") line.append(element("span", "", "metadata " + visible(metadata)));
  for (const [key, value] of Object.entries(tags)) line.append(element("span", "tag", visible(key + "=" + value)));
  item.append(line);
  if (bytes > 0) item.append(element("pre", "", encoding === "hex" ? body.replace(/../g, "$& ").trim() : visible(body)));
  return item;
}

function drawBroker({ address, profile, stats, faults, quirks }, setQuirk) {
  setText($("address"), address);
  for (const node of document.querySelectorAll(".address")) setText(node, address);
  document.title = address + " - kubemq-es broker";
  const running = Object.values(stats.streams).reduce((sum, count) => sum + count, 0);
  const figures = { connections: stats.connections, running, pending: stats.pendingRequests, cached: stats.cachedResponses, refused: stats.refusedEvents };
  for (const [id, value] of Object.entries(figures)) setText($(id), whole.format(value));
  for (const button of document.querySelectorAll("[data-state]")) {
    const on = faults[button.dataset.state];
    button.setAttribute("aria-pressed", String(on));
    setText(button.querySelector("b"), on ? "on" : "off");
  }
  setText($("delay-now"), faults.replyDelayMs);
  const boxes = $("quirks");
  for (const [name, on] of Object.entries(quirks)) {
    let box = boxes.querySelector("[name=" + name + "]");
    if (box === null) {
      box = element("input");
      box.type = "checkbox";
      box.name = name;
      box.addEventListener("change", () => setQuirk(name, box.checked));
      const label = element("label", "check");
      label.append(box, element("code", "", name));
      boxes.append(label);
    }
    box.checked = on;
  }
  setText($("profile"), profile.name);
  if ($("settings").childElementCount === 0) {
    $("settings").append(...profile.settings.flatMap(([key, value]) => [element("dt", "", key), element("dd", "", value)]));
  }
}
`;
