const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const CHUNK = 48;
let key = at("sort").value, down = key !== "scan", room = CHUNK;

const shown = (value) => Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
const valueOf = (scan) => key === "scan" ? scan.scan : key === "far" ? scan.far : scan.numbers[key];

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function card(scan) {
  const article = make("article", scan.verdict);
  const title = make("h3", "", scan.scan);
  title.append(make("span", "verdict", scan.verdict));
  article.append(title);
  if (scan.figure) {
    const link = make("a"), image = make("img");
    link.href = image.src = scan.figure;
    image.loading = "lazy"; image.width = 900; image.height = 680;
    image.alt = `Three planes of ${scan.scan}, above as read, below prepared`;
    link.append(image); article.append(link);
  }
  if (scan.reason) article.append(make("p", "reason", scan.reason));
  const list = make("dl");
  data.quantities.forEach((name, place) => {
    if (!(name in scan.numbers)) return;
    const mark = scan.beyond.includes(name) ? "beyond" : scan.farKeys.includes(name) ? "far" : "";
    if (!mark && name !== key && name !== "brain_ml" && name !== "template_correlation") return;
    list.append(make("dt", mark, data.words[place]), make("dd", mark, shown(scan.numbers[name])));
  });
  article.append(list);
  return article;
}

function draw() {
  const part = at("find").value.trim().toLowerCase(), kind = at("show").value;
  const kept = data.scans.filter((scan) => scan.scan.toLowerCase().includes(part) && (
    kind === "all" || scan.verdict === kind || (kind === "marked" && (scan.farKeys.length || scan.verdict !== "prepared"))));
  kept.sort((one, other) => {
    const a = valueOf(one), b = valueOf(other);
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
  });
  at("cards").replaceChildren(...kept.slice(0, room).map(card));
  at("shown").textContent = `${Math.min(room, kept.length)} of ${kept.length} shown`;
  at("more").hidden = kept.length <= room;
  at("order").textContent = down ? "↓" : "↑";
  document.querySelectorAll(".quantity").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.key === key)));
}

function choose(name) {
  if (key === name) down = !down; else { key = name; down = name !== "scan"; }
  at("sort").value = key; room = CHUNK; draw();
}

at("sort").onchange = (event) => choose(event.target.value);
at("order").onclick = () => choose(key);
at("show").onchange = at("find").oninput = () => { room = CHUNK; draw(); };
at("more").onclick = () => { room += CHUNK; draw(); };
document.querySelectorAll(".quantity").forEach((one) => { one.onclick = () => choose(one.dataset.key); });
draw();
