/** Random ids, and the two that are kept in the browser: of the session and, if the site asks for it, of the visitor. */
import { idleMs, keepsVisitor, storage, storageKey } from "./settings";

/** 96 random bits as text. */
export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(3)), (word) => word.toString(36)).join("");

const read = (kind: string): string | null => {
  try {
    return storage!.getItem(storageKey + kind);
  } catch {
    return null;
  }
};

const write = (kind: string, value: string): void => {
  try {
    storage!.setItem(storageKey + kind, value);
  } catch {
    // A full or forbidden storage costs only the id.
  }
};

/** The session that a page viewed now belongs to; a new one after `idleMs` of silence. Undefined without storage. */
export const currentSession = (): string | undefined => {
  if (!storage) return undefined;
  const [id, last] = (read("s") || "").split(".");
  return id && Date.now() - Number(last) < idleMs ? id : randomId();
};

/** Keeps the session awake. */
export const touchSession = (id: string | undefined): void => {
  if (id) write("s", id + "." + Date.now());
};

/** An id that stays in this browser. Undefined without storage. */
export const stableId = (): string | undefined => {
  if (!storage) return undefined;
  const id = read("v") || randomId();
  write("v", id);
  return id;
};

/** The visitor id that is sent, if the site wants one. */
export const visitor = keepsVisitor ? stableId() : undefined;
