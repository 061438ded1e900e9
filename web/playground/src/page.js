// What the server wrote into the page.
export function readPage(root) {
  return JSON.parse(root.getElementById("playground").textContent);
}

export const page = readPage(document);
