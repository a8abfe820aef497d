/** A listener that fails, dies or is lost, and what is noticed of it. */

import assert from "node:assert/strict";
import { type ListenOptions, openListener } from "../../../server/http/listener.ts";
import { until } from "../../waiting.ts";

/** A listener whose `accept` a test decides about. */
function wrap(
  listener: Deno.TcpListener,
  accept: (real: () => Promise<Deno.TcpConn>) => Promise<Deno.TcpConn>,
): Deno.TcpListener {
  return new Proxy(listener, {
    get: (target, key) => {
      if (key === "accept") return () => accept(() => target.accept());
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Opens one on any port, which takes connections and closes them. */
function open(options: Partial<ListenOptions> = {}) {
  const taken: Deno.TcpConn[] = [];
  const lost: Error[] = [];
  const listener = openListener({
    hostname: "127.0.0.1",
    port: 0,
    onConnection: (connection) => {
      taken.push(connection);
      connection.close();
    },
    onLost: (error) => void lost.push(error),
    probeInterval: 50,
    ...options,
  });
  const connect = async () => {
    const { port } = listener.addr;
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  };
  return { listener, taken, lost, connect, [Symbol.dispose]: () => listener.close() };
}

Deno.test("clients are taken, and what tries the listener is not one of them", async () => {
  let accepted = 0;
  using opened = open({
    listen: (options) =>
      wrap(Deno.listen(options), async (real) => {
        const connection = await real();
        accepted++;
        return connection;
      }),
  });
  await opened.connect();
  await until(() => opened.taken.length === 1);
  // It is tried again and again while no client comes.
  await until(() => accepted > 4);
  assert.equal(opened.taken.length, 1);
  assert.deepEqual([opened.listener.accepting, opened.listener.reopened], [true, 0]);
});

Deno.test("an accept that fails is tried again, and it is known meanwhile that none succeeds", async () => {
  let exhausted = true;
  using opened = open({
    listen: (options) =>
      wrap(
        Deno.listen(options),
        (real) => exhausted ? Promise.reject(new Error("Too many open files")) : real(),
      ),
  });
  const { listener, taken, connect } = opened;
  await until(() => listener.failures > 2);
  assert.equal(listener.accepting, false);
  exhausted = false;
  await connect();
  await until(() => taken.length === 1 && listener.accepting);
});

Deno.test("a listener that accepts nothing more is noticed and opened again, on the same port", async () => {
  let opens = 0;
  using opened = open({
    listen: (options) => {
      const listener = Deno.listen(options);
      return ++opens === 1 ? wrap(listener, () => new Promise(() => {})) : listener;
    },
  });
  const { listener, taken, lost, connect } = opened;
  const { port } = listener.addr;
  await until(() => listener.reopened === 1);
  await connect();
  await until(() => taken.length === 1 && listener.accepting);
  assert.deepEqual([listener.addr.port, lost], [port, []]);
});

/** A clock that goes on by so much each time that it is read, whatever the machine does meanwhile. */
class StepClock {
  step: number;
  reads = 0;
  #time = 0;

  constructor(step: number) {
    this.step = step;
  }

  readonly now = (): number => {
    this.reads++;
    return this.#time += this.step;
  };
}

Deno.test("a listener is not opened again while the event loop is late, but once it is on time", async () => {
  // A quarter of the interval takes 100 ms: late by more than half of the 50.
  const clock = new StepClock(100);
  let opens = 0;
  using opened = open({
    now: clock.now,
    reopenTimeout: 200,
    listen: (options) => {
      const listener = Deno.listen(options);
      return ++opens === 1 ? wrap(listener, () => new Promise(() => {})) : listener;
    },
  });
  const { listener, lost } = opened;
  // Several tries: each reads the clock some nine times.
  await until(() => clock.reads > 50);
  assert.deepEqual([listener.reopened, listener.accepting, lost], [0, true, []]);
  clock.step = 10;
  await until(() => listener.reopened === 1);
  assert.deepEqual(lost, []);
});

Deno.test("a listener that accepts others meanwhile is not opened again", async () => {
  const other = {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    close: () => {},
  } as unknown as Deno.TcpConn;
  let busy = true;
  using opened = open({
    now: new StepClock(10).now,
    listen: (options) =>
      wrap(Deno.listen(options), async (real) => {
        // Another client's connection comes in place of the probe's.
        (await real()).close();
        return busy ? other : new Promise<never>(() => {});
      }),
  });
  const { listener, taken, lost } = opened;
  await until(() => taken.length > 3);
  assert.deepEqual([listener.reopened, lost], [0, []]);
  busy = false;
  await until(() => listener.reopened > 0);
});

Deno.test("a port in use is tried again for the timeout, which begins with the first failed try", async () => {
  const clock = new StepClock(10);
  let opens = 0;
  using opened = open({
    now: clock.now,
    reopenTimeout: 10_000,
    listen: (options) => {
      opens++;
      if (opens > 1 && opens < 5) throw new Deno.errors.AddrInUse("Address in use (os error 98)");
      const listener = Deno.listen(options);
      return opens === 1 ? wrap(listener, () => new Promise(() => {})) : listener;
    },
  });
  const { listener, taken, lost, connect } = opened;
  // No client comes for longer than the timeout before the first try.
  clock.step = 20_000;
  clock.now();
  clock.step = 10;
  await until(() => listener.reopened === 1 || lost.length > 0);
  assert.deepEqual([opens, lost], [5, []]);
  await connect();
  await until(() => taken.length === 1 && listener.accepting);
});

Deno.test("a port that cannot be opened again is lost, which is told once", async () => {
  let opens = 0;
  using opened = open({
    reopenTimeout: 200,
    listen: (options) => {
      if (++opens > 1) throw new Error("Address in use");
      return wrap(Deno.listen(options), () => new Promise(() => {}));
    },
  });
  const { listener, lost } = opened;
  await until(() => lost.length > 0);
  assert.equal(
    lost[0]!.message,
    `Cannot listen on 127.0.0.1:${listener.addr.port} any more: Error: Address in use`,
  );
  assert.equal(listener.accepting, false);
  assert.equal(lost.length, 1);
});
