const kinds = ["events", "eventsStore", "queues", "commands", "queries"];

const options = (values: readonly string[]) =>
  values.map((value) => `<option value="${value}">${value}</option>`).join("");

const rpcs = [
  "SendEventsStream",
  "SubscribeToEvents",
  "SubscribeToRequests",
  "QueuesUpstream",
  "QueuesDownstream",
  "StreamQueueMessage",
];

const button = (fault: string, label: string) => `<button type="button" data-fault="${fault}">${label}</button>`;

/** A button that stays pressed while its fault lasts. */
const toggle = (state: string, begin: string, end: string, label: string) =>
  `<button type="button" aria-pressed="false" data-state="${state}" data-begin="${begin}" data-end="${end}">${label}: <b>off</b></button>`;

const figure = (id: string, label: string) => `<div><dt>${label}</dt><dd id="${id}">0</dd></div>`;

/** The page without its figures, which the script fills in. */
export const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>kubemq-es broker</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
</head>
<body>
<header>
  <h1>kubemq-es broker <code id="address"></code></h1>
  <p id="live" role="status">connecting</p>
  <dl class="figures">
    ${figure("connections", "connections")}
    ${figure("running", "running calls")}
    ${figure("pending", "pending requests")}
    ${figure("cached", "cached responses")}
    ${figure("refused", "refused events")}
  </dl>
</header>
<main>
<div class="column">
<section id="channels-section" aria-labelledby="channels-title">
  <div class="head">
    <h2 id="channels-title">Channels <span id="channel-count" class="quiet">0</span></h2>
    <label class="filter"><span class="sr">Filter channels by name</span><input id="filter" type="search" placeholder="filter by name" autocomplete="off"></label>
  </div>
  <div class="scroll" tabindex="0" role="region" aria-labelledby="channels-title">
  <table>
    <colgroup><col class="c-kind"><col class="c-name"><col class="c-figure" span="6"></colgroup>
    <thead><tr>
      <th scope="col">kind</th><th scope="col">channel</th>
      <th scope="col" title="messages that the channel keeps">depth</th><th scope="col">consumers</th>
      <th scope="col" title="messages sent per second">in/s</th><th scope="col" title="deliveries per second">out/s</th>
      <th scope="col" title="messages sent">in</th><th scope="col" title="deliveries">out</th>
    </tr></thead>
    <tbody id="channels"></tbody>
  </table>
  </div>
  <p id="no-channels" class="quiet empty">No channel yet. Connect a client to <code class="address"></code>, or send a message with the form.</p>
</section>
<section id="messages-section" aria-labelledby="messages-title">
  <h2 id="messages-title">Last messages <span id="chosen" class="quiet"></span></h2>
  <p id="no-messages" class="quiet empty">Choose a channel to see its last 20 messages.</p>
  <ol id="messages" tabindex="0" aria-labelledby="messages-title"></ol>
</section>
</div>
<div class="column">
<section id="send-section" aria-labelledby="send-title">
  <h2 id="send-title">Send</h2>
  <form id="send" autocomplete="off">
    <div class="pair">
      <label>Kind<select name="kind">${options(kinds)}</select></label>
      <label>Channel<input name="channel" required></label>
    </div>
    <label>Body<textarea name="body" rows="4" spellcheck="false"></textarea></label>
    <label class="check"><input type="checkbox" name="hex"> The body is hexadecimal</label>
    <label>Metadata<input name="metadata"></label>
    <label>Tags, one <code>key=value</code> a line<textarea name="tags" rows="2" spellcheck="false"></textarea></label>
    <div class="row"><button class="primary">Send</button><output id="sent" role="status"></output></div>
  </form>
</section>
<section id="faults-section" aria-labelledby="faults-title">
  <h2 id="faults-title">Faults</h2>
  <div role="group" aria-labelledby="f-connections"><h3 id="f-connections">Connections</h3><div class="row">
    ${button("dropConnections", "Drop all")}
    ${button("finishConnections", "Finish all (FIN)")}
    ${button("goAway", "Send GOAWAY")}
    ${toggle("connectionsRefused", "refuseConnections", "allowConnections", "Refuse new ones")}
  </div></div>
  <div role="group" aria-labelledby="f-traffic"><h3 id="f-traffic">Traffic</h3><div class="row">
    ${toggle("readingPaused", "pauseReading", "resumeReading", "Pause reading")}
    ${toggle("writingPaused", "pauseWriting", "resumeWriting", "Pause writing")}
  </div><div class="row">
    <label class="inline">Delay replies by <input id="delay" type="number" min="0" max="60000" step="1" value="0"> ms</label>
    ${button("delayReplies", "Set")}<span class="quiet">now <span id="delay-now">0</span> ms</span>
  </div></div>
  <div role="group" aria-labelledby="f-calls"><h3 id="f-calls">Running calls</h3><div class="row">
    <label class="inline">RPC <select id="rpc"><option value="">all</option>${options(rpcs)}</select></label>
    <label class="inline">Status <input id="code" type="number" min="0" max="16" step="1" value="14"></label>
  </div><div class="row">
    ${button("endStreams", "End with status")}
    ${button("resetStreams", "Reset")}
    ${button("closeByServer", "CloseByServer")}
  </div></div>
  <div role="group" aria-labelledby="f-server"><h3 id="f-server">Server</h3><div class="row">
    ${button("restart", "Restart")}
    ${button("forget", "Restart and forget all")}
  </div></div>
  <p id="injected" role="status"></p>
  <fieldset><legend>Quirks of real servers</legend><div id="quirks"></div></fieldset>
  <details><summary>Profile <code id="profile"></code></summary><dl id="settings"></dl></details>
</section>
</div>
</main>
</body>
</html>
`;
