/** The fair queue: who is next, who has to go, whatever comes and goes. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue } from "../../runs/fair_queue.ts";

/** Takes everything that waits, in order. */
function takeAll<Item>(queue: FairQueue<Item>): Item[] {
  const taken: Item[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) taken.push(next);
  return taken;
}

Deno.test("those of one share come in the order in which they were added", () => {
  const queue = new FairQueue<string>(10);
  for (const item of ["a1", "a2", "a3"]) assert.equal(queue.add("a", item), undefined);
  assert.deepEqual(takeAll(queue), ["a1", "a2", "a3"]);
  assert.equal(queue.length, 0);
});

Deno.test("next is the share that holds least, whatever waits before it", () => {
  const queue = new FairQueue<string>(10);
  queue.hold("a", 2);
  const release = queue.hold("b", 3);
  for (const item of ["b1", "a1", "a2"]) queue.add(item[0]!, item);
  assert.equal(queue.next(), "a1");
  queue.hold("a", 1.5);
  assert.equal(queue.next(), "b1", "a holds 3.5 by now");
  release();
  queue.add("b", "b2");
  assert.equal(queue.next(), "b2");
  assert.equal(queue.next(), "a2");
});

Deno.test("of those that hold the same, the one is next that was served longest ago", () => {
  const queue = new FairQueue<string>(10);
  for (const item of ["a1", "a2", "b1", "b2", "c1"]) queue.add(item[0]!, item);
  const served: string[] = [];
  for (let next = queue.next(); next; next = queue.next()) {
    served.push(next);
    // Over before the next one is asked for, so that all hold the same.
    queue.hold(next[0]!, 1)();
  }
  assert.deepEqual(served, ["a1", "b1", "c1", "a2", "b2"]);
});

Deno.test("a full queue loses the newest of the share that has the most waiting", () => {
  const queue = new FairQueue<string>(4);
  for (const item of ["a1", "a2", "a3", "b1"]) queue.add(item[0]!, item);
  assert.equal(queue.full, true);
  assert.equal(queue.add("a", "a4"), "a4", "its own share has the most");
  assert.equal(queue.add("b", "b2"), "a3");
  assert.equal(queue.add("b", "b3"), "b3");
  assert.equal(queue.add("c", "c1"), "a2", "a and b have two each");
});

Deno.test("the position of one more is behind those of its share, each with one of every other", () => {
  const queue = new FairQueue<string>(10);
  queue.hold("c", 1);
  for (const item of ["a1", "a2", "a3", "a4", "b1"]) queue.add(item[0]!, item);
  assert.deepEqual(["a", "b", "c", "d"].map((name) => queue.position(name)), [6, 4, 0, 0]);
});

Deno.test("a queue of no length gives back what is added", () => {
  const queue = new FairQueue<string>(0);
  assert.equal(queue.add("a", "a1"), "a1");
  assert.deepEqual([queue.length, queue.full, queue.next()], [0, true, undefined]);
});

Deno.test("what is taken out is not next, and takes no room", () => {
  const queue = new FairQueue<string>(2);
  queue.add("a", "a1");
  queue.add("a", "a2");
  queue.delete("a", "a1");
  queue.delete("a", "a1");
  queue.delete("b", "b1");
  assert.equal(queue.length, 1);
  assert.equal(queue.add("a", "a3"), undefined);
  assert.deepEqual(takeAll(queue), ["a2", "a3"]);
});

/** What may happen, of four shares. */
const events = fc.array(
  fc.record({
    share: fc.constantFrom("a", "b", "c", "d"),
    weight: fc.constantFrom(1, 1.5, 2, 4),
    /** Asks twice as often as it ends: there is something to choose from. */
    kind: fc.constantFrom("ask", "ask", "end"),
  }),
  // By itself fast-check makes short ones, in which too little happens.
  { maxLength: 200, size: "max" },
);

interface Asked {
  readonly share: string;
  readonly weight: number;
}

