// The explorer: the list of operations, a form for the chosen one, and the answer that it got.
// The access token lives in this page only: a reload forgets it.

import { choices, example, itemsOf, resolve } from "./schema.js";

/** The largest text that is shown, in characters, and the largest picture, in bytes. More can be downloaded. */
const MAX_SHOWN_TEXT = 200_000;
const MAX_SHOWN_IMAGE = 20_000_000;

const byId = (id) => document.getElementById(id);
let token = null;
let api = { paths: {} };

/** An element with properties and children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function notice(text) {
  byId("notice").textContent = text ?? "";
  byId("notice").hidden = !text;
}

function authorization() {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

// ---- State of the server ------------------------------------------------------------------------------------------

async function showState() {
  const lamp = document.querySelector(".lamp");
  const text = byId("state-text");
  const started = performance.now();
  try {
    const health = await (await fetch("/api/health", { cache: "no-store" })).json();
    const taken = Math.max(1, Math.round(performance.now() - started));
    lamp.className = "lamp good";
    text.textContent = `The server is ${health.status} and answers in ${taken} ms`;
  } catch {
    lamp.className = "lamp bad";
    text.textContent = "The server does not answer";
  }
}

async function showVersion() {
  try {
    const { version } = await (await fetch("/api/version")).json();
    byId("version").textContent = version === "unknown" ? api.info?.version ?? version : version;
  } catch {
    byId("version").textContent = "unknown";
  }
}

// ---- Sign-in ------------------------------------------------------------------------------------------------------

async function signIn(event) {
  event.preventDefault();
  notice();
  const form = new URLSearchParams({ username: byId("username").value, password: byId("password").value });
  try {
    const answer = await fetch("/api/auth/token", { method: "POST", body: form });
    const body = await answer.json();
    if (!answer.ok) throw new Error(typeof body.detail === "string" ? body.detail : `status ${answer.status}`);
    token = body.access_token;
    byId("who").textContent = `${body.username} (${body.role})`;
  } catch (error) {
    notice(`Sign-in failed: ${error.message}`);
    return;
  }
  byId("password").value = "";
  showSignedIn(true);
  await offerConnections();
}

function signOut() {
  token = null;
  byId("connections").replaceChildren();
  showSignedIn(false);
}

function showSignedIn(yes) {
  byId("sign-in").hidden = yes;
  byId("signed-in").hidden = !yes;
}

/** Lets fields for a connection offer the ones there are. */
async function offerConnections() {
  try {
    const answer = await fetch("/api/connections", { headers: authorization() });
    if (!answer.ok) return;
    const connections = await answer.json();
    byId("connections").replaceChildren(
      ...connections.map(({ id, name }) => element("option", { value: id, label: name })),
    );
  } catch {
    // The field stays a plain one.
  }
}

// ---- The list of operations ---------------------------------------------------------------------------------------

function operations() {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })));
}

function showOperations() {
  const wanted = byId("search").value.trim().toLowerCase();
  const matching = operations().filter(({ path, summary, operationId }) =>
    `${path} ${summary} ${operationId}`.toLowerCase().includes(wanted));
  const groups = Map.groupBy ? Map.groupBy(matching, (one) => one.tags[0]) : groupBy(matching, (one) => one.tags[0]);
  byId("operations").replaceChildren(...[...groups].flatMap(([tag, members]) => [
    element("h3", { textContent: tag }),
    element("ul", {}, ...members.map(operationEntry)),
  ]));
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function operationEntry(operation) {
  const button = element("button", { type: "button", title: `${operation.method.toUpperCase()} ${operation.path}` },
    element("span", { className: `method ${operation.method}`, textContent: operation.method.toUpperCase() }),
    element("span", { textContent: words(operation.operationId) }));
  button.addEventListener("click", () => {
    document.querySelector("[aria-current]")?.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    showOperation(operation);
  });
  return element("li", {}, button);
}

/** `list_connections` in words. */
function words(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// ---- One operation ------------------------------------------------------------------------------------------------

function showOperation(operation) {
  const parameters = (operation.parameters ?? []).map((parameter) => ({ parameter, field: parameterField(parameter) }));
  const body = bodyFields(operation.requestBody);
  const send = element("button", { textContent: "Send" });
  const remark = element("span");
  const answer = element("div", { className: "answer", hidden: true });
  const form = element("form", {},
    parameters.length ? element("h3", { textContent: "Parameters" }) : null,
    parameters.length ? element("div", { className: "fields" }, ...parameters.flatMap(parameterRow)) : null,
    body ? element("h3", { textContent: `Body · ${body.type}` }) : null,
    body ? body.shown : null,
    element("div", { className: "send" }, send, remark));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    remark.textContent = "Sending…";
    try {
      await exchange(operation, parameters, body, answer);
      remark.textContent = "";
    } catch (error) {
      remark.textContent = `Not sent: ${error.message}`;
    } finally {
      send.disabled = false;
    }
  });
  byId("operation").replaceChildren(
    element("h2", { textContent: words(operation.operationId) }),
    element("p", { className: "path", textContent: `${operation.method.toUpperCase()} ${operation.path}` }),
    element("p", { textContent: operation.summary + (operation.security && !token ? " · needs a sign-in" : "") }),
    form, answer);
}

function parameterRow({ parameter, field }) {
  const label = element("label", { textContent: parameter.name, className: parameter.required ? "required" : "" });
  field.id = `parameter-${parameter.name}`;
  label.htmlFor = field.id;
  const hint = parameter.description ? element("p", { className: "hint", textContent: parameter.description }) : null;
  return [label, field, hint].filter(Boolean);
}

