/** What is known of the objects on a disk, so that the disk is asked for their bytes alone. */

import { ExpiryQueue } from "../expiry_queue.ts";
import type { StoredObject } from "../store.ts";
import type { Holding } from "./holding.ts";
import type { FileIdentity } from "./own_file.ts";

/** An object that is there. */
export interface IndexedObject {
  /** Its facts. */
  readonly object: StoredObject;
  /** Its file. */
  readonly path: string;
  /** Its number in the order of all that were published. */
  readonly number: number;
  /** What it holds of the disk. */
  readonly holding: Holding;
  /** Which file it is: known of one that was put here, to be proved of one that was found. */
  identity: Promise<FileIdentity> | undefined;
}

/** Objects by key, in the order in which they were last got, and in that in which they expire. */
export class ObjectIndex {
  readonly #byKey = new Map<string, IndexedObject>();
  readonly #expiries = new ExpiryQueue<IndexedObject>();

  /** The object of a key. */
  get(key: string): IndexedObject | undefined {
    return this.#byKey.get(key);
  }

  /** All objects, those that were got least recently first. */
  values(): Iterable<IndexedObject> {
    return this.#byKey.values();
  }

  /** Adds an object whose key has none. */
  add(indexed: IndexedObject): void {
    this.#byKey.set(indexed.object.key, indexed);
    this.#expiries.add(indexed, indexed.object.expiresAt);
  }

  /** An object is got now. */
  touch(indexed: IndexedObject): void {
    const { key } = indexed.object;
    this.#byKey.delete(key);
    this.#byKey.set(key, indexed);
  }

  /** Deletes an object; whether it was there until then. */
  delete(indexed: IndexedObject): boolean {
    const { key } = indexed.object;
    this.#expiries.delete(indexed);
    return this.#byKey.get(key) === indexed && this.#byKey.delete(key);
  }

  /** The objects that have expired by then, which will not be returned again, but are there until deleted. */
  takeExpired(until: Date): readonly IndexedObject[] {
    return this.#expiries.takeExpired(until);
  }

  /** An object that has expired could not be removed: it is returned again. */
  expireAgain(indexed: IndexedObject): void {
    this.#expiries.add(indexed, indexed.object.expiresAt);
  }
}