/** A server of some units over the queue, as admission is one, with an account of its own. */
function serve(capacity: number, maxLength: number) {
  const queue = new FairQueue<Asked>(maxLength);
  const running: { readonly asked: Asked; readonly release: () => void }[] = [];
  const waiting: Asked[] = [];
  const heldBy = (name: string) =>
    running.filter(({ asked }) => asked.share === name).reduce(
      (sum, { asked }) => sum + asked.weight,
      0,
    );
  const units = () => running.reduce((sum, { asked }) => sum + asked.weight, 0);
  return {
    queue,
    running,
    waiting,
    heldBy,
    units,
    ask(asked: Asked) {
      waiting.push(asked);
      const evicted = queue.add(asked.share, asked);
      if (evicted) waiting.splice(waiting.indexOf(evicted), 1);
      return evicted;
    },
    /** Begins what may, and calls back before each that does. */
    begin(before: (asked: Asked) => void) {
      while (units() < capacity) {
        const next = queue.next();
        if (!next) return;
        before(next);
        waiting.splice(waiting.indexOf(next), 1);
        running.push({ asked: next, release: queue.hold(next.share, next.weight) });
      }
    },
    /** Ends the oldest run of a share, if it has one. */
    end(name: string) {
      const index = running.findIndex(({ asked }) => asked.share === name);
      if (index >= 0) running.splice(index, 1)[0]!.release();
    },
  };
}

Deno.test("no share gets a slot while another one waits that holds less: each has its part, within one run", () => {
  fc.assert(fc.property(events, fc.integer({ min: 1, max: 6 }), (all, capacity) => {
    const server = serve(capacity, 20);
    for (const { kind, share, weight } of all) {
      if (kind === "ask") server.ask({ share, weight });
      else server.end(share);
      server.begin((asked) => {
        const held = server.heldBy(asked.share);
        for (const other of server.waiting) assert.ok(held <= server.heldBy(other.share));
      });
    }
  }));
});

Deno.test("no unit is free while a run waits, whosever it is", () => {
  fc.assert(fc.property(events, fc.integer({ min: 1, max: 6 }), (all, capacity) => {
    const server = serve(capacity, 20);
    for (const { kind, share, weight } of all) {
      if (kind === "ask") server.ask({ share, weight });
      else server.end(share);
      server.begin(() => {});
      assert.equal(server.queue.length, server.waiting.length);
      assert.ok(server.waiting.length === 0 || server.units() >= capacity);
    }
  }));
});

Deno.test("a share that waits and holds nothing is next after each other one that waits, at the latest", () => {
  fc.assert(fc.property(events, fc.integer({ min: 1, max: 6 }), (all, capacity) => {
    const server = serve(capacity, 20);
    /** The slots that others may get before each share that waits and holds nothing. */
    const left = new Map<string, number>();
    const names = () => new Set(server.waiting.map(({ share }) => share));
    for (const { kind, share, weight } of all) {
      if (kind === "ask") server.ask({ share, weight });
      else server.end(share);
      for (const name of ["a", "b", "c", "d"]) {
        const starves = names().has(name) && server.heldBy(name) === 0;
        if (!starves) left.delete(name);
        else if (!left.has(name)) left.set(name, names().size - 1);
      }
      server.begin((asked) => {
        for (const [name, slots] of left) {
          if (name === asked.share) left.delete(name);
          else if (slots > 0) left.set(name, slots - 1);
          else assert.fail(`${name} waits behind ${asked.share}`);
        }
      });
    }
  }));
});

Deno.test("a full queue takes from none that has less waiting than the one that comes", () => {
  fc.assert(fc.property(events, fc.integer({ min: 1, max: 8 }), (all, maxLength) => {
    const server = serve(1, maxLength);
    for (const { kind, share, weight } of all) {
      const count = (name: string) => server.waiting.filter((one) => one.share === name).length;
      if (kind === "ask") {
        const [own, before] = [count(share), server.waiting.length];
        const evicted = server.ask({ share, weight });
        assert.equal(evicted !== undefined, before === maxLength);
        if (evicted && evicted.share !== share) assert.ok(count(evicted.share) >= own + 1);
      } else server.end(share);
      server.begin(() => {});
      assert.ok(server.queue.length <= maxLength);
    }
  }));
});
