"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.value ?? "";
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)], [u, v] = [Number(x), Number(y)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = Number.isNaN(u) || Number.isNaN(v) ? x.localeCompare(y) : u - v;
      return ascending ? order : -order;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  }));
}
for (const grid of document.querySelectorAll(".grid")) {
  const move = (x, y) => {
    const zoom = Number(getComputedStyle(grid).getPropertyValue("--zoom"));
    const place = (t) => `${100 * Math.min(1, Math.max(0, (t * zoom - 0.5) / (zoom - 1)))}%`;
    grid.style.setProperty("--x", place(x));
    grid.style.setProperty("--y", place(y));
  };
  for (const picture of grid.querySelectorAll(".whole")) {
    const follow = (event) => {
      const box = picture.getBoundingClientRect();
      move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    picture.addEventListener("pointerdown", follow);
    picture.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
  }
  grid.previousElementSibling?.querySelector("input")?.addEventListener("input", (event) => {
    grid.style.setProperty("--zoom", event.target.value);
  });
}
