// Tabs, history and layout outlive a reload. The part of the name that stands for the examples
// changes with them, so that examples with new ids replace tabs that hold old ones.
import { page } from "./page.js";

const prefix = `dripgraph:${page.examplesKey}:`;
const names = () => Object.keys(localStorage).filter((name) => name.startsWith(prefix));

export const storage = {
  get length() {
    return names().length;
  },
  getItem: (name) => localStorage.getItem(prefix + name),
  setItem: (name, value) => localStorage.setItem(prefix + name, value),
  removeItem: (name) => localStorage.removeItem(prefix + name),
  clear: () => names().forEach((name) => localStorage.removeItem(name)),
};
