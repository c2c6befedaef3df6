/* Copyright (c) 2026, nodeprep.istio contributors
   GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later
   The list of nodes, its filters and each node's story. Everything from a node enters the page as text, never as markup. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { verdicts, signs, cells, requirements, causes, waivers, systems, rows, sets, notes, nodes, changes } = data;
  // Positions within a node and a row; the writer is _report_html.py.
  const [NAME, VERDICT, PAGE, RULES, UNWAIVED, SYSTEM, SET, NOTE, PATTERN, SEEN, TEXT, NO_DATA, PROBE_RESULT] = nodes.length ? nodes[0].keys() : [];
  const [REQ, MUST, CAUSE, WAIVER, STATE, NOW, AFTER, REASON, REMEDY, STATUS, PROFILES] = Array(11).keys();
  const [LESS, FORESEEN] = [8, 9];
  const URGENCY = ["not_ready", "no_data", "unknown", "at_risk", "on_demand", "ready"].map((name) => verdicts.indexOf(name));
  const STEP = 100;
  const PAPER = 200;
  const judged = nodes.some((node) => node[PAGE] >= 0 || node[RULES] >= 0);
  const byId = (id) => document.getElementById(id);

  function element(tag, options = {}, ...children) {
    const { on = {}, ...attributes } = options;
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    for (const [name, handler] of Object.entries(on)) made.addEventListener(name, handler);
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }
  const mark = (verdict) => element("span", { class: `mark v-${verdicts[verdict]}` }, element("span", { "aria-hidden": "true" }, signs[verdicts[verdict]]), ` ${verdicts[verdict]}`);
  const number = (value) => value.toLocaleString("en");
  const plural = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

  // What keeps a set of requirements from ready, worked out once for all nodes that share it.
  const rowsOf = (node) => (node[SET] < 0 ? [] : sets[node[SET]].map((place) => rows[place]));
  const isGap = (row) => row[CAUSE] >= 0 && row[WAIVER] < 0;
  const gapsOfSet = sets.map((set) => set.map((place) => rows[place]).filter(isGap));
  const gapsOf = (node) => (node[SET] < 0 ? [] : gapsOfSet[node[SET]]);
  const causesOfSet = gapsOfSet.map((gaps) => [...new Set(gaps.map((row) => row[CAUSE]))]);
  const causesOf = (node) => (node[NO_DATA] >= 0 ? [node[NO_DATA]] : node[SET] < 0 ? [] : causesOfSet[node[SET]]);
  const whyOfSet = causesOfSet.map((list) => list.map((cause) => causes[cause][0]).join("; "));
  const less = (node) => notes[node[NOTE]][LESS];
  const foreseen = (node) => notes[node[NOTE]][FORESEEN];
  const why = (node) => (node[NO_DATA] >= 0 ? node[TEXT] : [whyOfSet[node[SET]], less(node)].filter(Boolean).join("; "));
  const namesOfSet = gapsOfSet.map((gaps) => gaps.map((row) => requirements[row[REQ]][1]).join(" "));
  const hay = nodes.map((node) => [node[NAME], ...systems[node[SYSTEM]], verdicts[node[VERDICT]], why(node), namesOfSet[node[SET]] ?? "", node[TEXT]].join("\n").toLowerCase());
  const order = nodes.map((_, place) => place).sort((a, b) => URGENCY.indexOf(nodes[a][VERDICT]) - URGENCY.indexOf(nodes[b][VERDICT]) || a - b);

  // Filters
  const filter = { words: "", verdict: -1, system: -1, cause: -1, pattern: -1 };
  let shown = STEP;
  let found = [];

  function matches(place, words) {
    const node = nodes[place];
    return (
      (filter.verdict < 0 || node[VERDICT] === filter.verdict) &&
      (filter.system < 0 || node[SYSTEM] === filter.system) &&
      (filter.pattern < 0 || node[PATTERN] === filter.pattern) &&
      (filter.cause < 0 || causesOf(node).includes(filter.cause)) &&
      words.every((word) => hay[place].includes(word))
    );
  }

  function update() {
    const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
    found = order.filter((place) => matches(place, words));
    shown = STEP;
    for (const chip of ui.chips.children) chip.setAttribute("aria-pressed", String(Number(chip.dataset.verdict) === filter.verdict));
    ui.system.value = filter.system;
    ui.cause.value = filter.cause;
    ui.clear.hidden = !(filter.words || filter.verdict >= 0 || filter.system >= 0 || filter.cause >= 0 || filter.pattern >= 0);
    list();
  }

  function list() {
    ui.body.replaceChildren(...found.slice(0, shown).map(line));
    tell();
  }

  // Say how many were found, and how many of them are in the list.
  function tell() {
    const kind = filter.pattern >= 0 ? " that stand alike in one row of the heat map" : "";
    ui.found.textContent = `${plural(found.length, "node")}${kind}${found.length > shown ? `, the first ${number(shown)} shown` : ""}`;
    ui.more.hidden = found.length <= shown;
    ui.more.textContent = `Show ${number(Math.min(STEP, found.length - shown))} more`;
  }

  function line(place) {
    const node = nodes[place];
    const [system, kernel] = systems[node[SYSTEM]];
    const verdict = (value, label) => element("td", { class: "pair", "data-label": label }, value < 0 ? "" : mark(value));
    return element(
      "tr",
      {},
      element("td", {}, element("a", { href: `#node=${encodeURIComponent(node[NAME])}` }, node[NAME])),
      element("td", { class: "system" }, system, kernel ? element("span", { class: "muted mono" }, kernel) : ""),
      element("td", {}, mark(node[VERDICT]), foreseen(node) ? element("span", { class: "muted" }, `would be ${foreseen(node)}`) : "", node[VERDICT] === node[UNWAIVED] ? "" : element("span", { class: "muted" }, "by waiver"), node[PROBE_RESULT] ? element("span", { class: "muted" }, `probe: ${node[PROBE_RESULT].replace("_", " ")}`) : ""),
      ...(judged ? [verdict(node[PAGE], "Page"), verdict(node[RULES], "Rules")] : []),
      element("td", { class: "why" }, why(node), node[NO_DATA] < 0 && node[TEXT] ? element("span", { class: "muted" }, `failed: ${node[TEXT]}`) : ""),
    );
  }

  function narrow(part) {
    Object.assign(filter, { words: "", verdict: -1, system: -1, cause: -1, pattern: -1 }, part);
    ui.search.value = filter.words;
    update();
    byId("nodes").scrollIntoView();
    ui.search.focus({ preventScroll: true });
  }

  const ui = {};
  function build() {
    const set = (key) => (event) => { filter[key] = Number(event.target.value); update(); };
    const option = ([text, value]) => element("option", { value }, text);
    ui.search = element("input", { type: "search", placeholder: "Search names, systems, reasons", "aria-label": "Search nodes", autocomplete: "off", on: { input: () => { filter.words = ui.search.value; update(); } } });
    const counts = verdicts.map((_, verdict) => nodes.filter((node) => node[VERDICT] === verdict).length);
    const chip = (text, verdict, kind) => element("button", { type: "button", class: `chip v-${kind}`, "data-verdict": verdict, "aria-pressed": "false", on: { click: () => { filter.verdict = filter.verdict === verdict ? -1 : verdict; update(); } } }, text);
    ui.chips = element("div", { class: "chips", role: "group", "aria-label": "Verdict" }, chip("all", -1, "all"), ...verdicts.map((name, verdict) => counts[verdict] ? chip(`${signs[name]} ${name} ${number(counts[verdict])}`, verdict, name) : ""));
    const named = systems.map(([system, kernel], place) => [`${system}, ${kernel}`, place]).filter(([text]) => text !== ", ").sort((a, b) => (a[0] < b[0] ? -1 : 1));
    ui.system = element("select", { "aria-label": "System and kernel", on: { change: set("system") } }, ...[["Every system", -1], ...named].map(option));
    ui.cause = element("select", { "aria-label": "Root cause", on: { change: set("cause") } }, ...[["Every cause", -1], ...causes.map(([text], place) => [text, place])].map(option));
    ui.clear = element("button", { type: "button", class: "chip", hidden: true, on: { click: () => narrow({}) } }, "Clear filters");
    ui.found = element("p", { class: "found", role: "status" });
    const heads = ["Node", "System", "Verdict", ...(judged ? ["Page", "Rules"] : []), "Why"];
    ui.body = element("tbody");
    ui.more = element("button", { type: "button", class: "plain", on: { click: more } });
    byId("app").append(
      element("div", { class: "controls" }, ui.search, ui.system, ui.cause),
      element("div", { class: "controls" }, ui.chips, ui.clear),
      ui.found,
      element("div", { class: "scroll" }, element("table", { class: "list nodes stack" }, element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)))), ui.body)),
      ui.more,
    );
    byId("app").hidden = false;
  }

  function more() {
    const next = shown;
    shown += STEP;
    ui.body.append(...found.slice(next, shown).map(line));
    tell();
    ui.body.children[next]?.querySelector("a")?.focus();
  }

  // Paper takes more of the list than the screen; the line above it says how much is left out.
  let onScreen = STEP;
  addEventListener("beforeprint", () => { onScreen = shown; shown = Math.max(shown, PAPER); list(); });
  addEventListener("afterprint", () => { shown = onScreen; list(); });

  // The tables above the list lead into it.
  function lead() {
    document.documentElement.classList.add("script");
    for (const tile of document.querySelectorAll("[data-verdict].tile:not(.none)")) {
      const verdict = verdicts.indexOf(tile.dataset.verdict);
      tile.append(element("button", { type: "button", "aria-label": `Show the nodes that are ${tile.dataset.verdict}`, on: { click: () => narrow({ verdict }) } }));
    }
    for (const row of document.querySelectorAll("[data-cause]")) {
      const text = row.querySelector(".cause");
      text.replaceChildren(element("button", { type: "button", on: { click: () => narrow({ cause: Number(row.dataset.cause) }) } }, text.textContent));
    }
    for (const row of document.querySelectorAll("[data-pattern]")) {
      const text = row.querySelector("b");
      text.replaceChildren(element("button", { type: "button", class: "link", on: { click: () => narrow({ pattern: Number(row.dataset.pattern) }) } }, text.textContent));
    }
    for (const table of document.querySelectorAll("table.folded")) {
      const hidden = table.querySelectorAll("tr.more").length;
      if (hidden) {
        const paper = element("p", { class: "paper note" }, `And ${number(hidden)} more, on the screen.`);
        const button = element("button", { type: "button", class: "plain", on: { click: () => { table.classList.add("open"); button.remove(); paper.remove(); } } }, `Show ${number(hidden)} more`);
        table.parentElement.after(button, paper);
      }
    }
  }

  // A node's story
  const dialog = byId("story");
  const requirementName = (id) => requirements.find((requirement) => requirement[0] === id)?.[1] ?? id;
  const PARTS = { expected: "verdict afterwards", not_loadable: "will not load", not_removed: "left on the node", result: "result", load: "to load", persist: "to load at every boot", refused: "refused", optional: "loaded only where the kernel has it", loaded: "loaded", persisted: "persisted", boot_file: "boot file", check_mode: "in check mode only", rule_sets: "rule sets" };

  const ASKED_BY = { documented: "page", effective: "rules" };

  function story(node) {
    const [system, kernel, selinux] = systems[node[SYSTEM]];
    const [findings, disagreements, plan, execution, probe, tools, selection, forecast] = notes[node[NOTE]];
    const facts = [
      ["Verdict", node[VERDICT] === node[UNWAIVED] ? "" : `${verdicts[node[UNWAIVED]]} without waivers`],
      ["Prepared", foreseen(node) ? `it would be ${foreseen(node)}` : ""],
      ["Why", node[NO_DATA] < 0 ? less(node) : ""],
      ["Asked", selection === null ? "" : data.selections[selection]],
      ["System", system],
      ["Kernel", kernel],
      ["SELinux", selinux],
      ["Forecast", forecast],
      ["Tools", tools.map(([name, version]) => `${name} ${version}`).join(", ")],
      ["Observed", node[SEEN]],
      ["Failed", node[NO_DATA] < 0 ? node[TEXT] : ""],
    ].filter(([, text]) => text);
    const pageRules = judged && node[NO_DATA] < 0 ? element("p", {}, ...[["Page", PAGE], ["Rules", RULES]].map(([label, place]) => element("span", { class: "pair" }, `${label} `, node[place] < 0 ? "not judged" : mark(node[place])))) : "";
    return [
      element("div", { class: "story-head" }, element("div", {}, element("h2", { id: "story-name", tabindex: "-1" }, node[NAME]), element("p", {}, mark(node[VERDICT])), pageRules), element("button", { type: "button", class: "plain", on: { click: () => dialog.close() } }, "Close")),
      element("dl", { class: "facts" }, ...facts.flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)])),
      ...missing(node),
      ...section("Where page and rules disagree", [...grouped(disagreements, (text) => text.slice(text.indexOf(": "))).entries()].map(([said, list]) => element("li", {}, element("b", {}, list.map((text) => text.slice(0, text.indexOf(": "))).join(", ")), said))),
      ...section("Findings", findings.map(([severity, message, source]) => element("li", {}, element("b", {}, severity), `: ${message} `, source ? reference(source) : ""))),
      ...section("Planned", plan.map(part)),
      ...section("Done", execution.map(part)),
      ...section("Probe: rules like Istio's, loaded on the node", probe.map(part)),
      ...section("Changed since the last report", (changes[node[NAME]] ?? []).map(([what, before, after, reason]) => element("li", {}, element("b", {}, requirementName(what)), `: ${before} → ${after}${reason ? ` (${reason})` : ""}`))),
      ...table(node),
    ];
  }

  const section = (title, items) => (items.length ? [element("h3", {}, title), element("ul", {}, ...items)] : []);
  const part = ([key, items]) => element("li", {}, element("b", {}, PARTS[key] ?? key.replaceAll("_", " ")), `: ${items.join(", ")}`);
  const reference = (source) => (/^https:\/\//.test(source) ? element("a", { href: source, rel: "noreferrer" }, "source") : element("span", { class: "muted" }, source));

  function missing(node) {
    if (node[NO_DATA] >= 0) {
      const [text, remedy] = causes[node[NO_DATA]];
      return [element("h3", {}, "Why, and what to do"), element("div", { class: "gapbox none" }, element("b", {}, text), element("p", {}, node[TEXT]), element("p", { class: "do" }, remedy))];
    }
    const gaps = gapsOf(node);
    if (!gaps.length) return [];
    const boxes = causesOf(node).map((cause) => {
      const here = gaps.filter((row) => row[CAUSE] === cause);
      const kind = here.some((row) => row[NOW] === "unmet") ? "" : here.some((row) => row[NOW] === "unknown" || row[AFTER] === "unknown") ? " doubt" : " risk";
      const alike = grouped(here, same);
      const items = [...alike.values()].map((group) => element("li", {}, element("b", {}, group.map((row) => requirements[row[REQ]][1]).join(", ")), `: ${grade(group[0])}`, group[0][REASON] ? element("span", { class: "mono muted" }, ` ${group[0][REASON]}`) : "", group[0][REMEDY] && !causes[cause][1] ? `; ${group[0][REMEDY]}` : ""));
      return element("div", { class: `gapbox${kind}` }, element("b", {}, causes[cause][0]), causes[cause][1] ? element("p", { class: "do" }, causes[cause][1]) : "", element("ul", {}, ...items));
    });
    return [element("h3", {}, `Why, and what to do: ${plural(gaps.length, "gap")}`), ...boxes];
  }

  // Requirements of which the same is to be said share a line.
  const same = (row) => [row[STATE], row[NOW], row[AFTER], row[REASON], row[REMEDY]].join("\n");
  function grouped(list, key) {
    const groups = new Map();
    for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
    return groups;
  }
  const grade = (row) => `${row[STATE]}, ${row[NOW].replace("_", " ")} now${row[AFTER] === row[NOW] ? " and" : `, ${row[AFTER].replace("_", " ")}`} after a reboot`;

  function table(node) {
    const all = rowsOf(node);
    if (!all.length) return [];
    const cell = (text) => element("span", { class: "grade" }, text.replace("_", " "));
    const lines = all.map((row) => {
      const [, name, kind, wording, source] = requirements[row[REQ]];
      const waiver = row[WAIVER] < 0 ? "" : `waived until ${waivers[row[WAIVER]][0]}: ${waivers[row[WAIVER]][1]}`;
      return element(
        "tr", {},
        element("td", {}, element("i", { class: `c-${row[STATUS]}${row[MUST] ? "" : " should"}`, "aria-hidden": "true" }, cells[row[STATUS]]), element("b", {}, name), kind === "module" ? "" : ` (${kind})`),
        element("td", {}, row[MUST] ? "must" : "should"),
        element("td", { "data-label": "asked by" }, row[PROFILES].map((profile) => ASKED_BY[profile]).join(" and ") || "the site"),
        element("td", {}, row[STATE]),
        element("td", { "data-label": "now" }, cell(row[NOW])),
        element("td", { "data-label": "after a reboot" }, cell(row[AFTER])),
        element("td", {}, [waiver, row[REASON]].filter(Boolean).join("; "), " ", source ? reference(source) : "", wording ? element("span", { class: "muted" }, ` ${wording}`) : ""),
      );
    });
    const heads = ["Requirement", "Level", "Asked by", "State", "Now", "After a reboot", "Why, and source"];
    return [element("h3", {}, plural(all.length, "requirement")), element("table", { class: "list rows stack" }, element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...lines))];
  }

  function route() {
    const asked = new URLSearchParams(location.hash.slice(1)).get("node");
    const node = asked === null ? undefined : nodes.find((entry) => entry[NAME] === asked);
    if (node) {
      dialog.replaceChildren(...story(node));
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
      byId("story-name").focus();
    } else if (dialog.open) dialog.close();
  }
  dialog.addEventListener("close", () => { if (location.hash.startsWith("#node=")) history.replaceState(null, "", location.pathname + location.search); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  addEventListener("hashchange", route);

  build();
  lead();
  update();
  route();
})();
