"use strict";
// Shows the tickets and keeps them fresh. Everything that customers wrote is put in as text; the two fields that
// hold markup (description and messages) were sanitized by the server, and are cleaned once more here.

const byId = (id) => document.getElementById(id);
const state = { stages: [], tickets: [], open: new Set(), known: null, drafts: new Map(), query: "" };

const allowed = new Set(["P", "BR", "DIV", "SPAN", "B", "I", "U", "S", "EM", "STRONG", "UL", "OL", "LI", "A", "CODE",
  "PRE", "BLOCKQUOTE", "TABLE", "TBODY", "THEAD", "TR", "TD", "TH", "H1", "H2", "H3", "H4", "HR", "SMALL"]);

/** Copies markup into a place, without attributes but web links, and without any element that is not listed. */
function putMarkup(place, markup) {
  const parsed = new DOMParser().parseFromString(markup || "", "text/html");
  const copy = (from, to) => {
    for (const node of from.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) to.append(node.textContent);
      else if (node.nodeType === Node.ELEMENT_NODE && allowed.has(node.tagName)) {
        const element = document.createElement(node.tagName);
        const link = node.getAttribute("href") || "";
        if (node.tagName === "A" && /^https?:\/\//i.test(link)) {
          element.href = link;
          element.rel = "noopener noreferrer nofollow";
          element.target = "_blank";
        }
        copy(node, element);
        to.append(element);
      } else if (node.nodeType === Node.ELEMENT_NODE && !["SCRIPT", "STYLE"].includes(node.tagName)) copy(node, to);
    }
  };
  place.replaceChildren();
  copy(parsed.body, place);
}

/** A moment of Odoo (UTC without a zone) in the reader's own time. */
function showTime(element, moment) {
  const date = new Date(`${moment.replace(" ", "T")}Z`);
  element.dateTime = date.toISOString();
  element.textContent = date.toLocaleString("es", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

function complain(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) {
      const problem = await response.json().catch(() => ({}));
      complain(problem.error || `No se pudo guardar (${response.status}).`);
      return false;
    }
    complain("");
    return true;
  } catch {
    complain("No se pudo guardar: el emulador no responde.");
    return false;
  }
}

const size = (bytes) => bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;

/** A file of the customer's: a link that downloads it, and a look at it where that is an image or a sound. */
function showAttachment(file) {
  const item = document.createElement("li");
  item.dataset.testid = "ticket-attachment";
  const address = `/desk/attachments/${file.id}`;
  const link = document.createElement("a");
  link.href = address;
  link.download = file.name;
  link.textContent = `${file.name} (${size(file.size)})`;
  if (/^image\/(jpeg|png|gif|webp)$/.test(file.type)) {
    const picture = document.createElement("img");
    picture.src = address;
    picture.alt = `Imagen adjunta: ${file.name}`;
    picture.loading = "lazy";
    item.append(picture);
  } else if (/^audio\//.test(file.type)) {
    const sound = document.createElement("audio");
    sound.src = address;
    sound.controls = true;
    sound.preload = "none";
    sound.setAttribute("aria-label", `Audio adjunto: ${file.name}`);
    item.append(sound);
  }
  item.append(link);
  return item;
}

function showMessages(list, messages) {
  list.replaceChildren(...messages.map((message) => {
    const item = document.createElement("li");
    item.className = message.public ? "public" : "note";
    item.dataset.testid = "ticket-note";
    const who = document.createElement("p");
    who.className = "who";
    const time = document.createElement("time");
    showTime(time, message.at);
    who.append(message.author || "Sistema", time, message.public ? "· respuesta al cliente" : "· nota interna");
    const body = document.createElement("div");
    putMarkup(body, message.body);
    item.append(who, body);
    return item;
  }));
  if (!messages.length) {
    const none = document.createElement("li");
    none.textContent = "Sin mensajes todavía.";
    list.append(none);
  }
}

function showTicket(ticket) {
  const card = byId("ticket-template").content.firstElementChild.cloneNode(true);
  const part = (selector) => card.querySelector(selector);
  card.dataset.id = ticket.id;
  card.dataset.stage = ticket.stage;
  part(".number").textContent = ticket.number;
  const title = part(".title");
  title.textContent = ticket.title;
  part(".person").hidden = !ticket.needsPerson;
  part(".name").textContent = ticket.customer || "Cliente sin nombre";
  part(".email").textContent = ticket.email;
  putMarkup(part(".description"), ticket.description || "");
  if (ticket.attachments.length) {
    part(".attachments").hidden = false;
    part(".attachments").replaceChildren(...ticket.attachments.map(showAttachment));
  }
  showTime(part("footer time"), ticket.created);
  const select = part("select");
  for (const stage of state.stages) select.append(new Option(stage.name, stage.id, false, stage.id === ticket.stageId));
  select.setAttribute("aria-label", `Etapa de ${ticket.number}`);
  select.addEventListener("change", async () => {
    if (!await post(`/desk/tickets/${ticket.id}/stage`, { stage_id: Number(select.value) })) refresh();
  });

  const open = (isOpen) => {
    card.classList.toggle("open", isOpen);
    part(".chatter").hidden = !isOpen;
    title.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) state.open.add(ticket.id); else state.open.delete(ticket.id);
  };
  title.addEventListener("click", () => open(!state.open.has(ticket.id)));
  open(state.open.has(ticket.id));
  showMessages(part(".messages"), ticket.messages);

  const form = part("form");
  const text = part("textarea");
  text.id = `message-${ticket.id}`;
  part("[data-for]").htmlFor = text.id;
  const draft = state.drafts.get(ticket.id) || { body: "", kind: "note" };
  text.value = draft.body;
  form.elements.kind.value = draft.kind;
  const keep = () => state.drafts.set(ticket.id, { body: text.value, kind: form.elements.kind.value });
  form.addEventListener("input", keep);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) { text.focus(); return; }
    if (await post(`/desk/tickets/${ticket.id}/messages`, { body: text.value, public: form.elements.kind.value === "public" })) {
      state.drafts.delete(ticket.id);
      refresh();
    }
  });
  if (state.known && !state.known.has(ticket.id)) card.classList.add("fresh");
  return card;
}

