// The list, kept fresh by server-sent events, and one mail beside it. The mail's address is the
// part after "#". Everything from a mail enters the page as text, its HTML only in a sandbox.

const page = (id) => document.getElementById(id);
const PAGE_SIZE = 50;

const state = { text: "", newest: null, nextBefore: null, open: null, tab: "html", asked: 0 };

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const count = new Intl.NumberFormat();

function shortTime(date) {
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

async function get(address) {
  const answer = await fetch(address);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer;
}

// The list

function row(mail) {
  const item = element("li");
  const link = element("a");
  link.href = `#${mail.id}`;
  link.dataset.id = mail.id;
  const time = element("time", "", shortTime(new Date(mail.received_at)));
  time.dateTime = mail.received_at;
  link.append(
    element("span", "to", mail.recipients.join(", ")),
    time,
    element("span", "subject", mail.subject || "(no subject)"),
  );
  item.append(link);
  return item;
}

function markOpen() {
  for (const link of page("mails").querySelectorAll("a")) {
    if (link.dataset.id === state.open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

async function load(before) {
  const asked = ++state.asked;
  const query = new URLSearchParams({ text: state.text, limit: PAGE_SIZE });
  if (before) query.set("before", before);
  const found = await (await get(`/api/messages?${query}`)).json();
  if (asked !== state.asked) return;
  const rows = found.messages.map(row);
  if (before) {
    page("mails").append(...rows);
  } else {
    page("mails").replaceChildren(...rows);
    state.newest = found.messages.length ? found.messages[0].id : null;
    page("fresh").hidden = true;
  }
  state.nextBefore = found.next_before;
  page("older").hidden = !found.next_before;
  const none = found.total === 0;
  page("empty").hidden = !none;
  page("empty").textContent = state.text ? "No mail matches the search." : "No mail yet.";
  showTotal(found.total);
  markOpen();
}

function showTotal(total) {
  const noun = total === 1 ? "mail" : "mails";
  page("total").textContent = `${count.format(total)} ${noun}${state.text ? " found" : ""}`;
}

// Someone who has scrolled down keeps the place; the new mails wait behind a button.
async function refresh(update) {
  const list = page("mails").parentElement;
  if (list.scrollTop < 40 || update.newest === null) {
    await load();
  } else {
    if (!state.text) showTotal(update.total);
    if (update.newest !== state.newest) {
      page("fresh").textContent = "New mails";
      page("fresh").hidden = false;
    }
  }
}

function listen() {
  const updates = new EventSource("/api/updates");
  const live = page("live");
  let busy = false;
  let waiting = null;
  updates.addEventListener("open", () => {
    live.dataset.state = "live";
    live.textContent = "live";
  });
  updates.addEventListener("error", () => {
    live.dataset.state = "lost";
    live.textContent = "reconnecting";
  });
  updates.addEventListener("message", async (event) => {
    waiting = JSON.parse(event.data);
    if (busy) return;
    busy = true;
    while (waiting) {
      const update = waiting;
      waiting = null;
      await refresh(update);
    }
    busy = false;
  });
}

// One mail

function fact(name, value) {
  return value ? [element("dt", "", name), element("dd", "", value)] : [];
}

async function open(id) {
  state.open = id;
  markOpen();
  const answer = id ? await get(`/api/messages/${encodeURIComponent(id)}`) : null;
  if (state.open !== id) return;
  const mail = answer ? await answer.json() : null;
  state.mail = mail;
  page("mail").hidden = !mail;
  page("nothing").hidden = Boolean(mail);
  document.querySelector("main").classList.toggle("reading", Boolean(mail));
  document.title = mail ? `${mail.subject || "(no subject)"} · Mailbox` : "Mailbox · Dripgraph";
  if (!mail) return;
  const subject = page("subject");
  subject.textContent = mail.subject || "(no subject)";
  page("facts").replaceChildren(
    ...fact("From", mail.author),
    ...fact("To", mail.recipients.join(", ")),
    ...fact("Return path", mail.sender || "(none)"),
    ...fact("Received", `${full.format(new Date(mail.received_at))}, ${size(mail.size_bytes)}`),
  );
  page("attachments").replaceChildren(
    ...mail.attachments.map((attachment, number) => {
      const item = element("li");
      const link = element("a", "quiet", `${attachment.name} · ${size(attachment.size_bytes)}`);
      link.href = `/api/messages/${mail.id}/attachments/${number}`;
      link.download = attachment.name;
      item.append(link);
      return item;
    }),
  );
  page("download").href = `/api/messages/${mail.id}/source?download`;
  page("tab-html").disabled = !mail.has_html;
  page("tab-text").disabled = mail.text === null;
  const usable = { html: mail.has_html, text: mail.text !== null, headers: true, source: true };
  await show(usable[state.tab] ? state.tab : ["html", "text", "source"].find((tab) => usable[tab]));
}

async function show(tab) {
  const { mail } = state;
  for (const button of document.querySelectorAll("[role=tab]")) {
    const chosen = button.dataset.tab === tab;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  page("images-choice").hidden = tab !== "html";
  page("widths").hidden = tab !== "html";
  page("panel").setAttribute("aria-labelledby", `tab-${tab}`);
  const made = await panels[tab](mail);
  if (state.mail === mail) page("panel").replaceChildren(made);
}

const panels = {
  html(mail) {
    const frame = element("iframe");
    frame.title = "The mail's HTML";
    frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
    frame.referrerPolicy = "no-referrer";
    frame.src = `/api/messages/${mail.id}/html${page("images").checked ? "?images=all" : ""}`;
    return frame;
  },
  text: (mail) => element("pre", "", mail.text),
  headers(mail) {
    const table = element("table");
    for (const [name, value] of mail.headers) {
      const line = table.insertRow();
      line.append(element("th", "", name), element("td", "", value));
    }
    return table;
  },
  async source(mail) {
    const answer = await get(`/api/messages/${mail.id}/source`);
    return element("pre", "", answer ? await answer.text() : "The mail has been deleted.");
  },
};

// Wiring

page("search").addEventListener("input", (event) => {
  state.text = event.target.value.trim();
  load();
});
document.querySelector(".search").addEventListener("submit", (event) => event.preventDefault());
page("older").addEventListener("click", () => load(state.nextBefore));
page("fresh").addEventListener("click", () => {
  page("mails").parentElement.scrollTop = 0;
  load();
});
page("clear").addEventListener("click", async () => {
  if (!confirm("Delete every mail of the mailbox?")) return;
  await fetch("/api/messages", { method: "DELETE" });
  location.hash = "";
});
page("back").addEventListener("click", () => {
  location.hash = "";
});
page("images").addEventListener("change", () => show("html"));
page("widths").addEventListener("click", (event) => {
  const { width } = event.target.dataset;
  if (!width) return;
  page("panel").dataset.width = width;
  for (const button of page("widths").children) {
    button.setAttribute("aria-pressed", String(button.dataset.width === width));
  }
});
const tabs = document.querySelector("[role=tablist]");
tabs.addEventListener("click", (event) => {
  if (!event.target.matches("[role=tab]")) return;
  state.tab = event.target.dataset.tab;
  show(state.tab);
});
tabs.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !event.target.matches("[role=tab]")) return;
  const usable = [...tabs.querySelectorAll("[role=tab]:not(:disabled)")];
  const next = usable[(usable.indexOf(event.target) + step + usable.length) % usable.length];
  next.focus();
  next.click();
});
addEventListener("hashchange", () => open(location.hash.slice(1) || null));

open(location.hash.slice(1) || null);
listen();
