// Follows a job and changes to its result; without this file the page asks again by itself.
const job = document.getElementById("job");
const bar = document.getElementById("bar");
const stage = document.getElementById("stage");
const soFar = document.getElementById("so-far");

function show(said) {
  bar.value = said.progress.percent;
  stage.textContent = said.progress.stage[0].toUpperCase() + said.progress.stage.slice(1);
  if (!said.interim) return;
  document.getElementById("summary").textContent = said.interim.verdict.summary;
  document.getElementById("remains").replaceChildren(
    ...said.interim.remains.map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }),
  );
  soFar.hidden = false;
}

const events = new EventSource(job.dataset.events);
events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
for (const end of ["done", "failed", "cancelled"]) {
  events.addEventListener(end, () => {
    events.close();
    location.reload();
  });
}
