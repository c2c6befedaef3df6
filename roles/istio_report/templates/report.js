/* Copyright (c) 2026, nodeprep.istio contributors
   GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later
   The list of nodes, its filters, and the details of each node. Data of nodes enters the page as text, never as markup. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { verdicts, requirements, causes, waivers, systems, rows, notes, nodes, changes } = data;
  const { verdict_signs: verdictSigns, status_signs: statusSigns, row_lists: rowLists } = data;
  // Each entry is a list. The data names the values of each kind of entry: node[NODE.name] is the name of a node.
  const indices = (names) => Object.fromEntries(names.map((name, index) => [name, index]));
  const [NODE, ROW, NOTE, FINDING, DISAGREEMENT, SYSTEM, REQUIREMENT, CAUSE, WAIVER, CHANGE] = [
    "node", "row", "note", "finding", "disagreement", "system", "requirement", "cause", "waiver", "change",
  ].map((kind) => indices(data.columns[kind]));
  const NONE = -1;
  const MOST_URGENT_FIRST = ["not_ready", "no_data", "unknown", "at_risk", "on_demand", "ready", "skipped"].map((name) => verdicts.indexOf(name));
  const PAGE_SIZE = 100;
  const MAX_ROWS_ON_PAPER = 200;
  const PROFILES = { documented: "Documented", effective: "Effective" };
  const hasProfiles = nodes.some((node) => node[NODE.documented] !== NONE || node[NODE.effective] !== NONE);
  const byId = (id) => document.getElementById(id);

  function element(tag, options = {}, ...children) {
    const { on = {}, ...attributes } = options;
    const created = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) created.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) created.setAttribute(name, value);
    }
    for (const [name, handler] of Object.entries(on)) created.addEventListener(name, handler);
    created.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return created;
  }
  const verdictMark = (verdict) => element("span", { class: `mark v-${verdicts[verdict]}` }, element("span", { "aria-hidden": "true" }, verdictSigns[verdicts[verdict]]), ` ${verdicts[verdict]}`);
  const formatNumber = (value) => value.toLocaleString("en");
  const pluralize = (value, noun) => `${formatNumber(value)} ${noun}${value === 1 ? "" : "s"}`;
  const withSpaces = (word) => word.replaceAll("_", " ");

  // Everything about a list of rows is computed once for all nodes that share it.
  const isGap = (row) => row[ROW.cause] !== NONE && row[ROW.waiver] === NONE;
  const gapsOfList = rowLists.map((list) => list.map((index) => rows[index]).filter(isGap));
  const causesOfList = gapsOfList.map((gaps) => [...new Set(gaps.map((row) => row[ROW.cause]))]);
  const reasonOfList = causesOfList.map((list) => list.map((cause) => causes[cause][CAUSE.text]).join("; "));
  const namesOfList = gapsOfList.map((gaps) => gaps.map((row) => requirements[row[ROW.requirement]][REQUIREMENT.label]).join(" "));

  const hasData = (node) => node[NODE.no_data_cause] === NONE;
  const rowsOf = (node) => (node[NODE.rows] === NONE ? [] : rowLists[node[NODE.rows]].map((index) => rows[index]));
  const gapsOf = (node) => (node[NODE.rows] === NONE ? [] : gapsOfList[node[NODE.rows]]);
  const noteOf = (node) => notes[node[NODE.note]];
  const secondaryNotes = (node) => noteOf(node)[NOTE.secondary_notes];
  const expectedVerdict = (node) => noteOf(node)[NOTE.expected_verdict];
  const failures = (node) => (hasData(node) ? node[NODE.text] : "");

  function causesOf(node) {
    if (!hasData(node)) return [node[NODE.no_data_cause]];
    return node[NODE.rows] === NONE ? [] : causesOfList[node[NODE.rows]];
  }

  function reasonOf(node) {
    if (!hasData(node)) return node[NODE.text];
    return [reasonOfList[node[NODE.rows]], secondaryNotes(node)].filter(Boolean).join("; ");
  }

  const searchTexts = nodes.map((node) => [node[NODE.name], ...systems[node[NODE.system]], verdicts[node[NODE.verdict]], reasonOf(node), namesOfList[node[NODE.rows]] ?? "", node[NODE.text]].join("\n").toLowerCase());
  const urgency = (index) => MOST_URGENT_FIRST.indexOf(nodes[index][NODE.verdict]);
  const order = nodes.map((_, index) => index).sort((a, b) => urgency(a) - urgency(b) || a - b);

  // Filters
  const NO_FILTER = { words: "", verdict: NONE, system: NONE, cause: NONE, pattern: NONE };
  const filter = { ...NO_FILTER };
  let shownCount = PAGE_SIZE;
  let found = [];

  function matches(index, words) {
    const node = nodes[index];
    return (
      (filter.verdict === NONE || node[NODE.verdict] === filter.verdict) &&
      (filter.system === NONE || node[NODE.system] === filter.system) &&
      (filter.pattern === NONE || node[NODE.pattern] === filter.pattern) &&
      (filter.cause === NONE || causesOf(node).includes(filter.cause)) &&
      words.every((word) => searchTexts[index].includes(word))
    );
  }

  function applyFilter() {
    const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
    found = order.filter((index) => matches(index, words));
    shownCount = PAGE_SIZE;
    for (const chip of ui.chips.children) chip.setAttribute("aria-pressed", String(Number(chip.dataset.verdict) === filter.verdict));
    ui.system.value = filter.system;
    ui.cause.value = filter.cause;
    ui.clear.hidden = Object.entries(NO_FILTER).every(([name, value]) => filter[name] === value);
    showList();
  }

  function showList() {
    ui.body.replaceChildren(...found.slice(0, shownCount).map(nodeRow));
    showCount();
  }

  // Show how many nodes were found, and how many of them are in the list.
  function showCount() {
    const pattern = filter.pattern === NONE ? "" : " of one row of the heat map";
    const limit = found.length > shownCount ? `, the first ${formatNumber(shownCount)} shown` : "";
    ui.found.textContent = `${pluralize(found.length, "node")}${pattern}${limit}`;
    ui.more.hidden = found.length <= shownCount;
    ui.more.textContent = `Show ${formatNumber(Math.min(PAGE_SIZE, found.length - shownCount))} more`;
  }

  function showMore() {
    const next = shownCount;
    shownCount += PAGE_SIZE;
    ui.body.append(...found.slice(next, shownCount).map(nodeRow));
    showCount();
    ui.body.children[next]?.querySelector("a")?.focus();
  }

  function showOnly(part) {
    Object.assign(filter, NO_FILTER, part);
    ui.search.value = filter.words;
    applyFilter();
    byId("nodes").scrollIntoView();
    ui.search.focus({ preventScroll: true });
  }

  // The list of nodes
  const muted = (text) => (text ? element("span", { class: "muted" }, text) : "");

  function nodeRow(index) {
    const node = nodes[index];
    const system = systems[node[NODE.system]];
    const kernel = system[SYSTEM.kernel];
    const expected = expectedVerdict(node);
    const isWaived = node[NODE.verdict] !== node[NODE.unwaived_verdict];
    const probe = node[NODE.probe_result];
    const profileCell = ([profile, label]) => element("td", { class: "pair", "data-label": label }, node[NODE[profile]] === NONE ? "" : verdictMark(node[NODE[profile]]));
    return element(
      "tr",
      {},
      element("td", {}, element("a", { href: `#node=${encodeURIComponent(node[NODE.name])}` }, node[NODE.name])),
      element("td", { class: "system" }, system[SYSTEM.system], kernel ? element("span", { class: "muted mono" }, kernel) : ""),
      element("td", {}, verdictMark(node[NODE.verdict]), muted(expected && `expected: ${expected}`), muted(isWaived && "with waivers"), muted(probe && `probe: ${withSpaces(probe)}`)),
      ...(hasProfiles ? Object.entries(PROFILES).map(profileCell) : []),
      element("td", { class: "reason" }, reasonOf(node), muted(failures(node) && `failed: ${failures(node)}`)),
    );
  }

  const ui = {};
  function buildList() {
    const setFilter = (key) => (event) => { filter[key] = Number(event.target.value); applyFilter(); };
    const option = ([text, value]) => element("option", { value }, text);
    ui.search = element("input", { type: "search", placeholder: "Search names, systems, reasons", "aria-label": "Search nodes", autocomplete: "off", on: { input: () => { filter.words = ui.search.value; applyFilter(); } } });
    const counts = verdicts.map((_, verdict) => nodes.filter((node) => node[NODE.verdict] === verdict).length);
    const toggleVerdict = (verdict) => { filter.verdict = filter.verdict === verdict ? NONE : verdict; applyFilter(); };
    const chip = (text, verdict, kind) => element("button", { type: "button", class: `chip v-${kind}`, "data-verdict": verdict, "aria-pressed": "false", on: { click: () => toggleVerdict(verdict) } }, text);
    const verdictChip = (name, verdict) => (counts[verdict] ? chip(`${verdictSigns[name]} ${name} ${formatNumber(counts[verdict])}`, verdict, name) : "");
    ui.chips = element("div", { class: "chips", role: "group", "aria-label": "Verdict" }, chip("all", NONE, "all"), ...verdicts.map(verdictChip));
    const systemOptions = systems
      .map((system, index) => [`${system[SYSTEM.system]}, ${system[SYSTEM.kernel]}`, index])
      .filter(([text]) => text !== ", ")
      .sort((a, b) => (a[0] < b[0] ? -1 : 1));
    ui.system = element("select", { "aria-label": "System and kernel", on: { change: setFilter("system") } }, ...[["Every system", NONE], ...systemOptions].map(option));
    const causeOptions = causes.map((cause, index) => [cause[CAUSE.text], index]);
    ui.cause = element("select", { "aria-label": "Root cause", on: { change: setFilter("cause") } }, ...[["Every cause", NONE], ...causeOptions].map(option));
    ui.clear = element("button", { type: "button", class: "chip", hidden: true, on: { click: () => showOnly({}) } }, "Clear filters");
    ui.found = element("p", { class: "found", role: "status" });
    ui.body = element("tbody");
    ui.more = element("button", { type: "button", class: "plain", on: { click: showMore } });
    const headings = ["Node", "System", "Verdict", ...(hasProfiles ? Object.values(PROFILES) : []), "Reason"];
    byId("app").append(
      element("div", { class: "controls" }, ui.search, ui.system, ui.cause),
      element("div", { class: "controls" }, ui.chips, ui.clear),
      ui.found,
      element("div", { class: "scroll" }, element("table", { class: "list nodes stack" }, tableHead(headings), ui.body)),
      ui.more,
    );
    byId("app").hidden = false;
  }

  const tableHead = (headings) => element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text))));

  // Print more of the list than the screen shows. The line above the list says how many nodes there are.
  let shownOnScreen = PAGE_SIZE;
  addEventListener("beforeprint", () => { shownOnScreen = shownCount; shownCount = Math.max(shownCount, MAX_ROWS_ON_PAPER); showList(); });
  addEventListener("afterprint", () => { shownCount = shownOnScreen; showList(); });

  // The tables above the list become links to the list.
  function linkTables() {
    document.documentElement.classList.add("script");
    for (const tile of document.querySelectorAll("[data-verdict].tile:not(.none)")) {
      const verdict = verdicts.indexOf(tile.dataset.verdict);
      tile.append(element("button", { type: "button", "aria-label": `Show the nodes that are ${tile.dataset.verdict}`, on: { click: () => showOnly({ verdict }) } }));
    }
    for (const row of document.querySelectorAll("[data-cause]")) {
      const text = row.querySelector(".cause");
      text.replaceChildren(element("button", { type: "button", on: { click: () => showOnly({ cause: Number(row.dataset.cause) }) } }, text.textContent));
    }
    for (const row of document.querySelectorAll("[data-pattern]")) {
      const text = row.querySelector("b");
      text.replaceChildren(element("button", { type: "button", class: "link", on: { click: () => showOnly({ pattern: Number(row.dataset.pattern) }) } }, text.textContent));
    }
    for (const table of document.querySelectorAll("table.folded")) unfoldByButton(table);
  }

  function unfoldByButton(table) {
    const hidden = table.querySelectorAll("tr.more").length;
    if (!hidden) return;
    const onPaper = element("p", { class: "paper note" }, `${formatNumber(hidden)} more are on the screen.`);
    const unfold = () => { table.classList.add("open"); button.remove(); onPaper.remove(); };
    const button = element("button", { type: "button", class: "plain", on: { click: unfold } }, `Show ${formatNumber(hidden)} more`);
    table.parentElement.after(button, onPaper);
  }

  // The details of a node
  const dialog = byId("details");
  const KEY_TEXTS = {
    expected: "verdict after the plan", not_loadable: "cannot be loaded", not_removed: "not removed", result: "result", load: "to load",
    persist: "to load at every boot", refused: "refused", optional: "loaded only if the kernel has it", loaded: "loaded", persisted: "persisted",
    boot_file: "boot file", disruption: "interrupts pods", check_mode: "in check mode only", rule_sets: "rule sets",
  };
  const DISAGREEMENT_TEXTS = {
    documented: "the page requires them, but no rule of this selection uses them",
    effective: "rules of this selection use them, but the page does not list them",
  };
  const requirementLabel = (id) => requirements.find((requirement) => requirement[REQUIREMENT.id] === id)?.[REQUIREMENT.label] ?? id;

  function buildDetails(node) {
    const note = noteOf(node);
    const close = element("button", { type: "button", class: "plain", on: { click: () => dialog.close() } }, "Close");
    const title = element("div", {}, element("h2", { id: "details-name", tabindex: "-1" }, node[NODE.name]), element("p", {}, verdictMark(node[NODE.verdict])), profileVerdicts(node));
    return [
      element("div", { class: "details-head" }, title, close),
      element("dl", { class: "facts" }, ...listFacts(node).flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)])),
      ...gapSection(node),
      ...section("Alternatives that would make the node ready", note[NOTE.alternatives].map((text) => element("li", {}, text))),
      ...kernelConfigSection(note[NOTE.kernel_config]),
      ...section("Required by one profile only", disagreementItems(note[NOTE.disagreements])),
      ...section("Findings", note[NOTE.findings].map(findingItem)),
      ...section("Plan", note[NOTE.plan].map(detailItem)),
      ...section("Execution", note[NOTE.execution].map(detailItem)),
      ...section("Probe: rules like Istio's, loaded on the node", note[NOTE.probe].map(detailItem)),
      ...section("Changed since the previous report", (changes[node[NODE.name]] ?? []).map(changeItem)),
      ...requirementTable(node),
    ];
  }

  function kernelConfigSection(lines) {
    return lines.length ? [element("h3", {}, "Options that the kernel was built without"), element("pre", { class: "mono" }, lines.join("\n"))] : [];
  }

  function profileVerdicts(node) {
    if (!hasProfiles || !hasData(node)) return "";
    const pair = ([profile, label]) => element("span", { class: "pair" }, `${label} `, node[NODE[profile]] === NONE ? "not assessed" : verdictMark(node[NODE[profile]]));
    return element("p", {}, ...Object.entries(PROFILES).map(pair));
  }

  function listFacts(node) {
    const note = noteOf(node);
    const system = systems[node[NODE.system]];
    const isWaived = node[NODE.verdict] !== node[NODE.unwaived_verdict];
    return [
      ["Verdict", isWaived ? `${verdicts[node[NODE.unwaived_verdict]]} without waivers` : ""],
      ["Expected", expectedVerdict(node) ? `${expectedVerdict(node)} after the plan` : ""],
      ["Target", note[NOTE.target]],
      ["Notes", hasData(node) ? secondaryNotes(node) : ""],
      ["Selection", note[NOTE.selection] === NONE ? "" : data.selections[note[NOTE.selection]]],
      ["System", system[SYSTEM.system]],
      ["Kernel", system[SYSTEM.kernel]],
      ["SELinux", system[SYSTEM.selinux]],
      ["Forecast", note[NOTE.forecast]],
      ["Tools", note[NOTE.tools].map(([name, version]) => `${name} ${version}`).join(", ")],
      ["Observed", node[NODE.observed_at]],
      ["Failed", failures(node)],
    ].filter(([, text]) => text);
  }

  const section = (title, items) => (items.length ? [element("h3", {}, title), element("ul", {}, ...items)] : []);
  const sourceLink = (source) => (/^https:\/\//.test(source) ? element("a", { href: source, rel: "noreferrer" }, "source") : muted(source));
  const detailItem = ([key, items]) => element("li", {}, element("b", {}, KEY_TEXTS[key] ?? withSpaces(key)), `: ${items.join(", ")}`);
  const findingItem = (finding) => element("li", {}, element("b", {}, finding[FINDING.severity]), `: ${finding[FINDING.message]} `, sourceLink(finding[FINDING.source]));

  function changeItem(change) {
    const reason = change[CHANGE.reason] ? ` (${change[CHANGE.reason]})` : "";
    return element("li", {}, element("b", {}, requirementLabel(change[CHANGE.what])), `: ${change[CHANGE.before]} → ${change[CHANGE.after]}${reason}`);
  }

  function disagreementItems(disagreements) {
    const groups = groupBy(disagreements, (disagreement) => disagreement[DISAGREEMENT.required_by]);
    const item = ([profile, group]) => element("li", {}, element("b", {}, group.map((disagreement) => disagreement[DISAGREEMENT.name]).join(", ")), `: ${DISAGREEMENT_TEXTS[profile]}`);
    return [...groups.entries()].map(item);
  }

  function gapSection(node) {
    if (!hasData(node)) {
      const cause = causes[node[NODE.no_data_cause]];
      const box = element("div", { class: "gapbox none" }, element("b", {}, cause[CAUSE.text]), element("p", {}, node[NODE.text]), element("p", { class: "do" }, cause[CAUSE.remedy]));
      return [element("h3", {}, "Reason and remedy"), box];
    }
    const gaps = gapsOf(node);
    if (!gaps.length) return [];
    const boxes = causesOf(node).map((cause) => gapBox(causes[cause], gaps.filter((row) => row[ROW.cause] === cause)));
    return [element("h3", {}, `Reason and remedy: ${pluralize(gaps.length, "gap")}`), ...boxes];
  }

  function gapBox(cause, gaps) {
    const remedy = cause[CAUSE.remedy];
    const groups = groupBy(gaps, gapKey);
    const items = [...groups.values()].map((group) => gapItem(group, !remedy));
    return element("div", { class: `gapbox ${severity(gaps)}` }, element("b", {}, cause[CAUSE.text]), remedy ? element("p", { class: "do" }, remedy) : "", element("ul", {}, ...items));
  }

  function severity(gaps) {
    if (gaps.some((row) => row[ROW.now] === "unmet")) return "";
    return gaps.some((row) => row[ROW.now] === "unknown" || row[ROW.after_reboot] === "unknown") ? "doubt" : "risk";
  }

  function gapItem(group, withRemedy) {
    const row = group[0];
    const labels = group.map((other) => requirements[other[ROW.requirement]][REQUIREMENT.label]).join(", ");
    const reason = row[ROW.reason] ? element("span", { class: "mono muted" }, ` ${row[ROW.reason]}`) : "";
    return element("li", {}, element("b", {}, labels), `: ${describeRow(row)}`, reason, withRemedy && row[ROW.remedy] ? `; ${row[ROW.remedy]}` : "");
  }

  // Requirements with the same text share an item.
  const gapKey = (row) => [row[ROW.state], row[ROW.now], row[ROW.after_reboot], row[ROW.reason], row[ROW.remedy]].join("\n");

  function groupBy(list, key) {
    const groups = new Map();
    for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
    return groups;
  }

  function describeRow(row) {
    const after = row[ROW.after_reboot] === row[ROW.now] ? " and" : `, ${withSpaces(row[ROW.after_reboot])}`;
    return `${row[ROW.state]}, ${withSpaces(row[ROW.now])} now${after} after a reboot`;
  }

  function requirementTable(node) {
    const all = rowsOf(node);
    if (!all.length) return [];
    const headings = ["Requirement", "Level", "Required by", "State", "Now", "After a reboot", "Reason and source"];
    return [
      element("h3", {}, pluralize(all.length, "requirement")),
      element("table", { class: "list rows stack" }, tableHead(headings), element("tbody", {}, ...all.map(requirementRow))),
    ];
  }

  function requirementRow(row) {
    const requirement = requirements[row[ROW.requirement]];
    const kind = requirement[REQUIREMENT.kind];
    const status = row[ROW.status];
    const waiver = row[ROW.waiver] === NONE ? null : waivers[row[ROW.waiver]];
    const texts = [waiver && `waived until ${waiver[WAIVER.until]}: ${waiver[WAIVER.reason]}`, row[ROW.reason]].filter(Boolean);
    const gradeCell = (label, grade) => element("td", { "data-label": label }, element("span", { class: "grade" }, withSpaces(grade)));
    return element(
      "tr",
      {},
      element("td", {}, element("i", { class: `c-${status}${row[ROW.is_must] ? "" : " should"}`, "aria-hidden": "true" }, statusSigns[status]), element("b", {}, requirement[REQUIREMENT.label]), kind === "module" ? "" : ` (${kind})`),
      element("td", {}, row[ROW.is_must] ? "must" : "should"),
      element("td", { "data-label": "required by" }, row[ROW.profiles].join(" and ") || "the site"),
      element("td", {}, row[ROW.state]),
      gradeCell("now", row[ROW.now]),
      gradeCell("after a reboot", row[ROW.after_reboot]),
      element("td", {}, texts.join("; "), " ", sourceLink(requirement[REQUIREMENT.source]), muted(requirement[REQUIREMENT.wording] && ` ${requirement[REQUIREMENT.wording]}`)),
    );
  }

  function followHash() {
    const name = new URLSearchParams(location.hash.slice(1)).get("node");
    const node = name === null ? undefined : nodes.find((entry) => entry[NODE.name] === name);
    if (node) {
      dialog.replaceChildren(...buildDetails(node));
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
      byId("details-name").focus();
    } else if (dialog.open) dialog.close();
  }
  dialog.addEventListener("close", () => { if (location.hash.startsWith("#node=")) history.replaceState(null, "", location.pathname + location.search); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  addEventListener("hashchange", followHash);

  buildList();
  linkTables();
  applyFilter();
  followHash();
})();