/** Where the focus is, so that drawing anew does not take it away from someone who types. */
function focusMark() {
  const card = document.activeElement?.closest?.(".ticket");
  if (!card) return () => {};
  const selector = ["textarea", "select", ".title", "button[type=submit]"].find((one) => document.activeElement.matches(one));
  const { selectionStart: start, selectionEnd: end } = document.activeElement;
  return () => {
    const again = selector && document.querySelector(`.ticket[data-id="${card.dataset.id}"] ${selector}`);
    if (!again) return;
    again.focus({ preventScroll: true });
    if (selector === "textarea") again.setSelectionRange(start, end);
  };
}

function draw() {
  const words = state.query.trim().toLocaleLowerCase("es");
  const shown = state.tickets.filter((ticket) => !words ||
    [ticket.number, ticket.title, ticket.customer, ticket.email].join(" ").toLocaleLowerCase("es").includes(words));
  const restore = focusMark();
  byId("board").replaceChildren(...state.stages.map((stage) => {
    const tickets = shown.filter((ticket) => ticket.stageId === stage.id);
    const column = document.createElement("section");
    column.className = "stage";
    column.dataset.closed = stage.closed;
    column.dataset.count = tickets.length;
    const heading = document.createElement("h2");
    const sum = document.createElement("span");
    sum.className = "sum";
    sum.textContent = tickets.length;
    heading.append(stage.name, sum);
    const list = document.createElement("div");
    list.className = "tickets";
    list.append(...tickets.map(showTicket));
    if (!tickets.length) {
      const none = document.createElement("p");
      none.className = "none";
      none.textContent = "Sin tickets";
      list.append(none);
    }
    column.append(heading, list);
    return column;
  }));
  const none = state.tickets.length === 0;
  byId("empty").hidden = !none;
  byId("nothing").hidden = none || shown.length > 0;
  byId("board").hidden = shown.length === 0;
  byId("count").textContent = state.tickets.length === 1 ? "1 ticket" : `${state.tickets.length} tickets`;
  restore();
}

function tell() {
  const ids = new Set(state.tickets.map((ticket) => ticket.id));
  const fresh = state.known ? state.tickets.filter((ticket) => !state.known.has(ticket.id)) : [];
  if (fresh.length === 1) byId("news").textContent = `Ticket nuevo ${fresh[0].number}: ${fresh[0].title}`;
  else if (fresh.length > 1) byId("news").textContent = `${fresh.length} tickets nuevos`;
  state.known = ids;
}

let running = false;
let again = false;

/** Asks for everything anew; calls that come meanwhile are gathered into one. */
async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try {
    const response = await fetch("/desk/tickets");
    if (!response.ok) throw new Error(String(response.status));
    const content = await response.json();
    state.stages = content.stages;
    state.tickets = content.tickets;
    byId("faulty").hidden = !content.faulty;
    draw();
    tell();
  } catch {
    complain("No se pudieron cargar los tickets. Se intentará otra vez al volver la conexión.");
  } finally {
    running = false;
    if (again) { again = false; refresh(); }
  }
}

function connect() {
  const source = new EventSource("/desk/events");
  const live = (mode, text) => { byId("live").dataset.state = mode; byId("live-text").textContent = text; };
  source.onopen = () => { live("on", "En directo"); complain(""); };
  source.addEventListener("hello", refresh);
  source.addEventListener("changed", refresh);
  source.onerror = () => {
    live("off", "Sin conexión, reintentando…");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
}

function view(list) {
  byId("board").classList.toggle("list", list);
  byId("as-list").setAttribute("aria-pressed", String(list));
  byId("as-board").setAttribute("aria-pressed", String(!list));
  localStorage.setItem("desk-view", list ? "list" : "board");
}

byId("as-list").addEventListener("click", () => view(true));
byId("as-board").addEventListener("click", () => view(false));
byId("search").addEventListener("input", (event) => { state.query = event.target.value; draw(); });
byId("clear").addEventListener("click", () => { byId("search").value = ""; state.query = ""; draw(); byId("search").focus(); });
view(localStorage.getItem("desk-view") === "list");
connect();
