import type { Connection } from "../../connection/connection.js";
import { Uplink } from "../../stream/send/uplink.js";
import type { Subject } from "../../support/checks.js";
import type { Reader, Source } from "../../transport/index.js";
import { END_GRACE_MS } from "./ending.js";
import {
  type LeaseAsk,
  leaseRequest,
  streamQueueMessageMethod,
  type WireLeaseRequest,
  type WireLeaseResponse,
} from "./wire.js";

/** The StreamQueueMessage call of a lease: sends its requests, with a number for each, and ends. */
export class LeaseCall {
  readonly #connection: Connection;
  readonly #subject: Subject;
  readonly #uplink = new Uplink<WireLeaseRequest>();
  #source: Source<WireLeaseResponse> | undefined;
  #requests = 0;
  #cancelGrace: (() => void) | undefined;
  #resolveEnd = () => {};
  /** Resolves when the server has ended the call. */
  readonly end = new Promise<void>((resolve) => (this.#resolveEnd = resolve));

  constructor(connection: Connection, subject: Subject) {
    this.#connection = connection;
    this.#subject = subject;
  }

  /** Opens the call. What was written before is its first request. */
  open(reader: Reader<WireLeaseResponse>): void {
    this.#source = this.#connection.open(streamQueueMessageMethod, this.#uplink, this.#subject);
    this.#source.read(reader);
  }

  /** Returns the id of the request. */
  write(ask: LeaseAsk): string {
    this.#requests += 1;
    const id = String(this.#requests);
    const { clientId } = this.#connection.options;
    this.#uplink.send(leaseRequest(id, clientId, ask))?.catch(() => {}); // the reader handles the end of the call
    return id;
  }

  /**
   * Lets the server end the call. Servers close a connection that resets many streams, as a defence
   * against attacks.
   */
  finish(): void {
    this.#uplink.close();
    this.#cancelGrace = this.#connection.clock.setTimer(END_GRACE_MS, () => this.#source?.cancel());
  }

  /** The server has ended the call. */
  ended(): void {
    this.#resolveEnd();
    this.#cancelGrace?.();
  }

  cancel(): void {
    this.#source?.cancel();
    this.#cancelGrace?.();
  }
}