function parameterField({ name, required, schema }) {
  const items = itemsOf(api, schema);
  const values = choices(api, items ?? schema);
  const type = [resolve(api, schema).type].flat();
  if (values || type.includes("boolean")) {
    const offered = values ?? ["true", "false"];
    const select = element("select", { multiple: Boolean(items), required });
    if (!items && !required) select.append(element("option", { value: "", textContent: "" }));
    select.append(...offered.map((value) => element("option", { value, textContent: value })));
    return select;
  }
  const field = element("input", { required: required && name !== "path", spellcheck: false, autocomplete: "off" });
  if (name.includes("connection_id")) field.setAttribute("list", "connections");
  return field;
}

/** The fields for a body: what to show, and how to read it. */
function bodyFields(requestBody) {
  if (!requestBody) return null;
  const kinds = requestBody.content;
  const type = "multipart/form-data" in kinds ? "multipart/form-data" : Object.keys(kinds)[0];
  const media = kinds[type];
  if (type === "application/json") {
    const text = JSON.stringify(example(api, media.schema), null, 2);
    const shown = element("textarea", { value: requestBody.required ? text : "", placeholder: text, spellcheck: false });
    shown.setAttribute("aria-label", "Body");
    const read = () => shown.value.trim() === "" ? {} : {
      body: JSON.stringify(JSON.parse(shown.value)), headers: { "Content-Type": "application/json" },
    };
    return { type, shown, read };
  }
  if (type !== "multipart/form-data") {
    const file = element("input", { type: "file", required: true });
    file.setAttribute("aria-label", "File");
    return { type, shown: file, read: () => ({ body: file.files[0] }) };
  }
  const properties = Object.entries(resolve(api, media.schema).properties ?? {});
  const fields = properties.map(([name, schema]) => {
    const isFile = Boolean(schema.contentMediaType);
    const kind = isFile ? "file" : name.includes("password") ? "password" : "text";
    return { parameter: { name, required: true }, field: element("input", { type: kind, required: true }) };
  });
  const read = () => {
    const form = new FormData();
    for (const { parameter, field } of fields) form.append(parameter.name, field.files ? field.files[0] : field.value);
    return { body: form };
  };
  return { type, shown: element("div", { className: "fields" }, ...fields.flatMap(parameterRow)), read };
}

// ---- Request and answer -------------------------------------------------------------------------------------------

async function exchange(operation, parameters, body, shown) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = { ...authorization() };
  for (const { parameter, field } of parameters) {
    const values = field.multiple ? [...field.selectedOptions].map((option) => option.value) : [field.value];
    for (const value of values) {
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value.trim()));
      else if (value === "" && !parameter.required) continue;
      else if (parameter.in === "header") headers[parameter.name] = value;
      else query.append(parameter.name, value);
    }
  }
  const sent = body?.read() ?? {};
  const address = query.toString() ? `${path}?${query}` : path;
  const started = performance.now();
  const answer = await fetch(address, {
    method: operation.method.toUpperCase(), headers: { ...headers, ...sent.headers }, body: sent.body, cache: "no-store",
  });
  const content = await answer.blob();
  const taken = Math.round(performance.now() - started);
  await showAnswer(shown, answer, content, taken, path);
  if (path === "/api/connections" || operation.method === "delete") await offerConnections();
}

/** The address of the last answer's content, released when the next one comes. */
let lastContent = null;

async function showAnswer(shown, answer, content, taken, path) {
  if (lastContent) URL.revokeObjectURL(lastContent);
  lastContent = URL.createObjectURL(content);
  const type = answer.headers.get("content-type") ?? "";
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  shown.replaceChildren(
    element("h3", { textContent: "Answer" }),
    element("p", {},
      element("span", { className: `status ${answer.ok ? "good" : "bad"}`, textContent: `${answer.status} ${answer.statusText}` }),
      ` · ${content.size.toLocaleString()} bytes · ${taken} ms`),
    element("pre", { textContent: headers }));
  if (content.size > 0) {
    shown.append(element("h3", { textContent: "Body" }));
    const view = await contentView(type, content);
    if (view) shown.append(view);
    const link = element("a", { href: lastContent, download: fileName(answer, path), textContent: "Download" });
    shown.append(element("p", {}, link));
  }
  shown.hidden = false;
  shown.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

async function contentView(type, content) {
  if (type.startsWith("image/") && content.size <= MAX_SHOWN_IMAGE) {
    return element("img", { src: lastContent, alt: "The image in the answer" });
  }
  const isJson = type.includes("json");
  if (!isJson && !type.startsWith("text/")) return null;
  const text = await content.slice(0, MAX_SHOWN_TEXT).text();
  const isCut = content.size > MAX_SHOWN_TEXT;
  const pretty = isJson && !isCut ? JSON.stringify(JSON.parse(text), null, 2) : text;
  return element("pre", { textContent: isCut ? `${pretty}\n… (download for the rest)` : pretty });
}

/** What the answer says its content is called. */
function fileName(answer, path) {
  const disposition = answer.headers.get("content-disposition") ?? "";
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition);
  if (extended) return decodeURIComponent(extended[1]);
  const plain = /filename="?([^";]+)"?/i.exec(disposition);
  return plain ? plain[1] : path.split("/").pop() || "answer";
}

// ---- Start --------------------------------------------------------------------------------------------------------

byId("sign-in").addEventListener("submit", signIn);
byId("sign-out").addEventListener("click", signOut);
byId("copy-token").addEventListener("click", () => navigator.clipboard?.writeText(token ?? ""));
byId("search").addEventListener("input", showOperations);

showState();
setInterval(showState, 15_000);
try {
  api = await (await fetch("/api/openapi.json")).json();
  showOperations();
} catch {
  notice("The list of operations could not be loaded.");
}
await showVersion();
