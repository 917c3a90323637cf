// Adds dropping, pasting and progress to the form; without this file the form still works.
const form = document.getElementById("drop");
const input = document.getElementById("file");
const button = form.querySelector("button");
const progress = document.getElementById("progress");
const bar = document.getElementById("bar");
const stage = document.getElementById("stage");
const trouble = document.getElementById("trouble");
let running = false;

document.getElementById("drop-extra").hidden = false;

function tell(problem) {
  trouble.replaceChildren();
  for (const text of [problem.title, problem.detail, problem.hint && `What to do: ${problem.hint}`]) {
    if (!text) continue;
    const line = document.createElement("p");
    line.textContent = text[0].toUpperCase() + text.slice(1);
    trouble.append(line);
  }
  trouble.hidden = false;
}

function rest() {
  running = false;
  button.disabled = false;
  progress.hidden = true;
}

function send(file) {
  if (running || !file) return;
  running = true;
  button.disabled = true;
  trouble.hidden = true;
  progress.hidden = false;
  bar.value = 0;
  stage.textContent = `Sending ${file.name}`;
  const body = new FormData();
  // The declared type follows the name, which people get wrong; the content decides.
  body.append("file", file.slice(0, file.size, "application/octet-stream"), file.name);
  const request = new XMLHttpRequest();
  request.open("POST", "/v1/verify");
  request.responseType = "json";
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
  };
  request.upload.onload = () => {
    bar.removeAttribute("value");
    stage.textContent = "Checking signatures, registry and content";
  };
  request.onload = () => {
    const answer = request.response;
    if (request.status === 200 && answer) {
      location.assign(answer.links.page);
      return;
    }
    if (request.status === 202 && answer) {
      location.assign(`/r/${answer.id}`); // film and sound: a page that follows the job
      return;
    }
    rest();
    tell(answer || { title: "The service did not answer as expected", hint: "try again" });
  };
  request.onerror = () => {
    rest();
    tell({ title: "The connection was lost", hint: "check the connection and the size of the file, then try again" });
  };
  request.send(body);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send(input.files[0]);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) rest();
});
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("over");
  });
}
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) form.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  send(event.dataTransfer?.files[0]);
});
addEventListener("paste", (event) => send(event.clipboardData?.files[0]));
