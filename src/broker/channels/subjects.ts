/** The receivers of a message: everyone without a group, and one member of each group. */
export interface Recipients<T> {
  readonly alone: readonly T[];
  /** Members of one group may have subscribed with different patterns. */
  readonly groups: readonly (readonly T[])[];
}

interface Leaf<T> {
  readonly alone: Set<T>;
  readonly groups: Map<string, Set<T>>;
}

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  /** Subscribers of exactly this subject. */
  readonly here: Leaf<T>;
  /** Subscribers of this subject and everything below it. */
  readonly below: Leaf<T>;
}

const newLeaf = <T>(): Leaf<T> => ({ alone: new Set(), groups: new Map() });
const newNode = <T>(): Node<T> => ({ children: new Map(), here: newLeaf(), below: newLeaf() });

/** How many receivers there are, every member of a group included. */
export const countOf = <T>({ alone, groups }: Recipients<T>): number =>
  groups.reduce((sum, members) => sum + members.length, alone.length);

const cachedSubjects = 1024;

/**
 * Subscriptions by subject pattern.
 *
 * A subject consists of tokens separated by dots. In a pattern, `*` matches any one token and a
 * final `>` matches one or more; elsewhere both are ordinary characters.
 */
export class Subjects<T> {
  readonly #root: Node<T> = newNode();
  // Cached results per subject, until a subscription is added or removed.
  readonly #found = new Map<string, Recipients<T>>();

  /** Adds a subscriber. The returned function removes it. */
  add(pattern: string, group: string, subscriber: T): () => void {
    const path: { node: Node<T>; token: string }[] = [];
    const tokens = pattern.split(".");
    const open = tokens.at(-1) === ">";
    if (open) tokens.pop();
    let node = this.#root;
    for (const token of tokens) {
      path.push({ node, token });
      let next = node.children.get(token);
      if (next === undefined) node.children.set(token, (next = newNode()));
      node = next;
    }
    const end = node;
    const leaf = open ? end.below : end.here;
    const members = group === "" ? leaf.alone : memberSet(leaf, group);
    members.add(subscriber);
    this.#found.clear();
    return () => {
      if (!members.delete(subscriber)) return;
      if (members.size === 0 && leaf.groups.get(group) === members) leaf.groups.delete(group);
      for (let child = end; isEmpty(child);) {
        const step = path.pop();
        if (step === undefined) break;
        step.node.children.delete(step.token);
        child = step.node;
      }
      this.#found.clear();
    };
  }

  match(subject: string): Recipients<T> {
    let found = this.#found.get(subject);
    if (found === undefined) {
      if (this.#found.size >= cachedSubjects) this.#found.clear();
      this.#found.set(subject, (found = this.#collect(subject.split("."))));
    }
    return found;
  }

  #collect(tokens: readonly string[]): Recipients<T> {
    const alone: T[] = [];
    const groups = new Map<string, T[]>();
    const take = (leaf: Leaf<T>) => {
      for (const subscriber of leaf.alone) alone.push(subscriber);
      for (const [group, members] of leaf.groups) {
        groups.set(group, [...(groups.get(group) ?? []), ...members]);
      }
    };
    const visit = (node: Node<T>, depth: number) => {
      const token = tokens[depth];
      if (token === undefined) return take(node.here);
      take(node.below);
      const exact = node.children.get(token);
      if (exact !== undefined) visit(exact, depth + 1);
      const any = token === "*" ? undefined : node.children.get("*");
      if (any !== undefined) visit(any, depth + 1);
    };
    visit(this.#root, 0);
    return { alone, groups: [...groups.values()] };
  }
}

function memberSet<T>(leaf: Leaf<T>, group: string): Set<T> {
  let members = leaf.groups.get(group);
  if (members === undefined) leaf.groups.set(group, (members = new Set()));
  return members;
}

const isEmpty = <T>({ children, here, below }: Node<T>) =>
  children.size === 0 && here.alone.size + here.groups.size + below.alone.size + below.groups.size === 0;

/** Calls `deliver` for everyone without a group, and for one random member of each group. */
export function fanOut<T>({ alone, groups }: Recipients<T>, deliver: (to: T) => void): void {
  for (const subscriber of alone) deliver(subscriber);
  for (const members of groups) {
    const chosen = members[Math.floor(Math.random() * members.length)];
    if (chosen !== undefined) deliver(chosen);
  }
}
